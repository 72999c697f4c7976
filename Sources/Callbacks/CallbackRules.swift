internal import Ledger
internal import StoreSeam
internal import Tables
internal import Time
internal import Work

/// A claimed event, which this process sends.
struct CallbackClaim: Equatable, Sendable {
  let item: WorkItem
  let row: CallbackRow
  let receiver: Receiver
}

/// The result of a try.
enum CallbackOutcome: Equatable, Sendable {
  case accepted(status: Int)
  /// To be tried again.
  case refused(CallbackFailure, retryAfter: Int64?)
  /// Not to be tried again.
  case rejected(CallbackFailure)
  /// The daemon could not read or sign it. To be tried again.
  case unsendable(reason: String)
  /// There is nothing to send: its subject is gone.
  case obsolete
  /// Nothing is known: the daemon ends, or the job was deleted. The claim expires.
  case abandoned
}

/// Why an event was not accepted.
struct CallbackFailure: Equatable, Sendable {
  let status: Int?
  /// A sentence without the URL.
  let reason: String
}

/// What a finished try has made of its event.
enum CallbackResult: String, CaseIterable, Sendable {
  case delivered
  case retried
  case failed
  /// A newer event has replaced it, or its job was deleted.
  case dropped
}

/// The result of a request to retry an event.
enum RetryResult: Equatable, Sendable {
  case due(CallbackRow)
  case delivered
  case unknown
}

/// The events that a transaction has claimed.
struct ClaimedCallbacks: Sendable {
  var claims: [CallbackClaim] = []
  /// Events that cannot be sent, with the reason.
  var failed: [CallbackRow] = []
  var dropped = 0
  /// Whether a row or an item was written.
  var hasProgress = false
  /// The kinds whose due events all wait for their receivers.
  var blocked: Set<WorkKind> = []
  /// Whether more may be due: beyond what was looked at, or in place of what was dropped.
  var hasMore = false
}

extension LedgerTransaction {
  /// How many due items of one kind are looked at in a transaction.
  private static var maxLookedAt: Int { 64 }

  /// Claims due events until `leaseEnd`.
  ///
  /// - Parameters:
  ///   - kinds: those to look at.
  ///   - limit: the maximum number of claims.
  ///   - room: how many more tries may start to a receiver.
  func claimCallbacks(
    of kinds: [WorkKind] = CallbackWork.kinds, at now: Timestamp, until leaseEnd: Timestamp, limit: Int,
    rules: ReceiverRules,
    room: (_ receiver: String) -> Int
  ) throws(StorageError) -> ClaimedCallbacks {
    var claimed = ClaimedCallbacks()
    var started: [String: Int] = [:]
    for kind in kinds {
      let due = try dueWork(kind, at: now, limit: Self.maxLookedAt)
      var waiting = 0
      for item in due where claimed.claims.count < limit {
        guard var row = try dueCallback(item, at: now, &claimed) else { continue }
        let target = try target(ofJob: row.job)
        let receiver: Receiver
        do throws(ReceiverRules.Refusal) {
          receiver = try rules.receiver(of: target?.url)
        } catch {
          row.error = "\(error)"
          finish(&row, item, as: .failed, at: now)
          try promote(job: row.job, at: now)
          claimed.failed.append(row)
          (claimed.hasMore, claimed.hasProgress) = (true, true)
          continue
        }
        guard started[receiver.name, default: 0] < room(receiver.name) else {
          waiting += 1
          continue
        }
        started[receiver.name, default: 0] += 1
        var claim = item
        claim.claim(by: owner, until: leaseEnd)
        write(.update(claim))
        claimed.claims.append(CallbackClaim(item: claim, row: row, receiver: receiver))
        claimed.hasProgress = true
      }
      if waiting > 0, waiting == due.count {
        claimed.blocked.insert(kind)
      } else if due.count == Self.maxLookedAt {
        claimed.hasMore = true
      }
    }
    return claimed
  }

