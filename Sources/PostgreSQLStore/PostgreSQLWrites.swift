internal import Jobs
internal import Ledger
internal import PostgreSQL
internal import PostgreSQLSchema
internal import Tables
internal import Time
internal import Work

/// The statements that make the writes of one transaction.
///
/// One statement writes all rows of a table. The order is that of the locks, which is the same in all
/// processes: jobs, whose rows are locked already; new jobs by their predictions; deliveries by their webhook
/// ids; orders and work by their jobs; sums by their keys.
struct PostgreSQLWrites {
  private let rows: PostgreSQLRows
  private let base: Int64
  private let clock: DatabaseClock
  private(set) var pipeline = Pipeline()
  private(set) var changes: [CommittedChange] = []
  /// Whether a job has a number that is not less than those of this transaction.
  ///
  /// The other transaction began later and was committed first. A job's numbers only grow, so this one is
  /// made again, and then has a greater number.
  private(set) var meetsNewerChange = false

  /// The changes of one transaction.
  private static let changeBits: Int64 = 16

  /// - Parameter transaction: the server's number of the transaction, which its change numbers begin with.
  init(_ writes: WriteSet, reading rows: PostgreSQLRows, transaction: Int64) throws(StorageError) {
    self.rows = rows
    clock = rows.clock
    base = transaction << Self.changeBits + rows.session.shift
    let count = writes.deletedJobs.count + writes.jobs.count
    guard count < 1 << Self.changeBits else {
      throw .rejected("a transaction changes \(count) jobs, and can change 65535")
    }
    changes.reserveCapacity(count)
    var lengths = HistoryLengths(writes, rows)
    for move in writes.movedHistories { add(move) }
    delete(writes.deletedJobs)
    write(writes.jobs, &lengths)
    add(writes.history.sorted { ($0.webhookID ?? "", $0.job) < ($1.webhookID ?? "", $1.job) })
    add(writes.attempts)
    add(writes.refusals)
    write(writes.orders)
    write(writes.work)
    write(writes.keys, rows.lockedNames[.keys] ?? [])
    write(writes.leases, rows.lockedNames[.leases] ?? [], clock)
    write(writes.budgets, rows.lockedNames[.budgets] ?? [], clock)
    for batch in CapabilityTable.batches(of: writes.tables, shard: rows.session.shard) {
      pipeline.add(batch.query, batch.parameters)
    }
    for sweep in writes.sweeps { add(sweep) }
  }

  private mutating func nextChange(after last: Int64) -> Int64 {
    let change = base + Int64(changes.count)
    if last >= change { meetsNewerChange = true }
    return change
  }

  mutating func add(_ query: Query, _ parameters: [Parameter]) { pipeline.add(query, parameters) }
}

/// The lengths of the histories that a transaction changes.
private struct HistoryLengths {
  private var lengths: [Int64: Int64] = [:]
  private let rows: PostgreSQLRows

  init(_ writes: WriteSet, _ rows: PostgreSQLRows) {
    self.rows = rows
    lengths.reserveCapacity(writes.history.count)
    for move in writes.movedHistories {
      note(move.to, move.offset + (rows.jobs[move.from]??.historyLength ?? 0))
    }
    for row in writes.history { note(row.job, row.position) }
  }

  private mutating func note(_ job: Int64, _ length: Int64) {
    lengths[job] = max(length, lengths[job] ?? 0)
  }

  /// The length after the transaction.
  mutating func take(_ job: Int64) -> Int64 {
    lengths.removeValue(forKey: job) ?? rows.jobs[job]??.historyLength ?? 0
  }

  mutating func drop(_ job: Int64) { lengths[job] = nil }

  /// Those that were not taken: of jobs that have only another row in their history.
  var rest: [(job: Int64, length: Int64)] {
    lengths.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }
}

// MARK: - Jobs

