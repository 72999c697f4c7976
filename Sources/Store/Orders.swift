package import Jobs
internal import SQLite
package import Time

/// An order as stored.
package struct StoredOrder: Sendable {
  /// The job's number.
  package let number: Int64
  let digest: BodyDigest?
  package let stage: OrderStage
  package let dueAt: Timestamp?
  /// The create calls of the present attempt.
  package let tries: Int64
  package let sentAt: Timestamp?
  /// From when on absence from the provider's list proves that the prediction does not exist.
  package let absenceConclusiveAt: Timestamp?
  let timeout: Int64?
  package let retriesLeft: Int64
  package let isCancelRequested: Bool
  /// Why it waits. Nil before its first call.
  package let reason: OrderReason?
  /// How often the provider refused the present attempt.
  package let refusals: Int64
  /// It comes from a restored backup, and no call was made for it since.
  package let isRestored: Bool
  /// The request's body. Empty in a step that does not create.
  package let request: [UInt8]

  /// Whether `other` is this order at the same create call.
  func isOfCall(of other: StoredOrder) -> Bool { sentAt == other.sentAt }
}

extension StoredOrder {
  /// A new order, as its row has it.
  fileprivate init(queued order: Order, number: Int64) {
    self.init(
      number: number, digest: order.digest, stage: .queued, dueAt: order.createdAt, tries: 0, sentAt: nil,
      absenceConclusiveAt: nil, timeout: order.timeout, retriesLeft: order.retries, isCancelRequested: false,
      reason: nil, refusals: 0, isRestored: false, request: order.request)
  }
}

/// The result of enqueueing an order.
package enum EnqueueResult: Sendable {
  /// The job and the order, as they were written.
  case created(StoredJob, StoredOrder)
  /// The same request was enqueued before.
  case known(Job)
  /// Another request was enqueued before with the same id or key.
  case conflict
  /// The maximum of queued orders is reached.
  case queueFull
}

/// The result of a cancel request.
package enum CancelResult: Sendable {
  case noSuchJob
  /// The job had ended, or ended now because nothing was sent yet.
  case ended(Job)
  /// The cancel request is stored, and will be sent to the provider.
  case requested(Job)
}

extension StoreTransaction {
  /// Creates a job for the order and queues it.
  ///
  /// - Parameter maxQueued: the maximum of queued orders, this one included.
  package func enqueue(_ order: Order, maxQueued: Int = .max) throws(StoreError) -> EnqueueResult {
    if let key = order.idempotencyKey, let number = try orders.job(ofKey: key) {
      return try earlier(number, than: order)
    }
    if let (number, _) = try statements.findJob(id: order.id) { return try earlier(number, than: order) }
    // A job is found by its own id or its prediction's, so no two may share one.
    guard try statements.findJob(predictionID: order.id) == nil else { return .conflict }
    guard try orders.hasRoom(maxQueued: maxQueued) else { return .queueFull }
    let job = Job(createdHere: Job.Origin(id: order.id, createdAt: order.createdAt), model: order.model)
    let number = try statements.insertJob(job, body: [])
    try orders.insert(order, job: number)
    return .created(StoredJob(number: number, job: job, body: []), StoredOrder(queued: order, number: number))
  }

  private func earlier(_ number: Int64, than order: Order) throws(StoreError) -> EnqueueResult {
    guard try orders.order(ofJob: number)?.digest == order.digest else { return .conflict }
    return .known(try statements.job(number: number))
  }

  /// Ends a job by the daemon's own decision: see ``Job/end(_:because:at:)``.
  ///
  /// - Parameters:
  ///   - predictionID: the prediction that the decision is about; nil where the job has none.
  ///   - isRefusal: the provider refused to create the prediction, which is added to the job's attempts.
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

  /// Records a cancel request for the job with that id or of that prediction.
  package func cancel(_ id: String, at now: Timestamp) throws(StoreError) -> CancelResult {
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
