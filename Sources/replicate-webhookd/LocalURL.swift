import Daemon
import EventLoop
internal import Settings

/// The URL of a listener of this machine.
enum LocalURL {
  /// Of the first address that takes HTTP on a port; one that means every address of the machine is reached through its
  /// loopback. Nil where there is none.
  static func of(_ addresses: [ListenAddress]) -> String? {
    for address in addresses where !address.expectsProxyHeader {
      guard case .bind(let socketAddress, _) = address.place, let port = socketAddress.port else { continue }
      switch socketAddress {
      case .ipv4("0.0.0.0", _): return "http://127.0.0.1:\(port)"
      case .ipv6("::", _): return "http://[::1]:\(port)"
      default: return "http://\(socketAddress)"
      }
    }
    return nil
  }
}
