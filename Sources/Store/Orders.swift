package import Jobs
package import Time

/// What was asked for here: a prediction to create, and how.
package struct Order: Sendable {
  /// The job's name.
  package let id: String
  /// The caller's `Idempotency-Key`.
  package let idempotencyKey: String?
  /// Of the request: another one under the same name is a conflict.
  package let digest: BodyDigest
  package let request: [UInt8]
  package let model: String?
  package let createdAt: Timestamp
  /// The job's own window for news, in milliseconds.
  package let timeout: Int64?
  /// How often a prediction that was interrupted is tried again.
  package let retries: Int64

  package init(
    id: String, idempotencyKey: String?, digest: BodyDigest, request: [UInt8], model: String?,
    createdAt: Timestamp, timeout: Int64?, retries: Int64
  ) {
    self.id = id
    self.idempotencyKey = idempotencyKey
    self.digest = digest
    self.request = request
    self.model = model
    self.createdAt = createdAt
    self.timeout = timeout
    self.retries = retries
  }
}

/// How far an order is.
package enum OrderStage: String, Sendable, CaseIterable {
  /// Waits for its turn.
  case queued
  /// The call that creates the prediction is under way.
  case sending
  /// That call had no answer: the prediction may exist or not.
  case unanswered
  /// The prediction is known.
  case placed
  /// The prediction will never be.
  case ended
}

/// Why an order waits for its next try.
package enum OrderReason: String, Sendable, CaseIterable {
  /// Its turn comes when `CREATES_PER_MINUTE` lets it.
  case throttled
  /// 429: the provider limits the rate of creations.
  case rateLimited = "rate_limited"
  /// 401: the provider does not accept the token.
  case unauthorized
  /// The provider could not be reached, or was not able to answer.
  case unreachable
  /// The provider refused this order, and may accept it later.
  case refused
}

/// An order as it stands.
package struct StoredOrder: Sendable {
  /// The job's.
  package let number: Int64
  let digest: BodyDigest?
  package let stage: OrderStage
  package let dueAt: Timestamp?
  /// Calls of the present attempt.
  package let tries: Int64
  package let sentAt: Timestamp?
  /// From when on it counts that the provider does not list the prediction.
  package let certainAt: Timestamp?
  let timeout: Int64?
  package let retriesLeft: Int64
  package let isCancelRequested: Bool
  /// Why it waits; nil where it was not tried yet.
  package let reason: OrderReason?
  /// How often the provider has refused the present attempt.
  package let refusals: Int64
  /// It comes from a restored backup, and no call for it was made since.
  package let isRestored: Bool
  /// Empty in a step that does not create.
  package let request: [UInt8]

  /// Whether `other` is this order at the same call.
  func isOfCall(of other: StoredOrder) -> Bool { sentAt == other.sentAt }
}

/// What became of an order that was placed.
package enum Placement: Sendable {
  case created(Job)
  /// The same request came before.
  case known(Job)
  /// Another request came before under the same name or key.
  case conflict
  /// As many orders as may be are queued.
  case queueFull
}

/// What became of the wish to cancel a job.
package enum Cancellation: Sendable {
  case noSuchJob
  /// It had ended, or it ended now since nothing was sent yet.
  case ended(Job)
  /// The provider will be asked to.
  case requested(Job)
}

extension StoreTransaction {
  /// - Parameter maxQueued: how many orders may be queued at once, this one included.
  package func place(_ order: Order, maxQueued: Int = .max) throws(StoreError) -> Placement {
    if let key = order.idempotencyKey, let number = try orders.job(ofKey: key) {
      return try earlier(number, than: order)
    }
    if let (number, _) = try statements.findJob(id: order.id) { return try earlier(number, than: order) }
    // A job is found by either name, so that no two may share one.
    guard try statements.findJob(predictionID: order.id) == nil else { return .conflict }
    guard try orders.hasRoom(maxQueued: maxQueued) else { return .queueFull }
    let job = Job(createdHere: Job.Origin(id: order.id, createdAt: order.createdAt), model: order.model)
    let number = try statements.insertJob(job, body: [])
    try orders.insert(order, job: number)
    return .created(job)
  }

  private func earlier(_ number: Int64, than order: Order) throws(StoreError) -> Placement {
    guard try orders.order(ofJob: number)?.digest == order.digest else { return .conflict }
    return .known(try statements.job(number: number))
  }

  /// Ends a job by our own word: see ``Job/end(_:because:at:)``.
  ///
  /// - Parameter predictionID: what the word is about; nil where it is that there is no prediction.
  /// - Parameter isRefusal: the provider has refused to create the prediction, which the job's attempts show.
  /// - Returns: the job; nil where it had ended already, was deleted, or has another prediction by then.
  package func end(
    _ number: Int64, of predictionID: String?, as phase: Phase, because verdict: JobError, at now: Timestamp,
    isRefusal: Bool = false
  ) throws(StoreError) -> Job? {
    guard let stored = try statements.findJob(number: number),
      stored.snapshot?.predictionID == predictionID
    else { return nil }
    var job = stored
    guard job.end(phase, because: verdict, at: now) else { return nil }
    try statements.updateJob(number, from: stored, to: job, body: nil)
    try statements.insertDelivery(
      HistoryRow(
        job: number, position: try statements.lastPosition(ofJob: number) + 1, source: .daemon,
        status: verdict.code, at: now, outcome: .applied, after: job))
    if isRefusal { try attempts.noteRefusal(verdict, ofJob: number, at: now) }
    if job.origin != nil, job.snapshot == nil { try orders.set(.ended, due: nil, number) }
    usage.noteEnd(of: job, snapshot: nil)
    return job
  }

  private static let neverSent = JobError(
    code: "canceled", message: "canceled before it was sent to the provider")

  /// Notes that the job with that id, or of that prediction, is to be canceled.
  package func cancel(_ id: String, at now: Timestamp) throws(StoreError) -> Cancellation {
    guard let (number, job) = try statements.findJob(named: id) else { return .noSuchJob }
    guard !job.phase.isTerminal else { return .ended(job) }
    guard let order = try orders.order(ofJob: number) else {
      try orders.insertCancel(number, due: now)
      return .requested(job)
    }
    guard order.stage != .queued else {
      return .ended(try end(number, of: nil, as: .canceled, because: Self.neverSent, at: now) ?? job)
    }
    try orders.noteCancelRequested(number, due: order.stage == .sending ? nil : now)
    return .requested(job)
  }
}
