package import JSONText
package import Jobs
package import Ledger
package import Routing

/// The parameters of a request that select jobs, the same for each route that lists them.
package struct JobListQuery: Sendable {
  package let filter: JobFilter

  package static let parameters = ["state", "model"]

  package init(_ query: QueryParameters) throws(Problem) {
    filter = JobFilter(state: try query.choice("state"), model: query["model"])
  }
}

// MARK: - In the change feed

extension JobListQuery {
  /// How a job relates to the filter, where its earlier states are unknown.
  package enum Match: Sendable {
    case included
    /// The job is not included now, but may have been before.
    case left
    case excluded
  }

  package func match(_ job: Job) -> Match {
    if let model = filter.model, model != job.model { return .excluded }
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

extension JobListQuery {
  /// Writes a job as a row of `GET /jobs`.
  package func row(_ job: Job, in object: inout JSONWriter.Object) {
    JobDocument.row(job, in: &object)
  }
}
