/// The address at the other end of a connection.
package enum PeerAddress: Hashable, Sendable {
  case ip(IPAddress)
  /// A process of this machine, which has no address.
  case unixSocket
}

extension PeerAddress: CustomStringConvertible {
  package var description: String {
    switch self {
    case .ip(let address): address.description
    case .unixSocket: "unix"
    }
  }
}
