import Daemon
import EventLoop

/// The URL of a listener on this machine.
enum LocalURL {
  /// The URL of the first plain HTTP address with a port. Nil if there is none.
  ///
  /// A wildcard address is reached through loopback.
  static func of(_ addresses: [ListenAddress]) -> String? {
    for address in addresses where !address.expectsProxyHeader {
      guard case .bind(let socketAddress, _) = address.source, let port = socketAddress.port else { continue }
      switch socketAddress {
      case .ipv4("0.0.0.0", _): return "http://127.0.0.1:\(port)"
      case .ipv6("::", _): return "http://[::1]:\(port)"
      default: return "http://\(socketAddress)"
      }
    }
    return nil
  }
}
