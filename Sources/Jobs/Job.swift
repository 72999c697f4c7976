package import Time

/// One prediction or training, in the state that the app may rely on.
///
/// A job is its newest snapshot, its phase and the daemon's bookkeeping. It changes only through the
/// functions of this module, so its history alone determines its state.
package struct Job: Hashable, Sendable {
  /// Set for a job created here. Nil for one that a delivery created.
  package let origin: Origin?
  package internal(set) var phase: Phase
  /// The current snapshot, whose body is stored with the job.
  ///
  /// Nil until the provider has reported on the present attempt.
  package internal(set) var snapshot: Snapshot?
  /// The reason where the daemon's own rules ended the job.
  ///
  /// Nil where the provider reported the end, or the job has not ended.
  package internal(set) var verdict: JobError?
  package internal(set) var model: String?
  /// The number of the present attempt, from 1: each attempt creates one prediction.
  package internal(set) var attempt: Int64
  /// The number of changes, from 1.
  package internal(set) var revision: Int64
  package internal(set) var updatedAt: Timestamp
  /// When a delivery last changed the job. Nil where none has.
  package internal(set) var lastDeliveryAt: Timestamp?
  package internal(set) var pollState: PollState
  /// The end was found by polling, and no delivery has reported it since.
  package internal(set) var endFoundByPolling: Bool
  /// Which snapshot reported the end. Nil where none has, or an earlier version stored it.
  package internal(set) var endSource: EndSource?

  /// The identity of a job created here.
  package struct Origin: Hashable, Sendable {
    package let id: String
    package let createdAt: Timestamp

    package init(id: String, createdAt: Timestamp) {
      self.id = id
      self.createdAt = createdAt
    }
  }

  /// Restores a stored job.
  package init(
    origin: Origin?, phase: Phase, snapshot: Snapshot?, verdict: JobError?, model: String?, attempt: Int64,
    revision: Int64, updatedAt: Timestamp, lastDeliveryAt: Timestamp?, pollState: PollState,
    endFoundByPolling: Bool, endSource: EndSource?
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
    self.pollState = pollState
    self.endFoundByPolling = endFoundByPolling
    self.endSource = endSource
  }

  /// Creates a job from its first delivery.
  package init(firstSeenIn snapshot: Snapshot, receivedAt: Timestamp, firstCheck: Timestamp? = nil) {
    let end = snapshot.claimedPhase
    self.init(
      origin: nil, phase: end ?? .pending, snapshot: snapshot, verdict: snapshot.ruleViolation,
      model: snapshot.model,
      attempt: 1, revision: 1, updatedAt: receivedAt, lastDeliveryAt: receivedAt,
      pollState: PollState(lastActivityAt: receivedAt, dueAt: end?.isTerminal == true ? nil : firstCheck),
      endFoundByPolling: false, endSource: end?.isTerminal == true ? .webhook : nil
    )
  }

  /// Creates a job for an order, before the provider knows of it.
  package init(createdHere origin: Origin, model: String?) {
    self.init(
      origin: origin, phase: .pending, snapshot: nil, verdict: nil, model: model, attempt: 1, revision: 1,
      updatedAt: origin.createdAt, lastDeliveryAt: nil,
      pollState: PollState(lastActivityAt: origin.createdAt, dueAt: nil), endFoundByPolling: false,
      endSource: nil)
  }

  /// The id in the API: the job's own, or else its prediction's.
  package var id: String { origin?.id ?? snapshot?.predictionID ?? "" }

  package var state: JobState {
    pollState.staleAt == nil || phase.isTerminal ? JobState(phase) : .stale
  }

  package var error: JobError? { verdict ?? snapshot?.error }

  /// The daemon ended the job, and no snapshot confirms the end.
  ///
  /// These are `gone`, `answer_lost`, canceled before it was sent, and refused.
  package var isEndedByDaemon: Bool { phase.isTerminal && snapshot?.phase?.isTerminal != true }

  /// The prediction has succeeded, and the job's end waits for what a capability does with it.
  package var isHeld: Bool { phase == .running && snapshot?.phase == .succeeded }

  /// Whether the provider has reported the end, or the daemon has decided it.
  package var isSettled: Bool { phase.isTerminal || isHeld }

  /// Drops what is not stored of the snapshot, so that the job equals the stored one.
  package mutating func dropUnstored() {
    snapshot?.dropUnstored()
    if phase == .succeeded { snapshot?.progress = nil }
  }

  /// In ten-thousandths: 10,000 if the job has succeeded, else that of its last progress bar.
  ///
  /// Nil where there is no bar.
  package var progress: Int64? { phase == .succeeded ? 10_000 : snapshot?.progress }

  package var createdAt: Timestamp? { origin?.createdAt ?? snapshot?.createdAt }
}
