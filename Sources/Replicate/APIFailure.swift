/// Why a call to Replicate's API brought nothing, by what is to be done about it.
package enum APIFailure: Error, Equatable, Sendable {
  /// 429: wait that long, in seconds (1 to 3600).
  case rateLimited(retryAfter: Int)
  /// 402: somebody has to pay.
  case insufficientCredit(message: String)
  /// 401: the token is wrong.
  case unauthorized(message: String)
  /// 403: this call was refused, and perhaps not for good.
  case refused(status: Int, message: String)
  /// 404, 410, with a problem document: there is no such thing, or not for this token.
  case notFound(message: String)
  /// Any other 4xx, with a problem document: the same call will never succeed.
  case invalid(status: Int, message: String)
  /// 408 or 5xx: try again, after that many seconds (1 to 3600) where the answer says so.
  ///
  /// It is explained where the answer is a problem document: then Replicate's own application has given it, so that the call
  /// is over there, and no proxy before an application that may still be at work.
  case unavailable(status: Int, retryAfter: Int?, isExplained: Bool)
  /// An answer of another protocol, or a body that is not what it must be: a 4xx without a problem document,
  /// such as the HTML page of a proxy or of a captive portal, is not Replicate's word.
  case unintelligible(status: Int)

  /// A call that creates may have created nevertheless. Replicate knows no idempotency key, so a second call could make
  /// a second prediction: look for the first one, or wait for its webhook.
  package var isAmbiguous: Bool {
    switch self {
    case .unavailable: true
    // Success that cannot be read is success.
    case .unintelligible(let status): (200..<300).contains(status)
    case .rateLimited, .insufficientCredit, .unauthorized, .refused, .notFound, .invalid: false
    }
  }

  /// The same call may succeed later.
  package var isRetryable: Bool {
    switch self {
    case .rateLimited, .unavailable, .unintelligible: true
    case .insufficientCredit, .unauthorized, .refused, .notFound, .invalid: false
    }
  }
}

extension APIFailure {
  /// What an answer tells of: nil for a success (2xx), whose body is for the call's own reader.
  ///
  /// `retryAfter` is the value of the header of that name, where there was one.
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

  /// In seconds. Replicate's windows are minutes, and refused calls count in them.
  private static let defaultRetryAfter = 10
}

extension APIFailure: CustomStringConvertible {
  package var description: String {
    switch self {
    case .rateLimited(let seconds): "Replicate limits the rate of calls; try again in \(seconds) s"
    case .insufficientCredit(let message), .unauthorized(let message), .notFound(let message),
      .invalid(_, let message), .refused(_, let message):
      message
    case .unavailable(let status, _, _): "Replicate is not available: it answered \(status)"
    case .unintelligible(let status): "Replicate answered \(status) with something that is not understood"
    }
  }
}
