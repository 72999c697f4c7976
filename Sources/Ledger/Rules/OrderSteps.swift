package import StoreSeam
package import Jobs
package import Time
internal import Work

// MARK: - Claiming steps

extension LedgerTransaction {
  /// Recovers the orders of an earlier daemon. Call it once at start.
  ///
  /// See ``recoverAbandonedCreates(at:absenceGracePeriod:)``. Searches and cancel calls that it had claimed
  /// are due now. Every open order of a restored backup is searched for first, unless its prediction is
  /// known.
  ///
  /// - Parameter absenceGracePeriod: the time after a call during which absence from the provider's list
  ///   proves nothing, in milliseconds.
  /// - Returns: whether the store is a restored backup on which no daemon has started before.
  @discardableResult
  package func recoverOrders(at now: Timestamp, absenceGracePeriod: Int64) throws(StorageError) -> Bool {
    guard try rows.key(StoreKey.backupMarker) == nil else {
      writes.keys.append(.delete(StoreKey.backupMarker))
      writes.sweeps.append(
        .restoreOrders(
          at: now, absenceConclusiveAt: now.advanced(byMilliseconds: absenceGracePeriod)))
      return true
    }
    _ = try recoverAbandonedCreates(at: now, absenceGracePeriod: absenceGracePeriod)
    for kind in [WorkKind.search, .cancel] {
      for item in try abandonedSteps(kind, at: now) where now < item.dueAt {
        try updateOrder(ofJob: item.key.job) { $0.dueAt = now }
      }
    }
    return false
  }

  /// Records that the create calls of processes that have ended may have been made without an answer.
  ///
  /// In a store of one process these are all that are in flight, so call it at start alone. In a shared one
  /// they are those whose leases have ended.
  ///
  /// - Returns: the number of such calls.
  package func recoverAbandonedCreates(
    at now: Timestamp, absenceGracePeriod: Int64 = StoredOrder.absenceGracePeriod
  ) throws(StorageError) -> Int {
    let abandoned = try abandonedSteps(.create, at: now)
    for item in abandoned { try noteInterrupted(item, at: now, absenceGracePeriod: absenceGracePeriod) }
    return abandoned.count
  }

  /// Records that a create call may have been made without an answer: its process has ended, or hangs.
  private func noteInterrupted(
    _ item: WorkItem, at now: Timestamp, absenceGracePeriod: Int64
  ) throws(StorageError) {
    // The job comes first: reading it keeps other processes from its order.
    guard try job(number: item.key.job) != nil, let order = try order(ofJob: item.key.job),
      order.stage == .sending
    else { return }
    // Another process may have made the call at any time until its lease ended, by a clock of its own.
    let latestCall = rules.isShared ? item.leaseEnd : order.sentAt
    let conclusive = min(latestCall ?? now, now).advanced(byMilliseconds: absenceGracePeriod)
    try updateOrder(ofJob: item.key.job) { $0.noteUnanswered(due: now, absenceConclusive: conclusive) }
  }

  /// Limits the due times of steps to the next `spread` milliseconds.
  ///
  /// Call it at start and after the wall clock was set, because a due time may have been recorded while the
  /// clock was ahead.
  package func clampDueTimes(
    from now: Timestamp, within spread: Int64, absenceGracePeriod: Int64 = StoredOrder.absenceGracePeriod
  ) throws(StorageError) {
    let latest = now.advanced(byMilliseconds: spread)
    let conclusive = now.advanced(byMilliseconds: absenceGracePeriod)
    for kind in [WorkKind.create, .cancel] {
      for item in try laterSteps(kind, after: latest) where item.owner == nil {
        try updateOrder(ofJob: item.key.job) { $0.dueAt = $0.dueAt.map { min($0, latest) } }
      }
    }
    // Every search, because its end may be too late where its beginning is not.
    for item in try laterSteps(.search, after: Timestamp(milliseconds: .min))
    where item.owner == nil || !rules.isShared {
      guard let order = try order(ofJob: item.key.job),
        latest < item.dueAt || order.absenceConclusiveAt.map({ conclusive < $0 }) ?? false
      else { continue }
      try updateOrder(ofJob: item.key.job) { order in
        order.dueAt = order.dueAt.map { min($0, latest) }
        order.absenceConclusiveAt = order.absenceConclusiveAt.map { min($0, conclusive) }
      }
    }
  }