extension PostgreSQLWrites {
  private static let updatePredictions = Query(
    """
    UPDATE jobs SET prediction_id = u.prediction_id
    FROM unnest($1::bigint[], $2::text[]) AS u (number, prediction_id) WHERE jobs.number = u.number
    """)
  private static let updateChanges = Query(
    """
    UPDATE jobs SET change = u.change, history_length = u.history_length
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS u (number, change, history_length)
    WHERE jobs.number = u.number
    """)
  private static let updateLengths = Query(
    """
    UPDATE jobs SET history_length = u.history_length
    FROM unnest($1::bigint[], $2::bigint[]) AS u (number, history_length) WHERE jobs.number = u.number
    """)
  private static let deleteChanges = Query("DELETE FROM changes WHERE change = ANY($1)")
  private static let insertChanges = Query(
    ArrayRows.insert(into: "changes", [("change", .integer), ("job", .integer)]))
  private static let insertOpen = Query("INSERT INTO open_jobs (job) SELECT unnest($1::bigint[])")
  private static let deleteOpen = Query("DELETE FROM open_jobs WHERE job = ANY($1)")

  private mutating func write(_ jobs: [JobWrite], _ lengths: inout HistoryLengths) {
    var (inserted, updated, updatedWithBody, touched): ([JobUpdate], [JobUpdate], [JobUpdate], [JobUpdate])
    (inserted, updated, updatedWithBody, touched) = ([], [], [], [])
    var (opened, ended, obsolete): ([Int64], [Int64], [Int64]) = ([], [], [])
    var predictions: [(number: Int64, id: String?)] = []
    let firstChange = changes.count
    for write in jobs {
      let change = write.isShown ? nextChange(after: write.lastChange) : write.lastChange
      let update = JobUpdate(write: write, change: change, historyLength: lengths.take(write.number))
      let isOpen = !update.job.phase.isTerminal
      if write.isShown {
        changes.append(
          CommittedChange(number: write.number, id: update.job.id, change: change, isDeleted: false))
      }
      guard let stored = write.stored else {
        inserted.append(update)
        if isOpen { opened.append(write.number) }
        continue
      }
      if write.isShown { obsolete.append(write.lastChange) }
      if write.body != nil {
        updatedWithBody.append(update)
      } else if write.hasRowChanges {
        updated.append(update)
      } else {
        touched.append(update)
      }
      if !isOpen, !stored.job.phase.isTerminal { ended.append(write.number) }
      let id = update.job.snapshot?.predictionID
      if id != stored.job.snapshot?.predictionID { predictions.append((write.number, id)) }
    }
    if !updated.isEmpty { add(JobRow.update, JobRow.parameters(updating: updated, withBody: false)) }
    if !updatedWithBody.isEmpty {
      add(JobRow.updateWithBody, JobRow.parameters(updating: updatedWithBody, withBody: true))
    }
    if !touched.isEmpty {
      add(
        Self.updateChanges,
        [
          .integers(touched.map(\.write.number)), .integers(touched.map(\.change)),
          .integers(touched.map(\.historyLength)),
        ])
    }
    let rest = lengths.rest
    if !rest.isEmpty {
      add(Self.updateLengths, [.integers(rest.map(\.job)), .integers(rest.map(\.length))])
    }
    if !predictions.isEmpty {
      add(Self.updatePredictions, [.integers(predictions.map(\.number)), .texts(predictions.map(\.id))])
    }
    if !inserted.isEmpty {
      inserted.sort { $0.uniqueText < $1.uniqueText }
      add(JobRow.insert, JobRow.parameters(inserting: inserted))
    }
    if !obsolete.isEmpty { add(Self.deleteChanges, [.integers(obsolete)]) }
    let shown = changes[firstChange...]
    if !shown.isEmpty {
      add(Self.insertChanges, [.integers(shown.map(\.change)), .integers(shown.map(\.number))])
    }
    if !opened.isEmpty { add(Self.insertOpen, [.integers(opened)]) }
    if !ended.isEmpty { add(Self.deleteOpen, [.integers(ended)]) }
  }
}

extension JobUpdate {
  /// What another transaction may insert, too.
  fileprivate var uniqueText: String { job.snapshot?.predictionID ?? job.origin?.id ?? "" }
}

