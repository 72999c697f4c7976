package import Time

/// The state of one prediction as the provider reported it.
///
/// It holds the members that decide a job's state. The body they come from is stored beside them, byte for
/// byte. Every delivery is a full snapshot, not a delta, so the newest one alone describes the job.
package struct Snapshot: Hashable, Sendable {
  package var predictionID: String
  /// The provider's `status`, unchanged.
  package var providerStatus: String
  /// The phase for that status. Nil where this version does not know the status.
  package var phase: Phase?
  package var model: String?
  package var modelVersion: String?
  package var error: JobError?
  /// The output rule that a success violates. Nil where it violates none.
  ///
  /// Not stored with the snapshot: once the job has ended, it is the job's verdict.
  package var ruleViolation: JobError?
  /// Whether the provider has erased input, output and logs. Not stored with the snapshot.
  package var isDataRemoved: Bool
  package var createdAt: Timestamp?
  package var startedAt: Timestamp?
  package var completedAt: Timestamp?
  /// The billed time (`metrics.predict_time`), in milliseconds.
  package var predictMilliseconds: Int64?
  /// The progress bar in its logs, in ten-thousandths, at most ``maxProgress``. Nil where there is none.
  package var progress: Int64?
  package var evidence: Evidence

  package init(
    predictionID: String, providerStatus: String, phase: Phase?, model: String? = nil,
    modelVersion: String? = nil, error: JobError? = nil, ruleViolation: JobError? = nil,
    isDataRemoved: Bool = false, createdAt: Timestamp? = nil, startedAt: Timestamp? = nil,
    completedAt: Timestamp? = nil, predictMilliseconds: Int64? = nil, progress: Int64? = nil,
    evidence: Evidence
  ) {
    self.predictionID = predictionID
    self.providerStatus = providerStatus
    self.phase = phase
    self.model = model
    self.modelVersion = modelVersion
    self.error = error
    self.ruleViolation = ruleViolation
    self.isDataRemoved = isDataRemoved
    self.createdAt = createdAt
    self.startedAt = startedAt
    self.completedAt = completedAt
    self.predictMilliseconds = predictMilliseconds
    self.progress = progress
    self.evidence = evidence
  }

  /// The phase that the snapshot means for its job.
  ///
  /// A success that violates an output rule is a failure (promise 4).
  package var claimedPhase: Phase? { phase == .succeeded && ruleViolation != nil ? .failed : phase }
}

extension Snapshot {
  /// The progress of a full bar: it ends before its job does.
  package static let maxProgress: Int64 = 9900

  /// Drops what is not stored with a snapshot, so that it equals the stored one.
  mutating func dropUnstored() {
    ruleViolation = nil
    isDataRemoved = false
  }
}

/// The sizes and the digest that order two snapshots of one prediction.
///
/// A body has no version number, and its times must not order it, because the provider's own backends
/// disagree about them. But logs and streamed output only ever grow, so the longer text is the later one.
/// Snapshots of equal sizes are unordered; the digest shows only whether they are identical.
package struct Evidence: Hashable, Sendable {
  /// Bytes of the JSON text of `logs`; 0 where absent or null.
  package let logsSize: Int
  /// Bytes of the JSON text of `output`; 0 where absent or null.
  package let outputSize: Int
  package let digest: BodyDigest

  package init(logsSize: Int, outputSize: Int, digest: BodyDigest) {
    self.logsSize = logsSize
    self.outputSize = outputSize
    self.digest = digest
  }

  package static func > (left: Evidence, right: Evidence) -> Bool {
    (left.logsSize, left.outputSize) > (right.logsSize, right.outputSize)
  }

  package func hasSizes(of other: Evidence) -> Bool {
    (logsSize, outputSize) == (other.logsSize, other.outputSize)
  }
}
