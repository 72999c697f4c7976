/// The result of checking the open jobs that were due.
package struct DuePolls: Sendable {
  /// The jobs that became stale.
  package var stale: [Job] = []
  package var polls: [Poll] = []
  /// More jobs are due than were checked.
  package var hasMore = false

  package init() {}

  /// A prediction to poll.
  package struct Poll: Sendable {
    /// The job's number.
    package let number: Int64
    package let predictionID: String
    /// Whether the job was created here; otherwise it may be a training.
    package let isCreatedHere: Bool

    package init(number: Int64, predictionID: String, isCreatedHere: Bool) {
      self.number = number
      self.predictionID = predictionID
      self.isCreatedHere = isCreatedHere
    }
  }
}
