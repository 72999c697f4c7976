internal import Jobs
internal import Replicate
internal import StoreSeam

/// The decision about an order after its create call.
enum CreateDecision: Equatable {
  /// The prediction exists.
  case created
  /// The prediction certainly does not exist: retry after that many seconds.
  case reschedule(seconds: Int, because: OrderReason)
  /// The same, because the provider refused this order alone, perhaps temporarily.
  case backOff(seconds: Int, JobError)
  /// The prediction may exist: a second call could create a second one.
  ///
  /// Where the call has ended, the prediction is listed soon, if it exists.
  case search(hasCallEnded: Bool)
  /// The prediction will never exist.
  case fail(JobError)
  /// The same, if the response repeats for minutes. A wrong API address has the same response.
  case failIfRepeated(JobError)

  /// Refusals of one attempt after which its order ends.
  ///
  /// The last one comes about four minutes after the first.
  static let maxRefusals: Int64 = 10

  /// - Parameters:
  ///   - tries: the number of calls of the present attempt, from 1.
  ///   - refusals: the number of earlier calls that were refused.
  init<Value>(_ outcome: ReplicateClient.Outcome<Value>, tries: Int64, refusals: Int64 = 0) {
    switch outcome {
    case .answered: self = .created
    case .unsent: self = .reschedule(seconds: Self.backoff(afterTries: tries), because: .unreachable)
    case .unanswered: self = .search(hasCallEnded: false)
    case .failed(.unavailable(_, _, isExplained: true)): self = .search(hasCallEnded: true)
    case .failed(let failure) where failure.isAmbiguous: self = .search(hasCallEnded: false)
    case .failed(.rateLimited(let seconds)): self = .reschedule(seconds: seconds, because: .rateLimited)
    // The operator has to replace the token; no order is lost meanwhile.
    case .failed(.unauthorized):
      self = .reschedule(seconds: ProviderPause.secondsAfterRejectedToken, because: .unauthorized)
    case .failed(.refused(_, let message)):
      let error = JobError(code: ErrorClass.invalidInput.rawValue, message: message)
      self =
        refusals + 1 < Self.maxRefusals
        ? .backOff(seconds: Self.backoff(afterTries: refusals + 1), error) : .fail(error)
    // The operator has to pay; no order is lost meanwhile.
    case .failed(.insufficientCredit):
      self = .reschedule(seconds: ProviderPause.secondsWithoutCredit, because: .insufficientCredit)
    case .failed(.notFound(let message)):
      self = .failIfRepeated(JobError(code: ErrorClass.invalidInput.rawValue, message: message))
    case .failed(.invalid(_, let message)):
      self = .fail(JobError(code: ErrorClass.invalidInput.rawValue, message: message))
    case .failed(.unavailable), .failed(.unintelligible):
      self = .reschedule(seconds: Self.backoff(afterTries: tries), because: .unreachable)
    }
  }

  /// Exponential backoff in seconds: 1, 2, 4 …, at most 60.
  static func backoff(afterTries tries: Int64) -> Int { min(60, 1 << min(max(tries - 1, 0), 6)) }
}
