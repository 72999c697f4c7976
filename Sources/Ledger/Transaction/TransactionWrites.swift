internal import StoreSeam
internal import Jobs
internal import Tables
internal import Time
internal import Work

extension LedgerTransaction {
  /// The writes that make the store what this transaction has decided.
  func writeSet(hooks: [any TransactionHook]) throws(StorageError) -> WriteSet {
    if !transitions.isEmpty || !announcements.isEmpty || !withdrawnAnnouncements.isEmpty {
      let rows = HookRows(self)
      for hook in hooks {
        let added = try hook.writes(after: transitions, reading: rows)
        writes.tables += added.tables
        for item in added.work { write(item) }
      }
    }
    // In the order of the numbers: equal transactions read and write in the same order.
    let ordered = orders.values.compactMap { $0 }.sorted { $0.order.number < $1.order.number }
    try noteShown(ordered)
    let changed = jobs.values.compactMap { $0.flatMap { $0.isChanged && !$0.isDeleted ? $0 : nil } }
    for entry in changed.sorted(by: { $0.number < $1.number }) { writeJob(entry) }
    for entry in ordered { writeOrder(entry) }
    if !leases.isEmpty { writes.leases = leases.values.sorted { $0.name < $1.name } }
    if !budgets.isEmpty { writes.budgets = budgets.values.sorted { $0.name < $1.name } }
    // What was written by itself comes last: a deferred step stays deferred.
    writes.work += work.values
    // A dictionary has no order, and runs are to repeat. The sort is stable.
    writes.work = writes.work.enumerated().sorted { left, right in
      let (one, other) = (left.element.key, right.element.key)
      return (one.job, one.kind.rawValue, one.key, left.offset)
        < (other.job, other.kind.rawValue, other.key, right.offset)
    }.map(\.element)
    return writes
  }

  /// Marks the jobs whose documents show another state of their orders.
  private func noteShown(_ orders: [OrderEntry]) throws(StorageError) {
    for entry in orders {
      if let stored = entry.stored, stored.isShownAlike(entry.order) { continue }
      try job(number: entry.order.number)?.isChanged = true
    }
  }

  private func writeJob(_ entry: JobEntry) {
    let (before, after) = (entry.stored?.job.pollState.dueAt, entry.job.pollState.dueAt)
    if entry.isCheckChanged {
      let key = WorkKey(.poll, job: entry.number)
      switch (before, after) {
      case (nil, let due?): writes.work.append(.insert(WorkItem(key, dueAt: due)))
      case (_?, let due?): writes.work.append(.update(WorkItem(key, dueAt: due)))
      case (_, nil): if entry.stored != nil { writes.work.append(.delete(key)) }
      }
    }
    writes.jobs.append(
      JobWrite(
        number: entry.number, stored: entry.stored, version: entry.version, isShown: isShownAnew(entry),
        hasRowChanges: entry.hasRowChanges, body: entry.body, lastChange: entry.lastChange))
  }

  /// Whether the job's document differs from that of the stored job.
  private func isShownAnew(_ entry: JobEntry) -> Bool {
    guard let stored = entry.stored else { return true }
    if entry.isShownAnew || stored.job.revision != entry.job.revision { return true }
    guard !entry.job.isSettled, let known = orders[entry.number] else { return false }
    switch (known?.stored, known?.order) {
    case (let old?, let new?): return !old.isShownAlike(new)
    case (nil, nil): return false
    case (nil, _), (_, nil): return true
    }
  }

  private func writeOrder(_ entry: OrderEntry) {
    let order = entry.order
    guard let stored = entry.stored else {
      writes.orders.append(.insert(order, idempotencyKey: entry.idempotencyKey, entry.metadata))
      if let item = Self.workItem(of: order, entry.claim) { writes.work.append(.insert(item)) }
      return
    }
    if !order.hasSameRow(as: stored) { writes.orders.append(.update(order)) }
    if entry.hasNewRequest { writes.orders.append(.replaceRequest(job: order.number, order.request)) }
    let old = stored.hasWork ? stored.workKind : nil
    let item = Self.workItem(of: order, entry.claim)
    if let old, old != item?.key.kind { writes.work.append(.delete(WorkKey(old, job: order.number))) }
    guard let item else { return }
    if old != item.key.kind {
      writes.work.append(.insert(item))
    } else if entry.hasStepChanged {
      writes.work.append(.update(item))
    }
  }

  static func workItem(of order: StoredOrder, _ claim: WorkItem?) -> WorkItem? {
    guard order.hasWork, let kind = order.workKind else { return nil }
    if let claim { return claim }
    return WorkItem(WorkKey(kind, job: order.number), dueAt: order.dueAt ?? Timestamp(milliseconds: 0))
  }
}

extension StoredOrder {
  /// Whether the row of the order is the same: its due time is in the work table.
  func hasSameRow(as other: StoredOrder) -> Bool {
    stage == other.stage && tries == other.tries && sentAt == other.sentAt
      && absenceConclusiveAt == other.absenceConclusiveAt && retriesLeft == other.retriesLeft
      && isCancelRequested == other.isCancelRequested && reason == other.reason
      && refusals == other.refusals && isRestored == other.isRestored
  }
}
