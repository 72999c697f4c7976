package import Time

/// An order as stored.
package struct StoredOrder: Equatable, Sendable {
  /// The job's number.
  package let number: Int64
  /// The request's digest. Nil for a cancel request of a job that was not created here.
  package let digest: BodyDigest?
  package var stage: OrderStage
  /// When the next step is due. Nil where none is, and while the create call is in flight.
  package var dueAt: Timestamp?
  /// The create calls of the present attempt.
  package var tries: Int64
  package var sentAt: Timestamp?
  /// From when on absence from the provider's list proves that the prediction does not exist.
  package var absenceConclusiveAt: Timestamp?
  /// The job's own timeout for staleness, in milliseconds.
  package let timeout: Int64?
  package var retriesLeft: Int64
  package var isCancelRequested: Bool
  /// Why it waits. Nil before its first call.
  package var reason: OrderReason?
  /// How often the provider refused the present attempt.
  package var refusals: Int64
  /// It comes from a restored backup, and no call was made for it since.
  package var isRestored: Bool
  /// Until when it may be sent. Nil where it has no such deadline.
  package let startBefore: Timestamp?
  /// The id of the job that it repeats. Nil where it repeats none.
  package let retryOf: String?
  /// The request's body. Empty where it was not read.
  package var request: [UInt8]

  package init(
    number: Int64, digest: BodyDigest?, stage: OrderStage, dueAt: Timestamp?, tries: Int64,
    sentAt: Timestamp?, absenceConclusiveAt: Timestamp?, timeout: Int64?, retriesLeft: Int64,
    isCancelRequested: Bool, reason: OrderReason?, refusals: Int64, isRestored: Bool,
    startBefore: Timestamp? = nil, retryOf: String? = nil, request: [UInt8]
  ) {
    self.number = number
    self.digest = digest
    self.stage = stage
    self.dueAt = dueAt
    self.tries = tries
    self.sentAt = sentAt
    self.absenceConclusiveAt = absenceConclusiveAt
    self.timeout = timeout
    self.retriesLeft = retriesLeft
    self.isCancelRequested = isCancelRequested
    self.reason = reason
    self.refusals = refusals
    self.isRestored = isRestored
    self.startBefore = startBefore
    self.retryOf = retryOf
    self.request = request
  }
}

extension StoredOrder {
  /// A new order, as its row has it.
  package init(queued order: Order, number: Int64) {
    self.init(
      number: number, digest: order.digest, stage: .queued, dueAt: order.createdAt, tries: 0, sentAt: nil,
      absenceConclusiveAt: nil, timeout: order.timeout, retriesLeft: order.retries, isCancelRequested: false,
      reason: nil, refusals: 0, isRestored: false, startBefore: order.startBefore,
      retryOf: order.retryOf, request: order.request)
  }

  /// The cancel request of a job that was not created here.
  package init(cancelOf number: Int64, due: Timestamp) {
    self.init(
      number: number, digest: nil, stage: .submitted, dueAt: due, tries: 0, sentAt: nil,
      absenceConclusiveAt: nil, timeout: nil, retriesLeft: 0, isCancelRequested: true, reason: nil,
      refusals: 0, isRestored: false, request: [])
  }

  /// Whether `other` is this order at the same create call.
  package func isOfCall(of other: StoredOrder) -> Bool { sentAt == other.sentAt && tries == other.tries }

  /// Whether an interrupted attempt is followed by another.
  ///
  /// A restored backup may lack the next one, which a cancel request must then find.
  package var canRetry: Bool { retriesLeft > 0 && (!isCancelRequested || isRestored) }

  /// Whether a step waits to be done, or is being done.
  package var hasWork: Bool { stage == .sending || dueAt != nil && stage != .ended }

  /// Whether a document shows the order: only while an open job still waits for a step of it.
  package func isShown(of job: Job) -> Bool {
    !job.isSettled && isShownOfOpenJob
  }

  private var isShownOfOpenJob: Bool { stage != .submitted || isCancelRequested }

  /// Whether the document of an open job is the same with either.
  package func isShownAlike(_ other: StoredOrder) -> Bool {
    if !isShownOfOpenJob, !other.isShownOfOpenJob { return true }
    return stage == other.stage && tries == other.tries && dueAt == other.dueAt && reason == other.reason
      && isCancelRequested == other.isCancelRequested
  }
}

// MARK: - Steps

extension StoredOrder {
  /// The age of a create call after which an absence from the provider's list is conclusive.
  ///
  /// In milliseconds. No call takes longer to have its effect.
  package static let absenceGracePeriod: Int64 = 60_000
  /// An immediate retry is likely to be interrupted again. In milliseconds.
  private static let pauseBeforeRetry: Int64 = 2000

  package mutating func noteSending(at now: Timestamp) {
    stage = .sending
    dueAt = nil
    tries += 1
    sentAt = now
    absenceConclusiveAt = nil
    reason = nil
    isRestored = false
  }

  package mutating func noteUnanswered(due: Timestamp, absenceConclusive: Timestamp) {
    stage = .unanswered
    dueAt = due
    absenceConclusiveAt = absenceConclusive
  }

  /// The prediction is known. If a cancel was requested meanwhile, it is due at once.
  package mutating func noteSubmitted() {
    stage = .submitted
    dueAt = isCancelRequested ? Timestamp(milliseconds: 0) : nil
  }

  /// Queues the next attempt after an interrupted prediction.
  ///
  /// An attempt made after a restored backup is searched for first. Its call may still be in flight.
  package mutating func queueNextAttempt(at now: Timestamp) {
    stage = isRestored ? .unanswered : .queued
    dueAt = now.advanced(byMilliseconds: Self.pauseBeforeRetry)
    absenceConclusiveAt = isRestored ? now.advanced(byMilliseconds: Self.absenceGracePeriod) : nil
    tries = 0
    sentAt = nil
    reason = nil
    refusals = 0
    retriesLeft -= 1
  }

  /// Queues the order again after a call that had no effect.
  package mutating func requeue(due: Timestamp, because reason: OrderReason?, isRefusal: Bool) {
    stage = .queued
    dueAt = due
    self.reason = reason
    if isRefusal { refusals += 1 }
  }

  package mutating func set(_ stage: OrderStage, due: Timestamp?) {
    self.stage = stage
    dueAt = due
  }
}
