/// A call's outcome as metrics and logs name it, and the status of its response.
package struct CallResult: Hashable, Sendable {
  package let outcome: CallOutcome
  package let status: CallStatus

  package init<Value>(_ outcome: ReplicateClient.Outcome<Value>) {
    switch outcome {
    case .answered: (self.outcome, status) = (.answered, .success)
    case .failed(.rateLimited): (self.outcome, status) = (.rateLimited, .tooManyRequests)
    case .failed(let failure): (self.outcome, status) = (.refused, CallStatus(of: failure))
    case .unsent: (self.outcome, status) = (.unsent, .none)
    case .unanswered: (self.outcome, status) = (.unanswered, .none)
    }
  }

  private init(_ outcome: CallOutcome, _ status: CallStatus) {
    (self.outcome, self.status) = (outcome, status)
  }

  /// Every result that a call can have.
  package static let all: [CallResult] =
    [
      CallResult(.answered, .success), CallResult(.rateLimited, .tooManyRequests),
      CallResult(.unsent, .none), CallResult(.unanswered, .none),
    ]
    + CallStatus.allCases.filter { ![.none, .tooManyRequests].contains($0) }.map { CallResult(.refused, $0) }
}

/// The outcome of a call.
package enum CallOutcome: String, CaseIterable, Sendable {
  case answered
  case rateLimited = "rate_limited"
  case refused
  case unsent
  case unanswered
}

/// The status of a response, where its remedy differs from that of others; its class otherwise.
package enum CallStatus: String, CaseIterable, Sendable {
  /// With ``CallOutcome/refused``, the body was not Replicate's.
  case success = "2xx"
  case redirection = "3xx"
  case unauthorized = "401"
  case paymentRequired = "402"
  case forbidden = "403"
  case notFound = "404"
  case tooManyRequests = "429"
  case clientError = "4xx"
  case serverError = "5xx"
  /// There was no response, or none that HTTP knows.
  case none

  fileprivate init(of failure: APIFailure) {
    switch failure {
    case .rateLimited: self = .tooManyRequests
    case .insufficientCredit: self = .paymentRequired
    case .unauthorized: self = .unauthorized
    case .notFound: self = .notFound
    case .refused(let status, _), .invalid(let status, _), .unavailable(let status, _, _),
      .unintelligible(let status):
      self = CallStatus(rawValue: String(status)) ?? Self.class(of: status)
    }
  }

  private static func `class`(of status: Int) -> CallStatus {
    switch status {
    case 200..<300: .success
    case 300..<400: .redirection
    case 400..<500: .clientError
    // What is outside of HTTP's range is no better than a proxy that fails.
    default: .serverError
    }
  }
}
