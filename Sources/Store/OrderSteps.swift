package import Jobs
internal import SQLite
package import Time

/// A claimed step of an order.
package struct OrderStep: Sendable {
  package enum Action: Sendable {
    /// Make the create call. The stage `sending` is already recorded.
    case create
    /// Search the provider's list for the prediction.
    case find
    case cancel(predictionID: String)
  }

  package let action: Action
  package let job: Job
  /// The order after the claim.
  package let order: StoredOrder
}

// MARK: - Claiming steps

extension StoreTransaction {
  /// Recovers the orders of an earlier daemon. Call it once at start.
  ///
  /// Calls that were in flight count as unanswered. Every open order of a restored backup is searched for
  /// first, unless its prediction is known.
  ///
  /// - Parameter absenceGracePeriod: the time after a call during which absence from the provider's list
  ///   proves nothing, in milliseconds.
  /// - Returns: whether the file is a restored backup on which no daemon has started before.
  @discardableResult
  package func recoverOrders(at now: Timestamp, absenceGracePeriod: Int64) throws(StoreError) -> Bool {
    let isRestored = try pollStatements.takeKey(DatabaseBackup.marker) != nil
    if isRestored { try orders.restore(at: now, absenceGracePeriod: absenceGracePeriod) }
    try orders.recover(at: now, absenceGracePeriod: absenceGracePeriod)
    return isRestored
  }

  /// Limits the due times of steps to the next `spread` milliseconds.
  ///
  /// Call it at start and after the wall clock was set, because a due time may have been recorded while the
  /// clock was ahead.
  package func clampDueTimes(
    from now: Timestamp, within spread: Int64, absenceGracePeriod: Int64 = 60_000
  ) throws(StoreError) {
    try orders.clamp(
      to: now.advanced(byMilliseconds: spread),
      absenceConclusive: now.advanced(byMilliseconds: absenceGracePeriod))
  }

  /// Moves the step of that stage that is due first to `moment`.
  ///
  /// Call it where that order cannot be read or written, so that it does not block the others.
  package func deferFirstStep(
    of stage: OrderStage, at now: Timestamp, until moment: Timestamp
  ) throws(StoreError) {
    try orders.deferFirst(of: stage, at: now, until: moment)
  }

  /// Claims steps that are due, so that no other call returns them.
  ///
  /// - Parameters:
  ///   - creates: the maximum of create steps.
  ///   - cancels: the maximum of cancel steps.
  ///   - finds: the maximum of search steps.
  ///   - lease: how long a cancel or a search stays claimed, in milliseconds. Without a result it is due
  ///     again then.
  package func claimOrderSteps(
    at now: Timestamp, creates: Int, cancels: Int, finds: Int, lease: Int64
  ) throws(StoreError) -> [OrderStep] {
    let again = now.advanced(byMilliseconds: lease)
    var steps: [OrderStep] = []
    for order in try orders.due(.submitted, at: now, limit: cancels) {
      guard let job = try openJob(of: order) else { continue }
      guard order.isCancelRequested, let id = job.snapshot?.predictionID else {
        try orders.set(.submitted, due: nil, order.number)
        continue
      }
      try orders.set(.submitted, due: again, order.number)
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
      sent.noteSending(at: now, firstCheck: policy.firstCheck(after: now, timeout: order.timeout))
      try orders.noteSending(order.number, at: now)
      try statements.updateJob(order.number, from: job, to: sent, body: nil)
      guard let sending = try orders.order(ofJob: order.number) else { continue }
      steps.append(OrderStep(action: .create, job: sent, order: sending))
    }
    return steps
  }

  /// The order's job. Nil where it has ended, and so the order with it.
  private func openJob(of order: StoredOrder) throws(StoreError) -> Job? {
    if let job = try statements.findJob(number: order.number), !job.phase.isTerminal { return job }
    try orders.set(.ended, due: nil, order.number)
    return nil
  }
}

// MARK: - Results of steps

extension StoreTransaction {
  /// Reschedules a create call that certainly had no effect.
  ///
  /// An order with a cancel request ends instead. Does nothing where a newer call was made meanwhile, because
  /// a late result of one call proves nothing about the next.
  ///
  /// - Parameters:
  ///   - reason: why the order waits; nil where nothing delays it.
  ///   - refusal: the provider's error where it refused this order.
  package func reschedule(
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

  /// Records that a create call had no answer, so the prediction may exist.
  ///
  /// - Parameters:
  ///   - nextSearch: when the provider's list is searched for it.
  ///   - absenceConclusive: from when on absence from that list proves that it does not exist.
  package func noteUnanswered(
    _ order: StoredOrder, nextSearch: Timestamp, absenceConclusive: Timestamp
  ) throws(StoreError) {
    guard try awaited(order)?.stage == .sending else { return }
    try orders.noteUnanswered(order.number, due: nextSearch, absenceConclusive: absenceConclusive)
  }

  /// Makes a step without a result due again at `moment`.
  package func delay(_ step: OrderStep, until moment: Timestamp) throws(StoreError) {
    guard let stored = try orders.order(ofJob: step.order.number), stored.dueAt != nil,
      stored.stage == step.order.stage, stored.isOfCall(of: step.order)
    else { return }
    try orders.set(stored.stage, due: moment, stored.number)
  }

  /// Records that the provider accepted the cancel call. The end itself arrives as a snapshot.
  package func noteCanceled(_ number: Int64) throws(StoreError) {
    guard try orders.order(ofJob: number)?.stage == .submitted else { return }
    try orders.set(.submitted, due: nil, number)
  }

  /// Filters `predictions` to those that belong to no job created here.
  package func unbound(among predictions: [String]) throws(StoreError) -> Set<String> {
    var unbound: Set<String> = []
    for id in predictions where try attempts.job(ofPastPrediction: id) == nil {
      if try statements.findJob(predictionID: id)?.job.origin == nil { unbound.insert(id) }
    }
    return unbound
  }

  /// Whether the prediction was an earlier attempt of that job.
  package func isPastAttempt(_ predictionID: String, ofJob number: Int64) throws(StoreError) -> Bool {
    try attempts.job(ofPastPrediction: predictionID) == number
  }

  /// The stored order, if it still awaits the result of that call.
  func awaited(_ order: StoredOrder) throws(StoreError) -> StoredOrder? {
    guard let stored = try orders.order(ofJob: order.number), stored.isOfCall(of: order),
      stored.stage == .sending || stored.stage == .unanswered
    else { return nil }
    return stored
  }
}
