package import StoreSeam
package import Jobs
package import Time
internal import Work

/// The result of enqueueing an order.
package enum EnqueueResult: Sendable {
  /// The job and the order, as they are written.
  case created(Job, StoredOrder)
  /// The same request was enqueued before.
  case known(Job)
  /// Another request was enqueued before with the same id or key. A prediction that has the id has none.
  case conflict(isOfKey: Bool, earlier: [UInt8])
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
  /// The prediction has succeeded, and the end of the job with that number is held.
  case held(number: Int64)
}

extension LedgerTransaction {
  /// Creates a job for the order and queues it.
  ///
  /// - Parameter maxQueued: the maximum of queued orders, this one included.
  package func enqueue(_ order: Order, maxQueued: Int = .max) throws(StorageError) -> EnqueueResult {
    if let key = order.idempotencyKey, let number = try job(ofIdempotencyKey: key) {
      return try earlier(try requiredJob(number: number), than: order, isOfKey: true)
    }
    if let entry = try job(id: order.id) { return try earlier(entry, than: order, isOfKey: false) }
    // A job is found by its own id or its prediction's, so no two may share one.
    guard try job(ofPrediction: order.id) == nil else { return .conflict(isOfKey: false, earlier: []) }
    guard try hasRoom(maxQueued: maxQueued) else { return .queueFull }
    let job = Job(createdHere: Job.Origin(id: order.id, createdAt: order.createdAt), model: order.model)
    let entry = insertJob(job, number: try rows.nextJobNumber(), body: [], snapshot: nil, order: order)
    let stored = StoredOrder(queued: order, number: entry.number)
    insertOrder(stored, idempotencyKey: order.idempotencyKey, metadata: order.metadata)
    if let deadline = order.startBefore {
      write(.insert(WorkItem(WorkKey(.startDeadline, job: entry.number), dueAt: deadline)))
    }
    return .created(job, stored)
  }

  private func earlier(
    _ entry: JobEntry, than order: Order, isOfKey: Bool
  ) throws(StorageError) -> EnqueueResult {
    let stored = try self.order(ofJob: entry.number)
    guard stored?.digest == order.digest, stored?.retryOf == order.retryOf else {
      return .conflict(isOfKey: isOfKey, earlier: try request(ofJob: entry.number))
    }
    return .known(entry.job)
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
  ) throws(StorageError) -> Job? {
    guard let entry = try job(number: number), entry.job.snapshot?.predictionID == predictionID else {
      return nil
    }
    var job = entry.job
    guard job.end(phase, because: verdict, at: now) else { return nil }
    update(entry, to: job, at: now)
    try appendHistory(.daemon, status: verdict.code, at: now, outcome: .applied, to: entry)
    if isRefusal { noteRefusal(verdict, of: entry, at: now) }
    if job.origin != nil, job.snapshot == nil { try updateOrder(ofJob: number) { $0.set(.ended, due: nil) } }
    return job
  }

  private static let neverSent = JobError(
    code: "canceled", message: "canceled before it was sent to the provider")

  /// Records a cancel request for the job with that id or of that prediction.
  package func cancel(_ id: String, at now: Timestamp) throws(StorageError) -> CancelResult {
    guard let entry = try job(named: id) else { return .noSuchJob }
    guard !entry.job.phase.isTerminal else { return .ended(entry.job) }
    let number = entry.number
    guard !entry.job.isHeld else { return .held(number: number) }
    guard let order = try order(ofJob: number) else {
      insertOrder(StoredOrder(cancelOf: number, due: now))
      return .requested(entry.job)
    }
    guard order.stage != .queued else {
      let ended = try end(number, of: nil, as: .canceled, because: Self.neverSent, at: now)
      return .ended(ended ?? entry.job)
    }
    if order.stage == .sending {
      // The call stays claimed: its end finds the request.
      try noteCancelRequestedWhileSending(ofJob: number)
    } else {
      try updateOrder(ofJob: number) { order in
        order.isCancelRequested = true
        order.dueAt = now
      }
    }
    return .requested(entry.job)
  }

  /// Deletes an ended job, and leaves a tombstone until `expiresAt`.
  ///
  /// Deliveries for it are acknowledged and dropped until then.
  ///
  /// - Returns: the job; nil where there is none, or it has not ended.
  package func deleteJob(_ id: String, tombstoneUntil expiresAt: Timestamp) throws(StorageError) -> Job? {
    guard let entry = try job(named: id), entry.job.phase.isTerminal else { return nil }
    delete(entry, .requested(expiresAt: expiresAt))
    return entry.job
  }
}
