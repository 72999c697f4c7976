internal import Foundation
internal import LiveDaemon

/// A listening socket that counts connections.
///
/// It shows from outside the browser that no request has left it.
package final class Tripwire {
  package let port: Int
  private let descriptor: Int32
  private var count = 0

  package init() throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
    guard descriptor >= 0 else { throw Unusable("no socket") }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = self.descriptor
    let isListening = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(descriptor, address, size) == 0 && listen(descriptor, 64) == 0
          && getsockname(descriptor, address, &size) == 0
      }
    }
    port = Int(in_port_t(bigEndian: address.sin_port))
    guard isListening else { throw Unusable("no port is free") }
  }

  deinit { close(descriptor) }

  /// How many connections there were.
  package var connectionCount: Int {
    while true {
      let connection = accept(descriptor, nil, nil)
      guard connection >= 0 else { return count }
      close(connection)
      count += 1
    }
  }
}