  /// The event of a due item. Nil where it is not to be sent.
  private func dueCallback(
    _ item: WorkItem, at now: Timestamp, _ claimed: inout ClaimedCallbacks
  ) throws(StorageError) -> CallbackRow? {
    let row = try callback(item.key.job, item.revision)
    guard let row, row.state == .pending else {
      (claimed.hasMore, claimed.hasProgress) = (true, true)
      write(.delete(item.key))
      try promote(job: item.key.job, at: now)
      return nil
    }
    let pending = try pendingCallbacks(ofJob: row.job)
    if let first = pending.first, first.revision != item.revision {
      // An earlier event of the job is pending, and comes first.
      (claimed.hasMore, claimed.hasProgress) = (true, true)
      var later = item
      later.dueAt = .distantFuture
      write(.update(later))
      if first.dueAt == .distantFuture { try promote(job: row.job, at: now) }
      return nil
    }
    guard row.type.isEnd || pending.count < 2 else {
      drop(row, item)
      try promote(job: row.job, at: now)
      claimed.dropped += 1
      (claimed.hasMore, claimed.hasProgress) = (true, true)
      return nil
    }
    return row
  }

  /// The pending events of a job, in their order.
  private func pendingCallbacks(ofJob number: Int64) throws(StorageError) -> [WorkItem] {
    try work(ofJob: number, of: CallbackWork.all).sorted { $0.revision < $1.revision }
  }

  private func callback(_ job: Int64, _ revision: Int64) throws(StorageError) -> CallbackRow? {
    try row(of: CallbackTable.declaration, key: CallbackTable.key(job, revision)).flatMap { CallbackRow($0) }
  }

  /// A job's own callback.
  private func target(ofJob number: Int64) throws(StorageError) -> CallbackTarget? {
    try row(of: TargetTable.declaration, key: [.integer(number)]).map { CallbackTarget($0) }
  }

  private func drop(_ row: CallbackRow, _ item: WorkItem) {
    deleteRow(of: CallbackTable.declaration, key: row.key)
    write(.delete(item.key))
  }

  private func finish(_ row: inout CallbackRow, _ item: WorkItem, as state: CallbackState, at now: Timestamp)
  {
    (row.state, row.since, row.nextTryAt) = (state, now, nil)
    put(row.values, in: CallbackTable.declaration)
    write(.delete(item.key))
  }

  /// Makes the job's next event due.
  private func promote(job: Int64, at now: Timestamp) throws(StorageError) {
    guard var item = try pendingCallbacks(ofJob: job).first, item.dueAt == .distantFuture else { return }
    item.dueAt = now
    if let row = try callback(job, item.revision), row.type == .progress {
      item.dueAt = max(now, row.occurredAt.advanced(byMilliseconds: CallbackEvent.progressInterval))
    }
    write(.update(item))
  }
}

// MARK: - Results

extension LedgerTransaction {
  /// Records the result of a try, and makes the job's next event due.
  ///
  /// - Parameter jitter: a random number from 0 to 1.
  func finishCallback(
    _ claim: CallbackClaim, _ outcome: CallbackOutcome, at now: Timestamp, jitter: Double
  ) throws(StorageError) -> CallbackResult {
    let pending = try pendingCallbacks(ofJob: claim.row.job)
    guard var row = try callback(claim.row.job, claim.row.revision), row.state == .pending,
      let item = pending.first(where: { $0.key == claim.item.key })
    else { return .dropped }
    // Where the lease has expired, another try may be in flight; only an acceptance is beyond doubt.
    let isCurrent = item.tries == claim.item.tries && item.owner == claim.item.owner
    row.tries += 1
    row.host = claim.receiver.name
    switch outcome {
    case .accepted(let status):
      (row.status, row.error) = (Int64(status), nil)
      // Progress may come every second, and what it has been is of no use.
      if row.type == .progress {
        drop(row, item)
      } else {
        finish(&row, item, as: .delivered, at: now)
      }
      try promote(job: row.job, at: now)
      return .delivered
    case .refused(let failure, let retryAfter) where isCurrent:
      (row.status, row.error) = (failure.status.map(Int64.init), failure.reason)
      if !row.type.isEnd, pending.count > 1 {
        drop(row, item)
        try promote(job: row.job, at: now)
        return .dropped
      }
      return try retry(&row, item, at: now, retryAfter: retryAfter, jitter: jitter)
    case .unsendable(let reason) where isCurrent:
      (row.status, row.error) = (nil, reason)
      return try retry(&row, item, at: now, retryAfter: nil, jitter: jitter)
    case .obsolete where isCurrent:
      drop(row, item)
      try promote(job: row.job, at: now)
      return .dropped
    case .rejected(let failure) where isCurrent:
      (row.status, row.error) = (failure.status.map(Int64.init), failure.reason)
      return try fail(&row, item, at: now)
    default:
      return .dropped
    }
  }

