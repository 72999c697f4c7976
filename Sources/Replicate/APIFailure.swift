/// Why a call to Replicate's API failed, by the remedy.
package enum APIFailure: Error, Equatable, Sendable {
  /// 429: retry after that many seconds (1 to 3600).
  case rateLimited(retryAfter: Int)
  /// 402: the account has to be paid.
  case insufficientCredit(message: String)
  /// 401: the token is wrong.
  case unauthorized(message: String)
  /// 403: this call was refused, perhaps temporarily.
  case refused(status: Int, message: String)
  /// 404 or 410 with a problem document: unknown to this token.
  case notFound(message: String)
  /// Any other 4xx with a problem document: the call will never succeed.
  case invalid(status: Int, message: String)
  /// 408 or 5xx: retry, after the seconds (1 to 3600) if stated.
  ///
  /// It is explained where the body is a problem document. Then Replicate's own application has answered, and
  /// the call has ended there. Behind a proxy's answer it may still be in progress.
  case unavailable(status: Int, retryAfter: Int?, isExplained: Bool)
  /// The response is not Replicate's, or its body is invalid.
  ///
  /// A 4xx without a problem document, such as the HTML page of a proxy or of a captive portal, is not
  /// Replicate's.
  case unintelligible(status: Int)

  /// Whether a create call may have created a prediction.
  ///
  /// Replicate has no idempotency key, so a second call could create a second prediction. Search for the
  /// first one, or wait for its webhook.
  package var isAmbiguous: Bool {
    switch self {
    case .unavailable: true
    // Unreadable success is success.
    case .unintelligible(let status): (200..<300).contains(status)
    case .rateLimited, .insufficientCredit, .unauthorized, .refused, .notFound, .invalid: false
    }
  }

  /// Whether the same call may succeed later.
  package var isRetryable: Bool {
    switch self {
    case .rateLimited, .unavailable, .unintelligible: true
    case .insufficientCredit, .unauthorized, .refused, .notFound, .invalid: false
    }
  }
}

extension APIFailure {
  /// Nil for a success (2xx), whose body the call itself reads.
  ///
  /// - Parameter retryAfter: the value of the header `Retry-After`, if any.
  package init?(status: Int, retryAfter: String?, body: Span<UInt8>) {
    guard !(200..<300).contains(status) else { return nil }
    let problem = ProblemDetails(body: body)
    let message = problem.message ?? "Replicate answered \(status)"
    self =
      switch status {
      case 429: .rateLimited(retryAfter: problem.retryAfter(header: retryAfter) ?? Self.defaultRetryAfter)
      case 400..<500 where status != 408 && !problem.isProblem: .unintelligible(status: status)
      case 402: .insufficientCredit(message: message)
      case 401: .unauthorized(message: message)
      case 403: .refused(status: status, message: message)
      case 404, 410: .notFound(message: message)
      case 408, 500..<600:
        .unavailable(
          status: status, retryAfter: problem.retryAfter(header: retryAfter),
          isExplained: problem.isProblem && [500, 503].contains(status))
      case 400..<500: .invalid(status: status, message: message)
      default: .unintelligible(status: status)
      }
  }

  /// In seconds. Replicate's rate limits have windows of minutes, in which rejected calls count.
  private static let defaultRetryAfter = 10
}

extension APIFailure: CustomStringConvertible {
  package var description: String {
    switch self {
    case .rateLimited(let seconds): "Replicate's rate limit is reached; retry in \(seconds) s"
    case .insufficientCredit(let message), .unauthorized(let message), .notFound(let message),
      .invalid(_, let message), .refused(_, let message):
      message
    case .unavailable(let status, _, _): "Replicate is unavailable: it answered \(status)"
    case .unintelligible(let status): "unexpected response from Replicate: status \(status)"
    }
  }
}
