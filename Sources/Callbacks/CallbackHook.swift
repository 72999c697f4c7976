internal import Jobs
internal import Ledger
internal import StoreSeam
internal import Tables
internal import Time
internal import Work

/// Writes the events of a transaction to the outbox.
struct CallbackHook: TransactionHook {
  /// Whether `CALLBACK_URL` is set.
  let hasURL: Bool
  /// Whether jobs may have callbacks of their own.
  let acceptsTargets: Bool

  func writes(
    after transitions: [JobTransition], reading rows: HookRows
  ) throws(StorageError) -> HookWrites {
    var outboxes: [Int64: JobOutbox] = [:]
    var writes = HookWrites()
    let isOn = hasURL || acceptsTargets
    // Without callbacks, only deletions matter.
    for transition in transitions where isOn || transition.after == nil {
      let number = transition.number
      guard transition.after != nil else {
        outboxes[number] = nil
        // Also where nothing is sent now: the rows may be of a time with other settings.
        writes.tables.append(.delete(CallbackTable.declaration, key: [.integer(number)]))
        writes.tables.append(.delete(TargetTable.declaration, key: [.integer(number)]))
        continue
      }
      try note(transition, in: &outboxes[number], reading: rows)
    }
    for number in rows.withdrawn {
      writes.tables.append(.delete(CallbackTable.declaration, key: [.integer(number)]))
      writes.tables.append(.delete(TargetTable.declaration, key: [.integer(number)]))
      for item in try rows.work(ofJob: number, of: CallbackWork.all) { writes.work.append(.delete(item.key)) }
    }
    for event in rows.announcements where isOn { note(event, in: &outboxes[event.number]) }
    for (_, outbox) in outboxes.sorted(by: { $0.key < $1.key }) {
      try outbox.write(to: &writes, reading: rows)
    }
    return writes
  }

  private func note(
    _ transition: JobTransition, in outbox: inout JobOutbox?, reading rows: HookRows
  ) throws(StorageError) {
    let number = transition.number
    if acceptsTargets, transition.before == nil, let callback = transition.order?.callback {
      outbox = JobOutbox(
        job: number,
        target: CallbackTarget(
          url: callback.url, wantsRunning: callback.events.contains("running"),
          wantsProgress: callback.events.contains("progress")))
      outbox?.isTargetNew = true
    }
    guard let after = transition.after?.job, let type = CallbackType(transition) else { return }
    // Only a job that was created here may have a callback of its own.
    let mayHaveTarget = acceptsTargets && after.origin != nil
    guard mayHaveTarget || hasURL && !type.isOptional else { return }
    var known: JobOutbox
    if let outbox {
      known = outbox
    } else {
      let row = mayHaveTarget ? try rows.row(of: TargetTable.declaration, key: [.integer(number)]) : nil
      known = JobOutbox(job: number, target: row.map { CallbackTarget($0) })
    }
    if known.sends(type, hasURL: hasURL) {
      known.events.append(CallbackEvent(type, of: after, number: number))
    }
    outbox = known
  }

  private func note(_ event: Announcement, in outbox: inout JobOutbox?) {
    // The subject's own callback comes with each of its events, so that no row has to be read.
    let target = acceptsTargets ? event.callback.map { CallbackTarget(url: $0.url) } : nil
    guard hasURL || target != nil else { return }
    var known = outbox ?? JobOutbox(job: event.number, target: target)
    known.isTargetNew = true
    known.events.append(CallbackEvent(event))
    outbox = known
  }
}

/// The new events of one job, or of another subject.
private struct JobOutbox {
  let job: Int64
  let target: CallbackTarget?
  var isTargetNew = false
  /// In their order.
  var events: [CallbackEvent] = []

  init(job: Int64, target: CallbackTarget?) {
    self.job = job
    self.target = target
  }

  func sends(_ type: CallbackType, hasURL: Bool) -> Bool {
    guard let target else { return hasURL && !type.isOptional }
    switch type {
    case .running: return target.wantsRunning
    case .progress: return target.wantsProgress
    default: return true
    }
  }

  func write(to writes: inout HookWrites, reading rows: HookRows) throws(StorageError) {
    if isTargetNew, let target {
      writes.tables.append(.put(TargetTable.declaration, TargetTable.values(of: target, job: job)))
    }
    guard let last = events.last else { return }
    // A newer event replaces those that are no ends.
    let added = events.filter { $0.type.isEnd || $0 == last }
    let kind = CallbackWork.kind(of: target)
    var due = added.first?.dueAt ?? last.dueAt
    var isBlocked = false
    for item in try rows.work(ofJob: job, of: CallbackWork.all) {
      let key = CallbackTable.key(job, item.revision)
      let row = try rows.row(of: CallbackTable.declaration, key: key).flatMap { CallbackRow($0) }
      if let row, row.type.isEnd || item.owner != nil {
        // A try in flight cannot be taken back. It is not repeated once a newer event waits.
        isBlocked = true
      } else {
        due = min(due, item.dueAt)
        writes.tables.append(.delete(CallbackTable.declaration, key: key))
        writes.work.append(.delete(item.key))
      }
    }
    for (index, event) in added.enumerated() {
      writes.tables.append(.put(CallbackTable.declaration, CallbackRow(event).values))
      writes.work.append(
        .insert(
          WorkItem(
            CallbackWork.key(job, event.revision, kind),
            dueAt: isBlocked || index > 0 ? .distantFuture : due)))
    }
  }
}