  private func retry(
    _ row: inout CallbackRow, _ item: WorkItem, at now: Timestamp, retryAfter: Int64?, jitter: Double
  ) throws(StorageError) -> CallbackResult {
    let next = RetrySchedule.next(
      afterTry: row.tries, at: now, since: row.since, retryAfter: retryAfter, jitter: jitter)
    guard let next else { return try fail(&row, item, at: now) }
    row.nextTryAt = next
    put(row.values, in: CallbackTable.declaration)
    var item = item
    item.dueAt = next
    (item.owner, item.leaseEnd) = (nil, nil)
    write(.update(item))
    return .retried
  }

  private func fail(
    _ row: inout CallbackRow, _ item: WorkItem, at now: Timestamp
  ) throws(StorageError) -> CallbackResult {
    finish(&row, item, as: .failed, at: now)
    try promote(job: row.job, at: now)
    return .failed
  }

  /// Makes a failed event pending again, and a pending one due now.
  ///
  /// - Parameter id: the `webhook-id`.
  func retryCallback(_ id: String, at now: Timestamp) throws(StorageError) -> RetryResult {
    guard let position = CallbackEvent.position(in: id) else { return .unknown }
    // The work comes first: reading it keeps other processes from the job's events.
    var pending = try pendingCallbacks(ofJob: position.job)
    guard var row = try callback(position.job, position.revision), row.id == id else { return .unknown }
    guard row.state != .delivered else { return .delivered }
    if row.state == .failed {
      (row.state, row.since, row.tries, row.nextTryAt) = (.pending, now, 0, nil)
      put(row.values, in: CallbackTable.declaration)
      let target = try target(ofJob: row.job)
      let item = WorkItem(
        CallbackWork.key(row.job, row.revision, CallbackWork.kind(of: target)), dueAt: .distantFuture)
      write(.insert(item))
      // A later event that waits for its next try waits for this one now.
      for var later in pending where later.owner == nil && later.revision > row.revision {
        later.dueAt = .distantFuture
        write(.update(later))
      }
      pending = try pendingCallbacks(ofJob: row.job)
    }
    if var item = pending.first(where: { $0.revision == row.revision }), item.owner == nil,
      pending.allSatisfy({ $0.owner == nil && $0.revision >= row.revision })
    {
      item.dueAt = now
      write(.update(item))
    }
    return .due(row)
  }
}

// MARK: - Care

extension LedgerTransaction {
  /// Clamps due times, and ends the claims of processes that have ended.
  ///
  /// A due time of before the wall clock was set back may be far in the future. In a store of several
  /// processes, one of them clamps, and a claim ends with its lease.
  func recoverCallbacks(
    at now: Timestamp, within milliseconds: Int64, endingClaims: Bool
  ) throws(StorageError) {
    let latest = now.advanced(byMilliseconds: milliseconds)
    let clamps = try holdsLease("callbacks", for: .seconds(60), at: now)
    for kind in CallbackWork.kinds {
      for var item in try endingClaims ? abandonedWork(kind, at: now) : [] {
        item.dueAt = now
        (item.owner, item.leaseEnd) = (nil, nil)
        write(.update(item))
      }
      guard clamps else { continue }
      for var item in try laterWork(kind, after: latest)
      where item.dueAt != .distantFuture && (item.owner == nil || !isShared) {
        item.dueAt = latest
        write(.update(item))
      }
    }
  }

  /// Deletes those of the rows that were delivered before `limit`.
  func pruneCallbacks(_ rows: [CallbackRow], deliveredBefore limit: Timestamp) throws(StorageError) -> Int {
    var count = 0
    for known in rows {
      guard let row = try callback(known.job, known.revision), row.state == .delivered, row.since < limit
      else { continue }
      deleteRow(of: CallbackTable.declaration, key: row.key)
      count += 1
    }
    return count
  }
}