  /// Moves the step of that stage that is due first to `moment`.
  ///
  /// Call it where that order cannot be read or written, so that it does not block the others. Therefore the
  /// job is not read, and takes no change number, although its document shows the due time.
  package func deferFirstStep(
    of stage: OrderStage, at now: Timestamp, until moment: Timestamp
  ) throws(StorageError) {
    guard let kind = Self.kind(of: stage) else { return }
    try deferFirst(of: try dueSteps(kind, at: now, limit: 1), until: moment)
  }

  func deferFirst(of items: [WorkItem], until moment: Timestamp) throws(StorageError) {
    if let item = items.first { deferItem(item, until: moment) }
  }

  private static func kind(of stage: OrderStage) -> WorkKind? {
    switch stage {
    case .queued, .sending: .create
    case .unanswered: .search
    case .submitted: .cancel
    case .ended: nil
    }
  }

  /// Claims steps that are due, so that no other call returns them.
  ///
  /// - Parameters:
  ///   - creates: the maximum of create steps.
  ///   - cancels: the maximum of cancel steps.
  ///   - finds: the maximum of search steps.
  ///   - lease: how long a step stays claimed, in milliseconds. Without a result it is due again then; a
  ///     create call counts as unanswered.
  package func claimOrderSteps(
    at now: Timestamp, creates: Int, cancels: Int, finds: Int, lease: Int64,
    absenceGracePeriod: Int64 = StoredOrder.absenceGracePeriod
  ) throws(StorageError) -> [OrderStep] {
    let leaseEnd = now.advanced(byMilliseconds: lease)
    var steps: [OrderStep] = []
    for item in try dueSteps(.cancel, at: now, limit: cancels) {
      guard let (entry, order) = try openJob(of: item) else { continue }
      guard order.isCancelRequested, let id = entry.job.snapshot?.predictionID else {
        try updateOrder(ofJob: entry.number) { $0.set(.submitted, due: nil) }
        continue
      }
      try claim(item, until: leaseEnd)
      steps.append(OrderStep(action: .cancel(predictionID: id), job: entry.job, order: order))
    }
    for item in try dueSteps(.search, at: now, limit: finds) {
      guard let (entry, order) = try openJob(of: item) else { continue }
      try claim(item, until: leaseEnd)
      steps.append(OrderStep(action: .find, job: entry.job, order: order))
    }
    for item in try dueSteps(.create, at: now, limit: creates) {
      guard let (entry, order) = try openJob(of: item) else { continue }
      guard order.stage == .queued else {
        try noteInterrupted(item, at: now, absenceGracePeriod: absenceGracePeriod)
        continue
      }
      guard try endUnstarted(entry.number, at: now) == nil else { continue }
      var sent = entry.job
      sent.noteSending(at: now, firstCheck: policy.firstCheck(after: now, timeout: order.timeout))
      update(entry, to: sent)
      try updateOrder(ofJob: entry.number) { $0.noteSending(at: now) }
      try claimStep(ofJob: entry.number, item, until: leaseEnd)
      var sending = try self.order(ofJob: entry.number) ?? order
      sending.request = try request(ofJob: entry.number)
      steps.append(OrderStep(action: .create, job: sent, order: sending))
    }
    return steps
  }

  /// Claims a cancel or a search step, which is due again at the end of the lease.
  private func claim(_ item: WorkItem, until leaseEnd: Timestamp) throws(StorageError) {
    try updateOrder(ofJob: item.key.job) { $0.dueAt = leaseEnd }
    try claimStep(ofJob: item.key.job, item, until: leaseEnd)
  }

  /// The item's job and order. Nil where the job has ended or is held, and so the order has ended.
  private func openJob(of item: WorkItem) throws(StorageError) -> (JobEntry, StoredOrder)? {
    let number = item.key.job
    let found = try job(number: number)
    guard var order = try order(ofJob: number), order.workKind == item.key.kind else {
      deleteStray(item)
      return nil
    }
    // Only a create call needs it, and another command may have read it.
    order.request = []
    if let entry = found, !entry.job.isSettled { return (entry, order) }
    try updateOrder(ofJob: number) { $0.set(.ended, due: nil) }
    return nil
  }
}

// MARK: - Results of steps

