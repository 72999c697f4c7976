import COpenSSL

/// The TLS context that all connections of a run share.
///
/// The server's certificate is not verified, because the benchmark does not measure that.
final class TLSClientContext {
  fileprivate let handle: OpaquePointer

  init() throws {
    guard let handle = SSL_CTX_new(TLS_client_method()) else { throw Failure("OpenSSL has no TLS", .system) }
    self.handle = handle
    SSL_CTX_set_verify(handle, SSL_VERIFY_NONE, nil)
    // A partial write is continued with the same bytes at another address; the second mode allows that.
    _ = copenssl_set_mode(
      handle, Int(SSL_MODE_ENABLE_PARTIAL_WRITE) | Int(SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER))
  }

  deinit {
    SSL_CTX_free(handle)
  }
}

/// One TLS connection over a non-blocking socket, which it does not own.
final class TLSClient {
  enum Progress: Equatable {
    case done(Int)
    case wouldBlock
    case failed
  }

  private let handle: OpaquePointer

  /// Nil if OpenSSL cannot allocate memory.
  init?(_ context: TLSClientContext, descriptor: Int32) {
    guard let handle = SSL_new(context.handle) else { return nil }
    self.handle = handle
    guard SSL_set_fd(handle, descriptor) == 1 else { return nil }
    SSL_set_connect_state(handle)
  }

  deinit {
    SSL_free(handle)
  }

  func performHandshake() -> Progress {
    ERR_clear_error()
    let result = SSL_do_handshake(handle)
    return result == 1 ? .done(0) : reason(result)
  }

  func write(_ bytes: UnsafeRawBufferPointer) -> Progress {
    ERR_clear_error()
    var count = 0
    let result = SSL_write_ex(handle, bytes.baseAddress, bytes.count, &count)
    return result == 1 ? .done(count) : reason(result)
  }

  /// Reads bytes; `.done(0)` if the server has closed.
  func read(into bytes: UnsafeMutableRawBufferPointer) -> Progress {
    ERR_clear_error()
    var count = 0
    let result = SSL_read_ex(handle, bytes.baseAddress, bytes.count, &count)
    return result == 1 ? .done(count) : reason(result)
  }

  /// Sends close_notify without waiting for the peer's.
  func sendCloseNotify() {
    ERR_clear_error()
    SSL_shutdown(handle)
  }

  private func reason(_ result: Int32) -> Progress {
    switch SSL_get_error(handle, result) {
    case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: .wouldBlock
    case SSL_ERROR_ZERO_RETURN: .done(0)
    default: .failed
    }
  }
}