// MARK: - Deleted jobs

extension PostgreSQLWrites {
  private static let insertTombstones = Query(
    """
    INSERT INTO tombstones (change, job, id, expires_at)
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[])
    """)
  private static let insertTombstoneKeys = Query(
    """
    INSERT INTO tombstone_keys (digest, change)
    SELECT sha256(convert_to(k, 'UTF8')), max(change) FROM (
      SELECT * FROM unnest($1::text[], $2::bigint[]) AS given (k, change)
      UNION ALL SELECT 'webhook:' || webhook_id, u.change FROM unnest($3::bigint[], $4::bigint[]) AS u (job, change)
        JOIN deliveries ON deliveries.job = u.job WHERE webhook_id IS NOT NULL AND NOT is_repeat
      UNION ALL SELECT 'prediction:' || prediction_id, u.change
        FROM unnest($3::bigint[], $4::bigint[]) AS u (job, change) JOIN attempts ON attempts.job = u.job
    ) AS keys GROUP BY k ORDER BY k
    ON CONFLICT (digest) DO UPDATE SET change = excluded.change
    """)
  private static let deletions = [
    "deliveries", "orders", "work", "attempts", "refusals", "metadata", "metadata_members", "open_jobs",
  ].map { Query("DELETE FROM \($0) WHERE job = ANY($1)") }
  private static let deleteJobs = Query("DELETE FROM jobs WHERE number = ANY($1)")

  private mutating func delete(_ jobs: [DeletedJob]) {
    guard !jobs.isEmpty else { return }
    let firstChange = changes.count
    var (texts, textChanges, requested, requestedChanges): ([String], [Int64], [Int64], [Int64])
    (texts, textChanges, requested, requestedChanges) = ([], [], [], [])
    for job in jobs {
      let change = nextChange(after: job.lastChange)
      changes.append(CommittedChange(number: job.number, id: job.id, change: change, isDeleted: true))
      guard case .requested = job.reason else { continue }
      texts += job.keys.map(\.text).filter(\.isStorable)
      textChanges += Array(repeating: change, count: texts.count - textChanges.count)
      requested.append(job.number)
      requestedChanges.append(change)
    }
    let deleted = changes[firstChange...]
    add(
      Self.insertTombstones,
      [
        .integers(deleted.map(\.change)), .integers(jobs.map(\.number)), .texts(jobs.map(\.id)),
        .integers(jobs.map(\.expiresAt.milliseconds)),
      ])
    if !requested.isEmpty {
      rows.memory.hasTombstoneKeys = true
      add(
        Self.insertTombstoneKeys,
        [.texts(texts), .integers(textChanges), .integers(requested), .integers(requestedChanges)])
    }
    let numbers = Parameter.integers(jobs.map(\.number))
    add(Self.deleteChanges, [.integers(jobs.map(\.lastChange))])
    for deletion in Self.deletions { add(deletion, [numbers]) }
    add(Self.deleteJobs, [numbers])
  }
}

extension DeletedJob {
  fileprivate var expiresAt: Timestamp {
    switch reason {
    case .merged(let moment), .pruned(let moment), .requested(let moment): moment
    }
  }
}

// MARK: - Histories

extension PostgreSQLWrites {
  private static let moveHistory = Query(
    "UPDATE deliveries SET job = $2, position = position + $3 WHERE job = $1")
  private static let insertAttempts = Query(
    """
    INSERT INTO attempts (prediction_id, job, error_code, error_message, ended_at)
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bytea[], $5::bigint[])
    """)
  /// The positions go on after those that are stored.
  private static let insertRefusals = Query(
    """
    INSERT INTO refusals (job, position, error_code, error_message, ended_at)
    SELECT job, (SELECT coalesce(max(position), 0) FROM refusals WHERE refusals.job = u.job)
      + row_number() OVER (PARTITION BY job ORDER BY n), error_code, error_message, ended_at
    FROM unnest($1::bigint[], $2::text[], $3::bytea[], $4::bigint[]) WITH ORDINALITY
      AS u (job, error_code, error_message, ended_at, n)
    """)

