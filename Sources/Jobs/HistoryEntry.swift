package import Time

/// A row of a job's history.
///
/// It is a snapshot, a 404, or an end that the daemon decided.
package struct HistoryEntry: Equatable, Sendable {
  /// From 1, within the job.
  package let position: Int64
  /// Nil for a row that is not a delivery.
  package let webhookID: String?
  package let source: HistorySource
  package let receivedAt: Timestamp
  /// The provider's status, or the code of an end that the daemon decided. Empty for a 404.
  package let providerStatus: String
  package let outcome: DeliveryOutcome
  /// Nil without a body.
  package let digest: BodyDigest?
  /// The job's phase after the row's event.
  package let phase: Phase
  package let revision: Int64

  package init(
    position: Int64, webhookID: String?, source: HistorySource, receivedAt: Timestamp, providerStatus: String,
    outcome: DeliveryOutcome, digest: BodyDigest?, phase: Phase, revision: Int64
  ) {
    self.position = position
    self.webhookID = webhookID
    self.source = source
    self.receivedAt = receivedAt
    self.providerStatus = providerStatus
    self.outcome = outcome
    self.digest = digest
    self.phase = phase
    self.revision = revision
  }
}

/// A past attempt of a job.
///
/// Either an interrupted prediction or a refused create call.
package struct PastAttempt: Equatable, Sendable {
  /// Nil for a refused call, which created no prediction.
  package let predictionID: String?
  package let endedAt: Timestamp
  package let error: JobError?

  package init(predictionID: String?, endedAt: Timestamp, error: JobError?) {
    self.predictionID = predictionID
    self.endedAt = endedAt
    self.error = error
  }
}