extension LedgerTransaction {
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
  ) throws(StorageError) {
    guard let stored = try awaited(order) else { return }
    if let refusal, let entry = try job(number: order.number) { noteRefusal(refusal, of: entry, at: now) }
    guard !stored.isCancelRequested else {
      let verdict = JobError(code: "canceled", message: "canceled before the provider had created it")
      _ = try end(order.number, of: nil, as: .canceled, because: verdict, at: now)
      return
    }
    try updateOrder(ofJob: order.number) {
      $0.requeue(due: moment, because: reason, isRefusal: refusal != nil)
    }
    _ = try endUnstarted(order.number, at: now)
  }

  /// Records that a create call had no answer, so the prediction may exist.
  ///
  /// - Parameters:
  ///   - nextSearch: when the provider's list is searched for it.
  ///   - absenceConclusive: from when on absence from that list proves that it does not exist.
  package func noteUnanswered(
    _ order: StoredOrder, nextSearch: Timestamp, absenceConclusive: Timestamp
  ) throws(StorageError) {
    guard try awaited(order)?.stage == .sending else { return }
    try updateOrder(ofJob: order.number) {
      $0.noteUnanswered(due: nextSearch, absenceConclusive: absenceConclusive)
    }
  }

  /// Makes a step without a result due again at `moment`.
  package func delay(_ step: OrderStep, until moment: Timestamp) throws(StorageError) {
    guard let stored = try order(ofJob: step.order.number), stored.dueAt != nil,
      stored.stage == step.order.stage, stored.isOfCall(of: step.order), try !isTakenOver(stored)
    else { return }
    try updateOrder(ofJob: stored.number) { $0.dueAt = moment }
  }

  /// Records that the provider accepted the cancel call. The end itself arrives as a snapshot.
  package func noteCanceled(_ number: Int64) throws(StorageError) {
    guard let order = try order(ofJob: number), order.stage == .submitted, try !isTakenOver(order)
    else { return }
    try updateOrder(ofJob: number) { $0.set(.submitted, due: nil) }
  }

  /// Filters `predictions` to those that belong to no job created here.
  package func unbound(among predictions: [String]) throws(StorageError) -> Set<String> {
    var unbound: Set<String> = []
    for id in predictions where try job(ofPastPrediction: id) == nil {
      if try job(ofPrediction: id)?.job.origin == nil { unbound.insert(id) }
    }
    return unbound
  }

  /// Whether the prediction was an earlier attempt of that job.
  package func isPastAttempt(_ predictionID: String, ofJob number: Int64) throws(StorageError) -> Bool {
    try job(ofPastPrediction: predictionID) == number
  }

  /// Extends the claims of steps until `moment`.
  ///
  /// - Returns: the jobs' numbers of those that are done, or that another process has taken over.
  package func extendClaims(
    of steps: [OrderStep], until moment: Timestamp
  ) throws(StorageError) -> Set<Int64> {
    var lost: Set<Int64> = []
    for step in steps {
      let number = step.order.number
      if try job(number: number) != nil, let order = try order(ofJob: number),
        order.stage == step.order.stage,
        order.isOfCall(of: step.order), var claim = try stepItem(of: order), claim.owner == owner
      {
        claim.leaseEnd = moment
        deferItem(claim, until: moment)
      } else {
        lost.insert(number)
      }
    }
    return lost
  }

  /// Ends a job by the result of a create call, or of the search for its prediction.
  ///
  /// - Returns: the job; nil where the order awaits no such result any more.
  package func end(
    awaiting order: StoredOrder, because verdict: JobError, at now: Timestamp, isRefusal: Bool = false
  ) throws(StorageError) -> Job? {
    guard try awaited(order) != nil else { return nil }
    return try end(order.number, of: nil, as: .failed, because: verdict, at: now, isRefusal: isRefusal)
  }

  /// The stored order, if it still awaits the result of that call from this process.
  func awaited(_ order: StoredOrder) throws(StorageError) -> StoredOrder? {
    guard let stored = try self.order(ofJob: order.number), stored.isOfCall(of: order),
      stored.stage == .sending || stored.stage == .unanswered, try !isTakenOver(stored)
    else { return nil }
    return stored
  }

  /// Whether another process has claimed the order's step, because the lease of this one had ended.
  ///
  /// What this one finds out is then evidence about the prediction, and decides nothing else.
  private func isTakenOver(_ order: StoredOrder) throws(StorageError) -> Bool {
    guard rules.isShared else { return false }
    return try stepItem(of: order)?.owner.map { $0 != owner } ?? false
  }

  /// The work item of the order's present step, as this transaction has left it.
  private func stepItem(of order: StoredOrder) throws(StorageError) -> WorkItem? {
    guard let kind = order.workKind else { return nil }
    let stored = try rows.work(ofJob: order.number).filter { $0.key.kind == kind }
    return steps(kind, stored).first { $0.key.job == order.number }
  }
}
