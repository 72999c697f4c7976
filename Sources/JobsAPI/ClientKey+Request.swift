internal import ClientAddress
internal import HTTPServer
internal import HTTPWire

extension ClientKey {
  /// The client of a request, as trusted proxies report it.
  ///
  /// Nil for a client without an address of its own: this machine, a unix socket, a trusted proxy.
  init?(of head: RequestHead, from peer: Peer, trusting proxies: TrustedProxies) {
    let client = ForwardedFor(
      peer: peer.address, forwardedFor: head.fields.all("x-forwarded-for"),
      forwarded: head.fields.all("forwarded"), trusting: proxies
    ).client
    guard let key = client == peer.address ? peer.key : ClientKey(client), !proxies.contains(client) else {
      return nil
    }
    self = key
  }
}
