internal import JobsAPI
internal import Jobs

/// How a changed job relates to a query, where its earlier states are unknown.
enum FeedMatch: Sendable {
  case included
  /// The job is not included now, but may have been before.
  case left
  case excluded
}

extension ListQuery {
  /// The filter of the changes to read.
  ///
  /// Without the state: it is all that a job can lose, so a change of it must be seen.
  var lastingFilter: JobFilter {
    var filter = filter
    filter.state = nil
    return filter
  }

  /// - Parameter job: one that the lasting filter includes.
  func match(_ job: Job) -> FeedMatch {
    guard let state = filter.state, state != job.state else { return .included }
    return state.mayPrecede(job) ? .left : .excluded
  }
}

extension JobState {
  /// Whether a job in another state may have been in this one.
  fileprivate func mayPrecede(_ job: Job) -> Bool {
    switch self {
    case .pending, .stale: true
    // Only a retry leads back.
    case .running: job.state != .pending || job.attempt > 1
    // Only an end that the daemon has found by itself is replaced, once, and that is no success.
    case .failed, .canceled: job.phase.isTerminal
    case .succeeded: false
    }
  }
}
