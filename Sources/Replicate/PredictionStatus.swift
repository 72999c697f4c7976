internal import Jobs

/// The provider's words for how far a prediction or training is, and what they mean for a job. A word that is not here
/// was added later: it moves no job.
enum PredictionStatus: String, CaseIterable {
  case starting
  case processing
  case succeeded
  case failed
  case canceled
  /// Ended before it started, for example because its deadline passed.
  case aborted

  var phase: Phase {
    switch self {
    case .starting: .pending
    case .processing: .running
    case .succeeded: .succeeded
    case .failed: .failed
    case .canceled, .aborted: .canceled
    }
  }
}
