/// The result of ``TLSSession/handshake()``.
package enum HandshakeProgress: Equatable {
  case complete
  case needsMore
  /// There may still be an alert to send.
  case failed(TLSError)
}

/// The result of ``TLSSession/read(into:limit:)``.
package enum ReadResult: Equatable {
  /// So many bytes of plaintext were appended.
  case transferred(Int)
  /// Everything that arrived was read.
  case needsMore
  /// The client sent close_notify (RFC 8446 section 6.1).
  case closed
  /// There may still be an alert to send.
  case failed(TLSError)
}

/// The result of ``TLSSession/write(_:)``.
package enum WriteResult: Equatable {
  /// All of it was encrypted into the outgoing bytes.
  case written
  case failed(TLSError)
}
