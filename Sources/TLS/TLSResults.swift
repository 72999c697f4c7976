/// How far ``TLSSession/handshake()`` came.
package enum HandshakeProgress: Equatable {
  case complete
  case needsMore
  /// There may be an alert to send yet.
  case failed(TLSError)
}

/// What ``TLSSession/read(into:limit:)`` did.
package enum ReadResult: Equatable {
  /// So many bytes of plaintext were appended.
  case transferred(Int)
  /// Everything that arrived is read.
  case needsMore
  /// The client has said that nothing more will come (close_notify, RFC 8446 section 6.1).
  case closed
  /// There may be an alert to send yet.
  case failed(TLSError)
}

/// What ``TLSSession/write(_:)`` did.
package enum WriteResult: Equatable {
  /// All of it is among the outgoing bytes.
  case written
  case failed(TLSError)
}
