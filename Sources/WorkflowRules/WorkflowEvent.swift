package import JobRequests
package import Jobs
package import Time
package import WorkflowDefinitions

/// What has happened to a workflow.
package enum WorkflowEvent: Sendable {
  /// It was accepted, and its first steps start.
  case accepted
  /// A job's prediction has begun.
  case jobStarted(WorkflowJobID)
  case jobEnded(WorkflowJobID, WorkflowJobEnd)
  /// The job was not ordered, because another job has its id.
  case idTaken(WorkflowJobID)
  case cancelRequested
  /// Ignored before ``WorkflowRun/deadlineAt``.
  case deadlinePassed
}

/// The end of a job, as far as a workflow depends on it.
package struct WorkflowJobEnd: Sendable {
  package enum Result: Equatable, Sendable {
    case succeeded
    case failed(JobError)
    case canceled
  }

  package let result: Result
  /// How many predictions were created for it: its retries count too.
  package let predictions: Int64
  /// Of all of them, in milliseconds.
  package let predictMilliseconds: Int64
  /// When the provider ended it, from which on its files expire. Nil where that is not known.
  package let endedAt: Timestamp?

  package init(
    _ result: Result, predictions: Int64 = 1, predictMilliseconds: Int64 = 0, endedAt: Timestamp? = nil
  ) {
    self.result = result
    self.endedAt = endedAt
    self.predictions = predictions
    self.predictMilliseconds = predictMilliseconds
  }
}

/// What is to be done for a workflow, in the transaction that stores its new state.
package enum WorkflowEffect: Sendable {
  case order(WorkflowOrder)
  /// A cancel request, as by `POST /jobs/{id}/cancel`: a queued order is never sent.
  case cancel(WorkflowJobID)
}

/// A job to order.
package struct WorkflowOrder: Sendable {
  package let id: WorkflowJobID
  /// The body, as of `POST /jobs`.
  package let body: [UInt8]
  package let request: PredictionRequest
}

/// What a workflow reads of its jobs and of kept files.
package protocol WorkflowSources {
  associatedtype Failure: Error

  /// The JSON text of the output of a job that has succeeded. Nil where it has none.
  func output(of job: WorkflowJobID) throws(Failure) -> [UInt8]?

  /// Where the file of a URL in an output is now, more than 50 minutes after that job's end.
  func location(of url: String, in job: WorkflowJobID) throws(Failure) -> FileLocation
}

/// The rule for files that the provider has erased.
package enum FileExpiry {
  /// Replicate erases the files of a prediction an hour after its end. In milliseconds, with time to fetch.
  package static let age: Int64 = 50 * 60_000
  private static let host = "replicate.delivery"

  package static func isDue(endedAt: Timestamp, at now: Timestamp) -> Bool {
    endedAt.advanced(byMilliseconds: age) < now
  }

  /// Whether the provider erases the file of a URL.
  ///
  /// - Parameter localOrigin: the origin of a stand-in for the provider.
  package static func concerns(_ url: String, localOrigin: LocalOrigin? = nil) -> Bool {
    if let origin = localOrigin?.text, url.hasPrefix(origin + "/") { return true }
    guard url.hasPrefix("https://") else { return false }
    let name = url.dropFirst("https://".count).prefix { !"/?#:".contains($0) }.lowercased()
    return name == host || name.hasSuffix("." + host)
  }
}
