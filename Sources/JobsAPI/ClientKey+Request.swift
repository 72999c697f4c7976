package import ClientAddress
package import HTTPServer
package import HTTPWire

extension ClientKey {
  /// The client of a request, as trusted proxies report it.
  ///
  /// Nil for a client without an address of its own: this machine, a unix socket, a trusted proxy.
  package init?(of head: RequestHead, from peer: Peer, trusting proxies: TrustedProxies) {
    let client = ForwardedFor(
      peer: peer.address, forwardedFor: head.fields.all("x-forwarded-for"),
      forwarded: head.fields.all("forwarded"), trusting: proxies
    ).client
    guard !proxies.contains(client) else { return nil }
    self.init(client)
  }
}
