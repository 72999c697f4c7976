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
  /// Without the state and the end: they are all that a job can lose, so a change of them must be seen.
  var lastingFilter: JobFilter {
    var filter = filter
    (filter.state, filter.endedBy) = (nil, nil)
    return filter
  }

  /// - Parameter job: one that the lasting filter includes.
  func match(_ job: Job) -> FeedMatch {
    let matches = (
      state: filter.state.map { $0 == job.state } ?? true,
      end: filter.endedBy.map { $0 == job.endedBy } ?? true
    )
    if matches.state, matches.end { return .included }
    let mayHaveMatched =
      (matches.state || filter.state?.mayPrecede(job) == true)
      // Only the daemon's own end is replaced, by the one that a delivery reports.
      && (matches.end || filter.endedBy == .daemon && job.endedBy == .webhook)
    return mayHaveMatched ? .left : .excluded
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
