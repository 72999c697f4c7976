package import StoreSeam
internal import Jobs
package import Tables
internal import Time
internal import Work

extension LedgerTransaction {
  /// The due steps of orders of one kind, as this transaction has left them.
  func dueSteps(_ kind: WorkKind, at now: Timestamp, limit: Int) throws(StorageError) -> [WorkItem] {
    guard limit > 0 else { return [] }
    let stored = try rows.work(kind, dueAt: now, limit: limit + orders.count + work.count)
    return sorted(steps(kind, stored), dueAt: now, limit)
  }

  /// The steps of orders of one kind that are due after `moment`.
  func laterSteps(_ kind: WorkKind, after moment: Timestamp) throws(StorageError) -> [WorkItem] {
    steps(kind, try rows.work(kind, dueAfter: moment)).filter { moment < $0.dueAt }
  }

  /// The steps of orders of one kind whose claims have been abandoned.
  func abandonedSteps(_ kind: WorkKind, at now: Timestamp) throws(StorageError) -> [WorkItem] {
    let moment = abandonedUntil(at: now)
    return steps(kind, try rows.claimedWork(kind, endingUntil: moment)).filter { item in
      item.leaseEnd.map { $0 <= moment } ?? false
    }
  }

  /// The lease end up to which a claim counts as abandoned when the daemon starts.
  ///
  /// In a store of one process every claim is that of a process that has ended.
  func abandonedUntil(at now: Timestamp) -> Timestamp { rules.isShared ? now : .distantFuture }

  /// Replaces those of the stored items that this transaction has changed.
  func steps(_ kind: WorkKind, _ stored: [WorkItem]) -> [WorkItem] {
    var items = stored.filter { item in
      guard work[item.key] == nil, deletion(of: item.key.job) == nil else { return false }
      return orders[item.key.job].flatMap { $0 }.map { !$0.hasStepChanged } ?? true
    }
    for case let entry? in orders.values where entry.hasStepChanged {
      guard let item = Self.workItem(of: entry.order, entry.claim), item.key.kind == kind,
        work[item.key] == nil
      else { continue }
      items.append(item)
    }
    return items + ownWork(kind)
  }

  /// The due checks of open jobs, as this transaction has left them.
  func dueChecks(at now: Timestamp, limit: Int) throws(StorageError) -> [WorkItem] {
    guard limit > 0 else { return [] }
    var due: [WorkItem] = []
    for item in try rows.work(.poll, dueAt: now, limit: limit + jobs.count + work.count) {
      let known = jobs[item.key.job].flatMap { $0 }
      let isCurrent = known.map { !$0.isCheckChanged && !$0.isDeleted } ?? true
      if work[item.key] == nil, isCurrent { due.append(item) }
    }
    for case let entry? in jobs.values where entry.isCheckChanged && !entry.isDeleted {
      let key = WorkKey(.poll, job: entry.number)
      if let moment = entry.job.pollState.dueAt, work[key] == nil { due.append(WorkItem(key, dueAt: moment)) }
    }
    return sorted(due + ownWork(.poll), dueAt: now, limit)
  }

  func ownWork(_ kind: WorkKind) -> [WorkItem] {
    work.values.compactMap { write in
      switch write {
      case .insert(let item), .update(let item): item.key.kind == kind ? item : nil
      case .delete: nil
      }
    }
  }

  func sorted(_ items: [WorkItem], dueAt now: Timestamp, _ limit: Int) -> [WorkItem] {
    let due = items.filter { $0.dueAt <= now }
    return Array(due.sorted { ($0.dueAt, $0.key.job) < ($1.dueAt, $1.key.job) }.prefix(limit))
  }

  package func write(_ write: TableWrite) { writes.tables.append(write) }

  package func write(_ write: WorkWrite) {
    switch write {
    case .insert(let item), .update(let item): work[item.key] = write
    case .delete(let key): work[key] = write
    }
  }

  /// Deletes an item whose order has passed it.
  func deleteStray(_ item: WorkItem) {
    if item.key.kind == .create, item.owner == nil { writes.queuedChange -= 1 }
    write(.delete(item.key))
  }

  /// Moves an item that is due to `moment`, without a change of its order or job.
  func deferItem(_ item: WorkItem, until moment: Timestamp) {
    var deferred = item
    deferred.dueAt = moment
    write(.update(deferred))
    if case let entry?? = orders[item.key.job], entry.order.workKind == item.key.kind {
      entry.deferStep(until: moment)
    }
  }
}

extension WorkWrite {
  var key: WorkKey {
    switch self {
    case .insert(let item), .update(let item): item.key
    case .delete(let key): key
    }
  }
}
