internal import Jobs
internal import Replicate
internal import Store

/// What is to be done about an order after the call that creates its prediction.
enum CreateDecision: Equatable {
  /// The prediction is there.
  case place
  /// It certainly is not: call again after that many seconds.
  case putOff(seconds: Int, because: OrderReason)
  /// The same, since the provider has refused this order alone. It may not for ever.
  case backOff(seconds: Int, JobError)
  /// It may be there or not: a second call might make a second prediction. Where the call is over, it is listed soon if it is
  /// there at all.
  case find(isOver: Bool)
  /// It will never be.
  case refuse(JobError)
  /// It will never be, if the same answer comes again for minutes: a wrong API address answers so too.
  case refuseIfRepeated(JobError)

  /// Refusals of one attempt after which its order ends: about four minutes after the first.
  static let maxRefusals: Int64 = 10

  /// - Parameters:
  ///   - tries: calls that were made for the present attempt, from 1.
  ///   - refusals: how many of them were refused before.
  init<Value>(_ outcome: ReplicateClient.Outcome<Value>, tries: Int64, refusals: Int64 = 0) {
    switch outcome {
    case .answered: self = .place
    case .unsent: self = .putOff(seconds: Self.pause(afterTries: tries), because: .unreachable)
    case .unanswered: self = .find(isOver: false)
    case .failed(.unavailable(_, _, isExplained: true)): self = .find(isOver: true)
    case .failed(let failure) where failure.isAmbiguous: self = .find(isOver: false)
    case .failed(.rateLimited(let seconds)): self = .putOff(seconds: seconds, because: .rateLimited)
    // The operator has to mend that: no order is lost meanwhile.
    case .failed(.unauthorized):
      self = .putOff(seconds: ProviderPause.secondsAfterRefusedToken, because: .unauthorized)
    case .failed(.refused(_, let message)):
      let error = JobError(code: ErrorClass.invalidInput.rawValue, message: message)
      self =
        refusals + 1 < Self.maxRefusals
        ? .backOff(seconds: Self.pause(afterTries: refusals + 1), error) : .refuse(error)
    case .failed(.insufficientCredit(let message)):
      self = .refuse(JobError(code: ErrorClass.insufficientCredit.rawValue, message: message))
    case .failed(.notFound(let message)):
      self = .refuseIfRepeated(JobError(code: ErrorClass.invalidInput.rawValue, message: message))
    case .failed(.invalid(_, let message)):
      self = .refuse(JobError(code: ErrorClass.invalidInput.rawValue, message: message))
    case .failed(.unavailable), .failed(.unintelligible):
      self = .putOff(seconds: Self.pause(afterTries: tries), because: .unreachable)
    }
  }

  /// 1, 2, 4 … at most 60 seconds.
  static func pause(afterTries tries: Int64) -> Int { min(60, 1 << min(max(tries - 1, 0), 6)) }
}
