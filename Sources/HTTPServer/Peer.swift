package import ClientAddress
internal import EventLoop

/// The client at the other end of a connection.
package struct Peer: Equatable, Sendable {
  /// The socket's peer, or the client that a PROXY header names.
  ///
  /// An HTTP proxy may still stand between.
  package let address: PeerAddress
  /// The key by which connections are counted.
  ///
  /// Nil for peers that act for many clients: this machine, and trusted proxies.
  package let key: ClientKey?
  /// Whether its requests come through a TLS session of this server.
  package internal(set) var usesTLS = false

  /// - Parameters:
  ///   - socketAddress: the socket's peer.
  ///   - trustedProxies: these act for other clients, and are not counted.
  init(_ socketAddress: SocketAddress, trusting trustedProxies: TrustedProxies) {
    address = PeerAddress(socketAddress)
    key = socketAddress.isLoopback || trustedProxies.contains(address) ? nil : ClientKey(address)
  }

  /// A client named by a trusted proxy.
  init(named address: PeerAddress) {
    self.address = address
    key = ClientKey(address)
  }
}

/// The unit that counts as one client: an IPv4 address or IPv6 /64.
///
/// A /64 is what one customer gets (RFC 6177).
package struct ClientKey: Hashable, Sendable {
  private let prefix: IPAddress

  /// Nil for a unix socket, whose peers have no address.
  package init?(_ address: PeerAddress) {
    guard case .ip(let ip) = address else { return nil }
    prefix = ip.isIPv4 ? ip : ip.subnet64
  }
}

extension IPAddress {
  fileprivate var subnet64: IPAddress {
    let network = bytes.prefix(8) + [UInt8](repeating: 0, count: 8)
    return IPAddress(networkOrder: Array(network).span) ?? self
  }
}

extension PeerAddress {
  init(_ address: SocketAddress) {
    switch address {
    case .ipv4(let host, _), .ipv6(let host, _):
      // The system's text is an address, except for the zone of a link-local one.
      let text = host.prefix { $0 != "%" }
      self = IPAddress(String(text)).map { .ip($0) } ?? .unixSocket
    case .unix:
      self = .unixSocket
    }
  }
}
