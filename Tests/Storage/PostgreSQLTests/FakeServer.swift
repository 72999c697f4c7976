import Foundation
import LiveDaemon

/// A listener on 127.0.0.1 that answers as a closure does.
///
/// It keeps its connections open until it ends.
final class FakeServer: Sendable {
  let port: Int
  private let listener: Int32

  /// - Parameter answer: called with each connection, on a thread of its own.
  init(_ answer: @escaping @Sendable (_ connection: Int32) -> Void) throws {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isListening = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, length) == 0 && listen(listener, 16) == 0
          && getsockname(listener, $0, &length) == 0
      }
    }
    guard isListening else { throw Unusable("the fake server cannot listen") }
    self.listener = listener
    port = Int(UInt16(bigEndian: address.sin_port))
    Thread.detachNewThread {
      var accepted: [Int32] = []
      // Ends when the listener is shut down.
      while true {
        let connection = accept(listener, nil, nil)
        guard connection >= 0 else { break }
        accepted.append(connection)
        Thread.detachNewThread { answer(connection) }
      }
      close(listener)
      for connection in accepted { close(connection) }
    }
  }

  deinit { shutdown(listener, Int32(SHUT_RDWR)) }

  /// Sends `bytes` as far as the client takes them.
  static func send(_ bytes: [UInt8], to connection: Int32) {
    _ = bytes.withUnsafeBytes { Foundation.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
  }

}
