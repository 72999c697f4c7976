package import Jobs

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
  let timeout: Int64?
  package let retriesLeft: Int64
  package let isCancelRequested: Bool
  package let request: [UInt8]
}

extension StoredOrder {
  /// No call was made, and no answer taken, between the two.
  fileprivate func isAtSameCall(as other: StoredOrder) -> Bool {
    (stage, tries, sentAt) == (other.stage, other.tries, other.sentAt)
  }
}

/// What became of an order that was placed.
package enum Placement: Sendable {
  case created(Job)
  /// The same request came before.
  case known(Job)
  /// Another request came before under the same name or key.
  case conflict
}

/// A step that is due.
package struct OrderStep: Sendable {
  package enum Action: Sendable {
    /// Make the call that creates the prediction: it is on record that this is being done.
    case create
    /// Look whether the prediction exists.
    case find
    case cancel(predictionID: String)
  }

  package let action: Action
  package let job: Job
  package let order: StoredOrder
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
  package func place(_ order: Order) throws(StoreError) -> Placement {
    if let key = order.idempotencyKey, let number = try orders.job(ofKey: key) {
      return try earlier(number, than: order)
    }
    if let (number, _) = try statements.findJob(id: order.id) { return try earlier(number, than: order) }
    // A job is found by either name, so that no two may share one.
    guard try statements.findJob(predictionID: order.id) == nil else { return .conflict }
    let job = Job(createdHere: Job.Origin(id: order.id, createdAt: order.createdAt), model: order.model)
    let number = try statements.insertJob(job, body: [])
    try orders.insert(order, job: number)
    return .created(job)
  }

  private func earlier(_ number: Int64, than order: Order) throws(StoreError) -> Placement {
    guard try orders.order(ofJob: number)?.digest == order.digest else { return .conflict }
    return .known(try statements.job(number: number))
  }

  /// Call it once at start: calls that an earlier daemon was in the middle of count as unanswered.
  package func recoverOrders(at now: Timestamp) throws(StoreError) {
    try orders.recover(at: now)
  }

  /// Takes steps that are due. Each is put off or noted as begun, so that no other call returns it.
  ///
  /// - Parameters:
  ///   - creates: how many predictions may be created.
  ///   - others: how many other steps may be taken.
  ///   - patience: when a step that nothing came of is due again, in milliseconds.
  package func takeOrderSteps(
    at now: Timestamp, creates: Int, others: Int, patience: Int64
  ) throws(StoreError) -> [OrderStep] {
    var steps: [OrderStep] = []
    let again = now.advanced(byMilliseconds: patience)
    for order in try orders.due(.placed, at: now, limit: others) {
      guard let job = try openJob(of: order) else { continue }
      guard order.isCancelRequested, let id = job.snapshot?.predictionID else {
        try orders.set(.placed, due: nil, order.number)
        continue
      }
      try orders.set(.placed, due: again, order.number)
      steps.append(OrderStep(action: .cancel(predictionID: id), job: job, order: order))
    }
    for order in try orders.due(.unanswered, at: now, limit: max(0, others - steps.count)) {
      guard let job = try openJob(of: order) else { continue }
      try orders.set(.unanswered, due: again, order.number)
      steps.append(OrderStep(action: .find, job: job, order: order))
    }
    for order in try orders.due(.queued, at: now, limit: creates) {
      guard let job = try openJob(of: order) else { continue }
      var sent = job
      sent.noteSending(at: now, firstLook: policy.firstLook(after: now, timeout: order.timeout))
      try orders.noteSending(order.number, at: now)
      try statements.updateJob(order.number, from: job, to: sent, body: nil)
      guard let begun = try orders.order(ofJob: order.number) else { continue }
      steps.append(OrderStep(action: .create, job: sent, order: begun))
    }
    return steps
  }

  /// Nil where the job has ended: then nothing is left to do.
  private func openJob(of order: StoredOrder) throws(StoreError) -> Job? {
    if let job = try statements.findJob(number: order.number), !job.phase.isTerminal { return job }
    try orders.set(.ended, due: nil, order.number)
    return nil
  }

  /// The call was certainly not carried out: it may be made again then. Where the job is to be canceled, it ends instead.
  ///
  /// - Parameter order: as it was when the call was made or searched for. If it has gone on since, nothing changes.
  package func putOff(_ order: StoredOrder, until moment: Timestamp, at now: Timestamp) throws(StoreError) {
    guard let present = try orders.order(ofJob: order.number), present.isAtSameCall(as: order) else { return }
    guard !present.isCancelRequested else {
      _ = try end(order.number, of: nil, as: .canceled, because: Self.neverSent, at: now)
      return
    }
    try orders.set(.queued, due: moment, order.number)
  }

  /// The call had no answer: the prediction may exist. See ``putOff(_:until:at:)`` for `order`.
  package func noteUnanswered(_ order: StoredOrder, nextLook: Timestamp) throws(StoreError) {
    guard let present = try orders.order(ofJob: order.number), present.stage == .sending,
      present.isAtSameCall(as: order)
    else { return }
    try orders.set(.unanswered, due: nextLook, order.number)
  }

  /// The provider was asked to cancel: there is nothing left to do but to hear the end.
  package func noteCanceled(_ number: Int64) throws(StoreError) {
    guard try orders.order(ofJob: number)?.stage == .placed else { return }
    try orders.set(.placed, due: nil, number)
  }

  /// Ends a job by our own word: see ``Job/end(_:because:at:)``.
  ///
  /// - Parameter predictionID: what the word is about; nil where it is that there is no prediction.
  /// - Returns: the job; nil where it had ended already, was deleted, or has another prediction by then.
  package func end(
    _ number: Int64, of predictionID: String?, as phase: Phase, because verdict: JobError, at now: Timestamp
  ) throws(StoreError) -> Job? {
    guard let stored = try statements.findJob(number: number),
      stored.snapshot?.predictionID == predictionID
    else { return nil }
    var job = stored
    guard job.end(phase, because: verdict, at: now) else { return nil }
    try statements.updateJob(number, from: stored, to: job, body: nil)
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
