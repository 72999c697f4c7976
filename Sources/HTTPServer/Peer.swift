package import ClientAddress
internal import EventLoop

/// Who is at the other end of a connection.
package struct Peer: Equatable, Sendable {
  /// The socket's own peer, or whom a PROXY header names in its place. A proxy that speaks HTTP may still stand between.
  package let address: PeerAddress
  /// Connections are counted by this; nil for who speaks for many: this machine, and trusted proxies.
  let key: ClientKey?

  /// - Parameters:
  ///   - socketAddress: the socket's own peer.
  ///   - trustedProxies: speak for others, and are not counted.
  init(_ socketAddress: SocketAddress, trusting trustedProxies: TrustedProxies) {
    address = PeerAddress(socketAddress)
    key = socketAddress.isLoopback || trustedProxies.contains(address) ? nil : ClientKey(address)
  }

  /// A client that a trusted proxy has named.
  init(named address: PeerAddress) {
    self.address = address
    key = ClientKey(address)
  }
}

/// What counts as one client: an IPv4 address, or an IPv6 /64, which is what one customer gets (RFC 6177).
struct ClientKey: Hashable, Sendable {
  private let prefix: IPAddress

  /// Nil for a unix socket, whose peers have no address.
  init?(_ address: PeerAddress) {
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
      // What the system wrote is an address, but for the zone of a link-local one.
      let text = host.prefix { $0 != "%" }
      self = IPAddress(String(text)).map { .ip($0) } ?? .unixSocket
    case .unix:
      self = .unixSocket
    }
  }
}
