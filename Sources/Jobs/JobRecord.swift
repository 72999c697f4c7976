/// A job with all that its document shows, from one snapshot.
///
/// A class, because it is large and passed through many functions.
package final class JobRecord: Sendable {
  /// The job's number, in order of creation.
  package let number: Int64
  package let job: Job
  /// The exact body of its snapshot.
  package let body: [UInt8]
  /// The number of the job's last change.
  package let change: Int64
  /// Nil for a job that was not created here, unless its cancellation was requested.
  package let order: StoredOrder?
  /// Oldest first.
  package let attempts: [PastAttempt]

  package init(
    number: Int64, job: Job, body: [UInt8], change: Int64, order: StoredOrder?, attempts: [PastAttempt]
  ) {
    self.number = number
    self.job = job
    self.body = body
    self.change = change
    self.order = order
    self.attempts = attempts
  }
}

/// A part of a job's history, and the number of all its rows per outcome.
package struct JobHistory: Sendable {
  package let job: Job
  package let entries: [HistoryEntry]
  package let counts: [DeliveryOutcome: Int]

  package init(job: Job, entries: [HistoryEntry], counts: [DeliveryOutcome: Int]) {
    self.job = job
    self.entries = entries
    self.counts = counts
  }
}
