internal import Jobs
internal import StoreSeam
internal import PostgreSQL
internal import PostgreSQLSchema
internal import Tables
internal import Time

/// The statements that make the writes of one transaction.
///
/// One statement writes all rows of a table. The order is that of the locks, which is the same in all
/// processes. Jobs come first, whose rows are locked already. New jobs follow by their predictions,
/// deliveries by their webhook ids, orders and work by their jobs, and sums by their keys.
struct PostgreSQLWrites {
  let rows: PostgreSQLRows
  private let base: Int64
  let clock: DatabaseClock
  private(set) var pipeline = Pipeline()
  private(set) var changes: [CommittedChange] = []
  /// Whether a job has a greater number than this transaction.
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

  /// Those that were not taken.
  ///
  /// Their jobs have only another row in their history.
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
      UNION ALL SELECT 'webhook:' || webhook_id, u.change
        FROM unnest($3::bigint[], $4::bigint[]) AS u (job, change)
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
