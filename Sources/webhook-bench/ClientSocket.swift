import CLinux
import Glibc

/// One non-blocking connection, with or without TLS.
///
/// Owned by a slot of the loop; a class because slots are stored in an array.
final class ClientSocket {
  enum Transfer: Equatable {
    case moved(Int)
    case wouldBlock
    /// The peer has closed, or the connection is lost.
    case ended
  }

  let descriptor: Int32
  private let context: TLSClientContext?
  private var session: TLSClient?

  /// Starts connecting; nil if that fails at once.
  ///
  /// - Parameter source: the IPv4 address to connect from; nil for the system's choice.
  init?(to endpoint: Endpoint, _ context: TLSClientContext?, from source: UInt32? = nil) {
    let descriptor = clinux_socket(endpoint.family)
    guard descriptor >= 0 else { return nil }
    self.descriptor = descriptor
    self.context = context
    // Disables Nagle's algorithm: the rest of a large request must not wait for an acknowledgement.
    _ = clinux_set_option(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
    if let source, !Self.bind(descriptor, to: source) { return nil }
    let result = endpoint.withAddress { connect(descriptor, $0, $1) }
    guard result == 0 || errno == EINPROGRESS else { return nil }
  }

  /// Sends close_notify over TLS, then closes.
  deinit {
    session?.sendCloseNotify()
    session = nil
    close(descriptor)
  }

  /// Completes the connection, TLS handshake included.
  ///
  /// Call it when the socket is writable, and on every readiness until it returns `.moved`.
  func establish() -> Transfer {
    if session == nil {
      var (error, length) = (Int32(0), socklen_t(MemoryLayout<Int32>.size))
      guard getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length) == 0, error == 0 else {
        return .ended
      }
      guard let context else { return .moved(0) }
      session = TLSClient(context, descriptor: descriptor)
    }
    return session.map { Self.transfer($0.performHandshake()) } ?? .ended
  }

  func send(_ bytes: UnsafeRawBufferPointer) -> Transfer {
    if let session { return Self.transfer(session.write(bytes)) }
    return Self.transfer(clinux_send(descriptor, bytes.baseAddress, bytes.count))
  }

  /// Receives bytes; returns `.ended` also at the end of the stream.
  func receive(into bytes: UnsafeMutableRawBufferPointer) -> Transfer {
    let result: Transfer
    if let session {
      result = Self.transfer(session.read(into: bytes))
    } else {
      result = Self.transfer(clinux_receive(descriptor, bytes.baseAddress, bytes.count))
    }
    return result == .moved(0) ? .ended : result
  }

  /// Whether the connection is open and has nothing to read.
  var isIdle: Bool {
    var byte: UInt8 = 0
    return recv(descriptor, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)) < 0
      && errno == EAGAIN
  }

  private static func bind(_ descriptor: Int32, to source: UInt32) -> Bool {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = source.bigEndian
    let length = socklen_t(MemoryLayout<sockaddr_in>.size)
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { clinux_bind(descriptor, $0, length) == 0 }
    }
  }

  private static func transfer(_ result: Int) -> Transfer {
    if result >= 0 { return .moved(result) }
    return result == -Int(EAGAIN) || result == -Int(EINTR) ? .wouldBlock : .ended
  }

  private static func transfer(_ progress: TLSClient.Progress) -> Transfer {
    switch progress {
    case .done(let count): .moved(count)
    case .wouldBlock: .wouldBlock
    case .failed: .ended
    }
  }
}
