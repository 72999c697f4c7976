internal import ClientAddress
internal import TLS

/// Why connections ended although no request was refused, as metrics and logs name it: stable names.
package enum ConnectionFailureReason: String, CaseIterable, Sendable {
  case proxyHeader = "proxy_header"
  case tlsHandshake = "tls_handshake"
  case timedOut = "timed_out"
  case ended
  case emptyRecords = "empty_records"
}

extension ConnectionFailure {
  package var reason: ConnectionFailureReason {
    switch self {
    case .notATrustedProxy, .proxyHeader: .proxyHeader
    case .handshake: .tlsHandshake
    case .timedOut: .timedOut
    case .ended: .ended
    case .tooManyEmptyRecords: .emptyRecords
    }
  }

  /// The explanation for the log; nil for failures that happen every day and mean nothing.
  package var explanation: String? {
    switch self {
    case .notATrustedProxy: "a PROXY header is taken from TRUSTED_PROXIES only, and this peer is none of them"
    case .proxyHeader(let error): error.explanation
    case .handshake(let error): error.description
    case .tooManyEmptyRecords: TLSError.tooManyEmptyRecords.description
    case .timedOut, .ended: nil
    }
  }
}