  private mutating func add(_ move: MovedHistory) {
    add(Self.moveHistory, [.integer(move.from), .integer(move.to), .integer(move.offset)])
  }

  private mutating func add(_ history: [HistoryRow]) {
    if !history.isEmpty { add(HistoryColumn.insert, HistoryColumn.parameters(history)) }
  }

  private mutating func add(_ attempts: [AttemptWrite]) {
    guard !attempts.isEmpty else { return }
    rows.memory.hasAttempts = true
    add(
      Self.insertAttempts,
      [
        .texts(attempts.map(\.predictionID)), .integers(attempts.map(\.job)),
        .texts(attempts.map { $0.error?.code }), .byteArrays(attempts.map { $0.error?.message?.bytes }),
        .integers(attempts.map(\.endedAt.milliseconds)),
      ])
  }

  private mutating func add(_ refusals: [RefusalWrite]) {
    guard !refusals.isEmpty else { return }
    add(
      Self.insertRefusals,
      [
        .integers(refusals.map(\.job)), .texts(refusals.map(\.error.code)),
        .byteArrays(refusals.map { $0.error.message?.bytes }),
        .integers(refusals.map(\.endedAt.milliseconds)),
      ])
  }
}

// MARK: - Orders and work

extension PostgreSQLWrites {
  private static let insertMetadata = Query(
    "INSERT INTO metadata (job, text) SELECT * FROM unnest($1::bigint[], $2::bytea[])")
  private static let insertMembers = Query(
    """
    INSERT INTO metadata_members (job, key, value)
    SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bytea[])
    """)

  private mutating func write(_ orders: [OrderWrite]) {
    var inserted: [(order: StoredOrder, idempotencyKey: String?)] = []
    var updated: [StoredOrder] = []
    var metadata: [(job: Int64, metadata: JobMetadata)] = []
    for write in orders {
      switch write {
      case .insert(let order, let key, let data):
        inserted.append((order, key))
        if let data { metadata.append((order.number, data)) }
      case .update(let order): updated.append(order)
      }
    }
    if !inserted.isEmpty { add(OrderRow.insert, OrderRow.parameters(inserting: inserted)) }
    if !updated.isEmpty { add(OrderRow.update, OrderRow.parameters(updating: updated)) }
    guard !metadata.isEmpty else { return }
    add(
      Self.insertMetadata,
      [.integers(metadata.map(\.job)), .byteArrays(metadata.map(\.metadata.text))])
    let members = metadata.flatMap { row in row.metadata.members.map { (job: row.job, member: $0) } }
    guard !members.isEmpty else { return }
    add(
      Self.insertMembers,
      [
        .integers(members.map(\.job)), .byteArrays(members.map(\.member.key.bytes)),
        .byteArrays(members.map(\.member.value.bytes)),
      ])
  }

  /// The last write of each key counts.
  private mutating func write(_ work: [WorkWrite]) {
    guard !work.isEmpty else { return }
    var last: [WorkKey: WorkItem?] = [:]
    var keys: [WorkKey] = []
    for write in work {
      switch write {
      case .insert(let item), .update(let item):
        if last.updateValue(stored(item), forKey: item.key) == nil { keys.append(item.key) }
      case .delete(let key):
        if last.updateValue(nil, forKey: key) == nil { keys.append(key) }
      }
    }
    let items = keys.compactMap { last[$0] ?? nil }
    let deleted = keys.filter { (last[$0] ?? nil) == nil }
    if !deleted.isEmpty { add(WorkColumn.delete, WorkColumn.parameters(deleting: deleted)) }
    if !items.isEmpty { add(WorkColumn.put, WorkColumn.parameters(putting: items)) }
  }

  /// A claimed item, with the times of the server's clock.
  private func stored(_ item: WorkItem) -> WorkItem {
    guard item.owner != nil else { return item }
    var item = item
    item.dueAt = clock.server(item.dueAt)
    item.leaseEnd = item.leaseEnd.map(clock.server)
    return item
  }
}

