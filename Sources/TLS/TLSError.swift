/// The reason the TLS of a connection failed.
///
/// The texts are stable and contain nothing that the peer sent.
package enum TLSError: Error, Equatable, CustomStringConvertible {
  /// The peer sent a plain HTTP request. Nothing was sent yet, so the server may still respond in the clear.
  case plainHTTP
  /// The first bytes are neither TLS nor HTTP.
  case notTLS
  /// The client supports neither TLS 1.2 nor 1.3.
  case unsupportedVersion
  case noSharedCipher
  case noSharedGroup
  case noSharedSignature
  /// ALPN has no common protocol: the client does not offer HTTP/1.1 (RFC 7301 section 3.2).
  case noSharedApplicationProtocol
  /// The client fell back to an older version without need (RFC 7507).
  case inappropriateFallback
  /// The client sent this fatal alert (RFC 8446 section 6.2).
  case alert(UInt8)
  /// A record was modified: its authentication tag does not match.
  case damagedRecord
  /// Another protocol violation. The number is OpenSSL's reason (sslerr.h).
  case protocolViolation(reason: Int32)
  /// The handshake exceeded ``TLSSession/maxHandshakeBytes``.
  case handshakeTooLong
  /// The client exceeded ``TLSSession/maxEmptyRecords``.
  case tooManyEmptyRecords
  /// More than ``TLSSession/maxPendingBytes`` arrived unread: an error of the caller.
  case overrun
  /// The connection ended without close_notify, or during the handshake.
  ///
  /// Data may be missing (RFC 8446 section 6.1).
  case truncated
  /// The session is closed, or its handshake is not complete.
  case notOpen
  /// OpenSSL has no memory, or failed internally.
  case unavailable

  package var description: String {
    switch self {
    case .plainHTTP: "the client speaks HTTP, not TLS"
    case .notTLS: "the client does not speak TLS"
    case .unsupportedVersion: "unsupported protocol version"
    case .noSharedCipher: "no shared cipher"
    case .noSharedGroup: "no shared key exchange group"
    case .noSharedSignature: "no shared signature algorithm"
    case .noSharedApplicationProtocol: "no shared application protocol"
    case .inappropriateFallback: "fallback to an older version than needed"
    case .alert(let number): "\(Self.name(ofAlert: number)) alert received"
    case .damagedRecord: "a record was changed on its way"
    case .protocolViolation(let reason): "protocol violation \(reason)"
    case .handshakeTooLong: "the handshake is too long"
    case .tooManyEmptyRecords: "too many records without data, such as key updates"
    case .overrun: "more bytes than are read"
    case .truncated: "the connection broke off"
    case .notOpen: "the session is not open"
    case .unavailable: "OpenSSL failed"
    }
  }

  /// The alerts of RFC 8446 section 6 and RFC 5246 section 7.2 that clients use.
  private static func name(ofAlert number: UInt8) -> String {
    switch number {
    case 10: "unexpected message"
    case 20: "bad record MAC"
    case 22: "record overflow"
    case 40: "handshake failure"
    case 42: "bad certificate"
    case 43: "unsupported certificate"
    case 44: "certificate revoked"
    case 45: "certificate expired"
    case 46: "certificate unknown"
    case 47: "illegal parameter"
    case 48: "unknown CA"
    case 49: "access denied"
    case 50: "decode error"
    case 51: "decrypt error"
    case 70: "protocol version"
    case 71: "insufficient security"
    case 80: "internal error"
    case 86: "inappropriate fallback"
    case 90: "user canceled"
    case 100: "no renegotiation"
    case 109: "missing extension"
    case 110: "unsupported extension"
    case 112: "unrecognized name"
    case 120: "no application protocol"
    default: "number \(number)"
    }
  }
}
