package import Jobs
package import Time

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
  /// As it is now that the step is taken.
  package let order: StoredOrder
}

// MARK: - Taking steps

extension StoreTransaction {
  /// Call it once at start: calls that an earlier daemon was in the middle of count as unanswered.
  /// What a restored backup holds is searched for first, whatever its stage.
  ///
  /// - Parameter certainty: how long after such a call its absence from the provider's list counts, in milliseconds.
  /// - Returns: whether the file is a restored backup on which no daemon has started before.
  @discardableResult
  package func recoverOrders(at now: Timestamp, certainty: Int64) throws(StoreError) -> Bool {
    let isRestored = try watchStatements.takeKey(StoreBackup.marker) != nil
    if isRestored { try orders.restore(at: now, certainty: certainty) }
    try orders.recover(at: now, certainty: certainty)
    return isRestored
  }

  /// Call it at start and when the wall clock was set: no step waits longer than `spread` milliseconds, since its time may
  /// have been noted while the clock was ahead.
  package func hastenOrders(
    from now: Timestamp, within spread: Int64, certainty: Int64 = 60_000
  ) throws(StoreError) {
    try orders.hasten(
      to: now.advanced(byMilliseconds: spread), certain: now.advanced(byMilliseconds: certainty))
  }

  /// Call it where the order of that stage that is due first cannot be read or written: others come before it.
  package func deferFirstStep(
    of stage: OrderStage, at now: Timestamp, until moment: Timestamp
  ) throws(StoreError) {
    try orders.deferFirst(of: stage, at: now, until: moment)
  }

  /// Takes steps that are due. Each is put off or noted as begun, so that no other call returns it.
  ///
  /// - Parameters:
  ///   - creates: how many predictions may be created.
  ///   - cancels: how many may be canceled.
  ///   - finds: how many may be looked for.
  ///   - patience: when a step that nothing came of is due again, in milliseconds.
  package func takeOrderSteps(
    at now: Timestamp, creates: Int, cancels: Int, finds: Int, patience: Int64
  ) throws(StoreError) -> [OrderStep] {
    let again = now.advanced(byMilliseconds: patience)
    var steps: [OrderStep] = []
    for order in try orders.due(.placed, at: now, limit: cancels) {
      guard let job = try openJob(of: order) else { continue }
      guard order.isCancelRequested, let id = job.snapshot?.predictionID else {
        try orders.set(.placed, due: nil, order.number)
        continue
      }
      try orders.set(.placed, due: again, order.number)
      steps.append(OrderStep(action: .cancel(predictionID: id), job: job, order: order))
    }
    for order in try orders.due(.unanswered, at: now, limit: finds) {
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
      guard let sending = try orders.order(ofJob: order.number) else { continue }
      steps.append(OrderStep(action: .create, job: sent, order: sending))
    }
    return steps
  }

  /// Nil where the job has ended: then nothing is left to do.
  private func openJob(of order: StoredOrder) throws(StoreError) -> Job? {
    if let job = try statements.findJob(number: order.number), !job.phase.isTerminal { return job }
    try orders.set(.ended, due: nil, order.number)
    return nil
  }
}

// MARK: - What came of a step

extension StoreTransaction {
  /// The call was certainly not carried out: it may be made again then. An order that was to be canceled ends instead.
  ///
  /// Of no effect where the order has gone on meanwhile: whoever was slow to learn of one call says nothing of the next.
  ///
  /// - Parameters:
  ///   - reason: why it waits; nil where it need not.
  ///   - refusal: what the provider said where it has refused this order.
  package func putOff(
    _ order: StoredOrder, until moment: Timestamp, at now: Timestamp, because reason: OrderReason? = nil,
    refusal: JobError? = nil
  ) throws(StoreError) {
    guard let stored = try awaited(order) else { return }
    if let refusal { try attempts.noteRefusal(refusal, ofJob: order.number, at: now) }
    guard !stored.isCancelRequested else {
      let verdict = JobError(code: "canceled", message: "canceled before the provider had created it")
      _ = try end(order.number, of: nil, as: .canceled, because: verdict, at: now)
      return
    }
    try orders.requeue(order.number, due: moment, because: reason, isRefusal: refusal != nil)
  }

  /// The call had no answer: the prediction may exist.
  ///
  /// - Parameter certain: from when on it counts that the provider does not list the prediction.
  package func noteUnanswered(
    _ order: StoredOrder, nextLook: Timestamp, certain: Timestamp
  ) throws(StoreError) {
    guard try awaited(order)?.stage == .sending else { return }
    try orders.noteUnanswered(order.number, due: nextLook, certain: certain)
  }

  /// Nothing came of the step: it is due again then.
  package func delay(_ step: OrderStep, until moment: Timestamp) throws(StoreError) {
    guard let stored = try orders.order(ofJob: step.order.number), stored.dueAt != nil,
      stored.stage == step.order.stage, stored.isOfCall(of: step.order)
    else { return }
    try orders.set(stored.stage, due: moment, stored.number)
  }

  /// The provider was asked to cancel: there is nothing left to do but to hear the end.
  package func noteCanceled(_ number: Int64) throws(StoreError) {
    guard try orders.order(ofJob: number)?.stage == .placed else { return }
    try orders.set(.placed, due: nil, number)
  }

  /// Those of `predictions` that belong to no job that was created here.
  package func unbound(among predictions: [String]) throws(StoreError) -> Set<String> {
    var unbound: Set<String> = []
    for id in predictions where try attempts.jobThatLeft(predictionID: id) == nil {
      if try statements.findJob(predictionID: id)?.job.origin == nil { unbound.insert(id) }
    }
    return unbound
  }

  /// The order as it stands, where it still waits for what comes of the call that `order` made.
  func awaited(_ order: StoredOrder) throws(StoreError) -> StoredOrder? {
    guard let stored = try orders.order(ofJob: order.number), stored.isOfCall(of: order),
      stored.stage == .sending || stored.stage == .unanswered
    else { return nil }
    return stored
  }
}