// MARK: - Sweeps

extension PostgreSQLWrites {
  private mutating func add(_ sweep: Sweep) {
    switch sweep {
    case .spreadChecks(let from, let within):
      add(Self.spreadChecks, [.integer(from.milliseconds), .integer(within)])
    case .resumeStaleChecks(let from, let within):
      add(Self.resumeStaleChecks, [.integer(from.milliseconds), .integer(within)])
    case .clampChecks(let moment):
      add(Self.clampChecks, [.integer(moment.milliseconds)])
    case .restoreOrders(let now, let absenceConclusiveAt):
      add(Self.restoreSearches, [.integer(now.milliseconds)])
      add(Self.restoreCreates, [])
      add(Self.restoreOrders, [.integer(absenceConclusiveAt.milliseconds)])
    case .deleteTombstones(let moment):
      for statement in Self.deleteTombstones { add(statement, [.integer(moment.milliseconds)]) }
    }
  }

  /// Multiplicative hashing (Knuth, volume 3, 6.4) spreads numbers that follow each other.
  private static let spreadChecks = Query(
    """
    UPDATE work SET due_at = $1 + job * 2654435761 % $2 WHERE kind = 'poll' AND due_at > $1 + $2
      AND EXISTS (SELECT 1 FROM jobs WHERE number = work.job AND prediction_id IS NOT NULL)
    """)
  private static let resumeStaleChecks = Query(
    """
    INSERT INTO work (job, kind, key, due_at, tries)
    SELECT number, 'poll', '', $1 + number * 2654435761 % $2, 0 FROM open_jobs JOIN jobs ON number = job
    WHERE stale_at IS NOT NULL AND prediction_id IS NOT NULL
    ON CONFLICT DO NOTHING
    """)
  private static let clampChecks = Query(
    "UPDATE work SET due_at = $1 WHERE kind = 'poll' AND due_at > $1")

  private static let restoreSearches = Query(
    """
    INSERT INTO work (job, kind, key, due_at, tries)
    SELECT job, 'search', '', $1, 0 FROM orders WHERE stage IN ('queued', 'sending', 'unanswered')
    ON CONFLICT (job, kind, key)
      DO UPDATE SET due_at = excluded.due_at, tries = 0, owner = NULL, lease_until = NULL
    """)
  private static let restoreCreates = Query("DELETE FROM work WHERE kind = 'create'")
  private static let restoreOrders = Query(
    """
    UPDATE orders SET restored = true, reason = NULL,
      certain_at = CASE WHEN stage = 'placed' THEN certain_at ELSE $1 END,
      sent_at = CASE WHEN stage = 'placed' THEN sent_at END,
      stage = CASE WHEN stage = 'placed' THEN stage ELSE 'unanswered' END
    WHERE stage <> 'ended'
    """)

  /// Deletes tombstones, except the newest: the last change's number must stay known.
  ///
  /// A cursor before the deleted ones may have missed a deletion. The bound never goes backwards, although
  /// tombstones do not expire in the order of their numbers.
  private static let deleteTombstones = [
    """
    UPDATE feed SET oldest_change = greatest(oldest_change, (
      SELECT max(change) FROM tombstones
      WHERE expires_at <= $1 AND change < (SELECT max(change) FROM tombstones)))
    WHERE id = 1 AND EXISTS (
      SELECT 1 FROM tombstones
      WHERE expires_at <= $1 AND change < (SELECT max(change) FROM tombstones) AND change > oldest_change)
    """,
    """
    DELETE FROM tombstone_keys USING tombstones
    WHERE tombstone_keys.change = tombstones.change AND expires_at <= $1
      AND tombstones.change < (SELECT max(change) FROM tombstones)
    """,
    """
    DELETE FROM tombstones WHERE expires_at <= $1 AND change < (SELECT max(change) FROM tombstones)
    """,
  ].map { Query($0) }
}
