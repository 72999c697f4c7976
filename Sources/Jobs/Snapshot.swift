package import Time

/// What the provider says of one prediction at one moment: the facts that decide, taken from a body that is kept
/// beside them, byte for byte.
///
/// Every delivery is a full snapshot, not a delta, so the newest one alone describes the job.
package struct Snapshot: Hashable, Sendable {
  package var predictionID: String
  /// The provider's own word.
  package var providerStatus: String
  /// Where that word puts the job; nil where this version does not know the word.
  package var phase: Phase?
  package var model: String?
  package var modelVersion: String?
  package var error: JobError?
  /// What the rules for outputs say against a success; nil where it keeps them. Not stored with the snapshot: once the
  /// job has ended, it is the job's verdict.
  package var breach: JobError?
  /// The provider has erased input, output and logs. Not stored with the snapshot.
  package var isDataRemoved: Bool
  package var createdAt: Timestamp?
  package var startedAt: Timestamp?
  package var completedAt: Timestamp?
  /// What the provider charges by (`metrics.predict_time`), in milliseconds.
  package var predictMilliseconds: Int64?
  package var evidence: Evidence

  package init(
    predictionID: String, providerStatus: String, phase: Phase?, model: String? = nil,
    modelVersion: String? = nil, error: JobError? = nil, breach: JobError? = nil,
    isDataRemoved: Bool = false, createdAt: Timestamp? = nil, startedAt: Timestamp? = nil,
    completedAt: Timestamp? = nil, predictMilliseconds: Int64? = nil,
    evidence: Evidence
  ) {
    self.predictionID = predictionID
    self.providerStatus = providerStatus
    self.phase = phase
    self.model = model
    self.modelVersion = modelVersion
    self.error = error
    self.breach = breach
    self.isDataRemoved = isDataRemoved
    self.createdAt = createdAt
    self.startedAt = startedAt
    self.completedAt = completedAt
    self.predictMilliseconds = predictMilliseconds
    self.evidence = evidence
  }

  /// Where the snapshot puts its job: a success that breaks the rules for outputs is a failure (promise 4).
  package var claimedPhase: Phase? { phase == .succeeded && breach != nil ? .failed : phase }
}

/// What tells which of two snapshots of one running prediction was taken later.
///
/// Nothing in a body counts its version, and its times must not be used to order it (the provider's own backends
/// disagree about them). But logs and streamed output only ever grow, so the longer text is the later one.
/// Two snapshots of the same sizes are not ordered: the digest only tells whether they are one and the same.
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
