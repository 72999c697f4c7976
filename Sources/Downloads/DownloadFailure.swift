internal import Bytes
internal import Time

/// The reason a file was not fetched.
package struct DownloadFailure: Error, Equatable, Sendable {
  /// As a job's document has it.
  package enum Code: String, CaseIterable, Sendable {
    case sourceBusy = "source_busy"
    case notFound = "not_found"
    case denied
    case refused
    case redirectRefused = "redirect_refused"
    case addressRefused = "address_refused"
    case tooLarge = "too_large"
    case mismatch
    case badDataURI = "bad_data_uri"
    case storeFull = "store_full"
    case storeDenied = "store_denied"
    case storeUnreachable = "store_unreachable"

    /// When a failure ends the tries.
    package var finality: Finality {
      switch self {
      case .sourceBusy, .storeFull, .storeDenied, .storeUnreachable: .never
      case .notFound, .denied: .afterExpiry
      case .refused, .mismatch: .afterThreeTries
      case .redirectRefused, .addressRefused, .tooLarge, .badDataURI: .always
      }
    }
  }

  package enum Finality: Equatable, Sendable {
    case never
    /// From the moment on at which the source may delete the file.
    case afterExpiry
    case afterThreeTries
    case always
  }

  package let code: Code
  /// One line for people. It has no query, which may hold a signature.
  package let message: String
  /// The pause that the source requested.
  package let retryAfter: Duration?

  private static let maxMessageBytes = 200
  private static let maxRetryAfter = Duration.seconds(3600)

  package init(_ code: Code, _ message: String, retryAfter: Duration? = nil) {
    self.code = code
    self.message = String(message.prefix(Self.maxMessageBytes))
    self.retryAfter = retryAfter
  }

  /// A response without the file.
  init(status: Int, host: String, retryAfter: String?, now: Timestamp) {
    let code: Code =
      switch status {
      case 401, 403: .denied
      case 404, 410: .notFound
      case 408, 425, 429, 500...: .sourceBusy
      default: .refused
      }
    let pause = code == .sourceBusy ? retryAfter.flatMap { Self.pause($0, now: now) } : nil
    self.init(code, "\(status) from \(host)", retryAfter: pause)
  }

  /// The value of `Retry-After`: seconds, or a date (RFC 9110 section 10.2.3).
  private static func pause(_ value: String, now: Timestamp) -> Duration? {
    if let seconds = ContentRange.number(value) { return min(.seconds(seconds), maxRetryAfter) }
    guard let date = IMFFixdate.parse(value), date > now else { return nil }
    return min(now.duration(to: date), maxRetryAfter)
  }
}
