internal import COpenSSL

/// The OpenSSL error queue of the calling thread.
///
/// Every call that can fail starts with an empty queue. Otherwise the errors of one connection would be read
/// as those of the next (SSL_get_error(3)).
enum ErrorQueue {
  static func clear() {
    ERR_clear_error()
  }

  /// Empties the queue and returns the first reason of libssl, which is the cause.
  static func takeReason() -> Int32? {
    var reason: Int32?
    while true {
      // Ends: the queue is a ring of 16 (ERR_get_error(3)).
      let error = ERR_get_error()
      guard error != 0 else { return reason }
      if reason == nil, ERR_GET_LIB(error) == ERR_LIB_SSL { reason = ERR_GET_REASON(error) }
    }
  }

  /// Empties the queue and maps the cause to an error of the connection.
  static func takeError(isEstablished: Bool) -> TLSError {
    guard let reason = takeReason() else { return .unavailable }
    switch reason {
    case SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST: return .plainHTTP
    // After the handshake a record has a wrong version; before it, the bytes are no record at all.
    case SSL_R_WRONG_VERSION_NUMBER where !isEstablished: return .notTLS
    case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_VERSION_TOO_LOW: return .unsupportedVersion
    case SSL_R_NO_SHARED_CIPHER: return .noSharedCipher
    case SSL_R_NO_SHARED_GROUPS, SSL_R_NO_SUITABLE_KEY_SHARE, SSL_R_NO_SUITABLE_GROUPS: return .noSharedGroup
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS, SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
      return .noSharedSignature
    case SSL_R_NO_APPLICATION_PROTOCOL: return .noSharedApplicationProtocol
    case SSL_R_INAPPROPRIATE_FALLBACK: return .inappropriateFallback
    case SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC: return .damagedRecord
    case SSL_R_UNEXPECTED_EOF_WHILE_READING: return .truncated
    case SSL_AD_REASON_OFFSET...SSL_AD_REASON_OFFSET + 255:
      return .alert(UInt8(truncatingIfNeeded: reason - SSL_AD_REASON_OFFSET))
    // "No memory", "internal error" and other fatal reasons of any library (err.h).
    case let reason where Int(reason) & ERR_RFLAG_FATAL != 0: return .unavailable
    default: return .protocolViolation(reason: reason)
    }
  }
}
