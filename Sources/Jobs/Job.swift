package import Time

/// One prediction or training, as the app may trust it.
///
/// A job is its newest snapshot, how far it has come, and our own bookkeeping. It changes only through the functions of this
/// room, so its history alone decides what it is.
package struct Job: Hashable, Sendable {
  /// What was fixed when the job was created here; nil for one that was first heard of through a delivery.
  package let origin: Origin?
  package internal(set) var phase: Phase
  /// The snapshot that the job rests on, whose body is kept beside the job; nil until the provider has said anything of the
  /// present attempt.
  package internal(set) var snapshot: Snapshot?
  /// Why the job ended by our own rules; nil where it ended by the provider's word, or has not ended.
  package internal(set) var verdict: JobError?
  package internal(set) var model: String?
  /// Predictions that were made for the job, or are about to be, from 1.
  package internal(set) var attempt: Int64
  /// Counts the changes, from 1.
  package internal(set) var revision: Int64
  package internal(set) var updatedAt: Timestamp
  /// When the last delivery that changed the job was received; nil where none did.
  package internal(set) var lastDeliveryAt: Timestamp?
  package internal(set) var watch: Watch
  /// The end was found by asking, and no delivery has told of it since.
  package internal(set) var endedUnheard: Bool

  /// A job that was created here.
  package struct Origin: Hashable, Sendable {
    package let id: String
    package let createdAt: Timestamp

    package init(id: String, createdAt: Timestamp) {
      self.id = id
      self.createdAt = createdAt
    }
  }

  /// A job as it was stored.
  package init(
    origin: Origin?, phase: Phase, snapshot: Snapshot?, verdict: JobError?, model: String?, attempt: Int64,
    revision: Int64, updatedAt: Timestamp, lastDeliveryAt: Timestamp?, watch: Watch, endedUnheard: Bool
  ) {
    self.origin = origin
    self.phase = phase
    self.snapshot = snapshot
    self.verdict = verdict
    self.model = model
    self.attempt = attempt
    self.revision = revision
    self.updatedAt = updatedAt
    self.lastDeliveryAt = lastDeliveryAt
    self.watch = watch
    self.endedUnheard = endedUnheard
  }

  /// A job that is first heard of through `snapshot`.
  package init(firstSeenIn snapshot: Snapshot, receivedAt: Timestamp, firstLook: Timestamp? = nil) {
    let end = snapshot.claimedPhase
    self.init(
      origin: nil, phase: end ?? .pending, snapshot: snapshot, verdict: snapshot.breach,
      model: snapshot.model,
      attempt: 1, revision: 1, updatedAt: receivedAt, lastDeliveryAt: receivedAt,
      watch: Watch(heardAt: receivedAt, dueAt: end?.isTerminal == true ? nil : firstLook), endedUnheard: false
    )
  }

  /// A job that begins here, before the provider knows of it.
  package init(createdHere origin: Origin, model: String?) {
    self.init(
      origin: origin, phase: .pending, snapshot: nil, verdict: nil, model: model, attempt: 1, revision: 1,
      updatedAt: origin.createdAt, lastDeliveryAt: nil,
      watch: Watch(heardAt: origin.createdAt, dueAt: nil), endedUnheard: false)
  }

  /// What the app finds the job by: its own id, or its prediction's.
  package var id: String { origin?.id ?? snapshot?.predictionID ?? "" }

  package var state: JobState {
    watch.staleAt == nil || phase.isTerminal ? JobState(phase) : .stale
  }

  package var error: JobError? { verdict ?? snapshot?.error }

  /// The job has ended without a snapshot that says so: `gone`, `answer_lost`, canceled before it was sent,
  /// refused.
  package var isEndedByOurWord: Bool { phase.isTerminal && snapshot?.phase?.isTerminal != true }

  package var createdAt: Timestamp? { origin?.createdAt ?? snapshot?.createdAt }
}
