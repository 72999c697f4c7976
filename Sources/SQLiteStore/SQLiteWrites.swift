internal import Jobs
internal import StoreSeam
internal import SQLite
internal import SQLiteSchema
internal import Time
internal import Work

/// Applies write sets inside the present transaction.
final class SQLiteWrites {
  private let connection: Connection
  private let rows: SQLiteRows
  private let tables: CapabilityStatements
  private let insertJob: Statement
  private let updateJob: Statement
  private let updateJobAndBody: Statement
  private let updatePrediction: Statement
  private let updateChange: Statement
  private let insertChange: Statement
  private let deleteChange: Statement
  private let insertHistory: Statement
  private let moveHistory: Statement
  private let insertAttempt: Statement
  private let insertRefusal: Statement
  private let insertOrder: Statement
  private let updateOrder: Statement
  private let updateRequest: Statement
  private let putWork: Statement
  private let deleteWork: Statement
  private let putKey: Statement
  private let deleteKey: Statement
  private let insertTombstone: Statement
  private let insertTombstoneKey: Statement
  private let selectWebhookIDs: Statement
  private let selectPastPredictions: Statement
  private let deletions: [Statement]
  private let metadata: MetadataStatements
  private let leases: LeaseStatements

  init(_ connection: Connection, rows: SQLiteRows, tables: CapabilityStatements) {
    self.connection = connection
    self.rows = rows
    self.tables = tables
    insertJob = Statement(JobRow.insert, on: connection)
    updateJob = Statement(JobRow.update, on: connection)
    updateJobAndBody = Statement(JobRow.updateWithBody, on: connection)
    updatePrediction = Statement("UPDATE jobs SET prediction_id = ?2 WHERE number = ?1", on: connection)
    updateChange = Statement("UPDATE jobs SET change = ?2 WHERE number = ?1", on: connection)
    insertChange = Statement("INSERT INTO changes (change, job) VALUES (?1, ?2)", on: connection)
    deleteChange = Statement("DELETE FROM changes WHERE change = ?1", on: connection)
    insertHistory = Statement(HistoryColumn.insert, on: connection)
    moveHistory = Statement(
      "UPDATE deliveries SET job = ?2, position = position + ?3 WHERE job = ?1", on: connection)
    insertAttempt = Statement(
      """
      INSERT INTO attempts (prediction_id, job, error_code, error_message, ended_at)
      VALUES (?1, ?2, ?3, ?4, ?5)
      """, on: connection)
    insertRefusal = Statement(
      """
      INSERT INTO refusals (job, position, error_code, error_message, ended_at) VALUES (?1,
        (SELECT coalesce(max(position), 0) + 1 FROM refusals WHERE job = ?1), ?2, ?3, ?4)
      """, on: connection)
    insertOrder = Statement(OrderRow.insert, on: connection)
    updateOrder = Statement(OrderRow.update, on: connection)
    updateRequest = Statement("UPDATE orders SET request = ?2 WHERE job = ?1", on: connection)
    putWork = Statement(WorkColumn.put, on: connection)
    deleteWork = Statement("DELETE FROM work WHERE job = ?1 AND kind = ?2 AND key = ?3", on: connection)
    putKey = Statement("INSERT OR REPLACE INTO keys (name, value) VALUES (?1, ?2)", on: connection)
    deleteKey = Statement("DELETE FROM keys WHERE name = ?1", on: connection)
    insertTombstone = Statement(
      "INSERT INTO tombstones (change, id, expires_at) VALUES (?1, ?2, ?3)", on: connection)
    insertTombstoneKey = Statement(
      "INSERT OR REPLACE INTO tombstone_keys (digest, change) VALUES (?1, ?2)", on: connection)
    selectWebhookIDs = Statement(
      "SELECT webhook_id FROM deliveries WHERE job = ?1 AND webhook_id IS NOT NULL AND is_repeat = 0",
      on: connection)
    selectPastPredictions = Statement("SELECT prediction_id FROM attempts WHERE job = ?1", on: connection)
    deletions = [
      "DELETE FROM deliveries WHERE job = ?1", "DELETE FROM orders WHERE job = ?1",
      "DELETE FROM work WHERE job = ?1", "DELETE FROM attempts WHERE job = ?1",
      "DELETE FROM refusals WHERE job = ?1", "DELETE FROM metadata WHERE job = ?1",
      "DELETE FROM metadata_members WHERE job = ?1", "DELETE FROM jobs WHERE number = ?1",
    ].map { Statement($0, on: connection) }
    metadata = MetadataStatements(connection)
    leases = LeaseStatements(connection)
  }

  /// - Returns: the jobs whose shown state changed.
  func apply(_ writes: WriteSet) throws(DatabaseError) -> [CommittedChange] {
    var changes: [CommittedChange] = []
    changes.reserveCapacity(writes.jobs.count)
    for move in writes.movedHistories { try apply(move) }
    for job in writes.deletedJobs { changes.append(try delete(job)) }
    for job in writes.jobs {
      if let change = try apply(job) { changes.append(change) }
    }
    for row in writes.history { try insert(row) }
    for attempt in writes.attempts { try insert(attempt) }
    for refusal in writes.refusals { try insert(refusal) }
    for order in writes.orders { try apply(order) }
    for item in writes.work { try apply(item) }
    rows.counts.queued = rows.counts.queued.map { $0 + writes.queuedChange }
    for key in writes.keys { try apply(key) }
    for lease in writes.leases { try leases.put(lease) }
    for budget in writes.budgets { try leases.put(budget) }
    for table in writes.tables { try tables.apply(table) }
    for sweep in writes.sweeps { try apply(sweep) }
    return changes
  }

  private func nextChange() throws(DatabaseError) -> Int64 {
    let last: Int64
    if let known = rows.counts.lastChange {
      last = known
    } else {
      last = try connection.lastChange()
    }
    rows.counts.lastChange = last + 1
    return last + 1
  }
}

extension Connection {
  /// The number of the last change.
  ///
  /// The newest tombstone is never deleted, so the number never goes backwards.
  func lastChange() throws(DatabaseError) -> Int64 {
    Int64(
      try integer(
        """
        SELECT max(coalesce((SELECT max(change) FROM changes), 0),
          coalesce((SELECT max(change) FROM tombstones), 0))
        """))
  }
}

// MARK: - Jobs

extension SQLiteWrites {
  private func apply(_ write: JobWrite) throws(DatabaseError) -> CommittedChange? {
    let number = write.number
    let change = write.isShown ? try nextChange() : write.lastChange
    guard let stored = write.stored else {
      try JobRow.bind(write.version.job, number: number, change: change, isNew: true, to: insertJob)
      try insertJob.binding(JobRow.bodyParameter, write.body ?? []) { () throws(DatabaseError) in
        try insertJob.run()
      }
      return try note(change, of: write)
    }
    if write.hasRowChanges {
      try update(write, change)
      if stored.job.snapshot?.predictionID != write.version.job.snapshot?.predictionID {
        try updatePrediction.bind(1, number)
        try updatePrediction.bind(2, write.version.job.snapshot?.predictionID)
        try updatePrediction.run()
      }
    } else if write.isShown {
      try updateChange.bind(1, number)
      try updateChange.bind(2, change)
      try updateChange.run()
    }
    guard write.isShown else { return nil }
    try deleteChange.bind(1, write.lastChange)
    try deleteChange.run()
    return try note(change, of: write)
  }

  private func update(_ write: JobWrite, _ change: Int64) throws(DatabaseError) {
    guard let body = write.body else {
      try JobRow.bind(write.version.job, number: write.number, change: change, isNew: false, to: updateJob)
      return try updateJob.run()
    }
    try JobRow.bind(
      write.version.job, number: write.number, change: change, isNew: false, to: updateJobAndBody)
    try updateJobAndBody.binding(JobRow.bodyParameter, body) { () throws(DatabaseError) in
      try updateJobAndBody.run()
    }
  }

  private func note(_ change: Int64, of write: JobWrite) throws(DatabaseError) -> CommittedChange {
    try insertChange.bind(1, change)
    try insertChange.bind(2, write.number)
    try insertChange.run()
    return CommittedChange(number: write.number, id: write.version.job.id, change: change, isDeleted: false)
  }

  private func delete(_ job: DeletedJob) throws(DatabaseError) -> CommittedChange {
    let change = try nextChange()
    try insertTombstone.bind(1, change)
    try insertTombstone.bind(2, job.id)
    try insertTombstone.bind(3, job.expiresAt.milliseconds)
    try insertTombstone.run()
    if case .requested = job.reason {
      for key in job.keys { try insertTombstoneKey(key, change) }
      for id in try ids(selectWebhookIDs, ofJob: job.number) { try insertTombstoneKey(.webhook(id), change) }
      for id in try ids(selectPastPredictions, ofJob: job.number) {
        try insertTombstoneKey(.prediction(id), change)
      }
    }
    try deleteChange.bind(1, job.lastChange)
    try deleteChange.run()
    for deletion in deletions {
      try deletion.bind(1, job.number)
      try deletion.run()
    }
    return CommittedChange(number: job.number, id: job.id, change: change, isDeleted: true)
  }

  private func insertTombstoneKey(_ key: TombstoneKey, _ change: Int64) throws(DatabaseError) {
    try insertTombstoneKey.bind(1, copying: rows.digest(of: key))
    try insertTombstoneKey.bind(2, change)
    try insertTombstoneKey.run()
    rows.counts.hasTombstoneKeys = true
  }

  private func ids(_ select: Statement, ofJob number: Int64) throws(DatabaseError) -> [String] {
    defer { select.reset() }
    try select.bind(1, number)
    var ids: [String] = []
    while try select.step() { ids.append(select.text(0) ?? "") }
    return ids
  }
}

// MARK: - Histories

extension SQLiteWrites {
  private func apply(_ move: MovedHistory) throws(DatabaseError) {
    try moveHistory.bind(1, move.from)
    try moveHistory.bind(2, move.to)
    try moveHistory.bind(3, move.offset)
    try moveHistory.run()
  }

  private func insert(_ row: HistoryRow) throws(DatabaseError) {
    try HistoryColumn.bind(row, to: insertHistory)
    try insertHistory.run()
  }

  private func insert(_ attempt: AttemptWrite) throws(DatabaseError) {
    try insertAttempt.bind(1, attempt.predictionID)
    try insertAttempt.bind(2, attempt.job)
    try insertAttempt.bind(3, attempt.error?.code)
    try insertAttempt.bind(4, attempt.error?.message)
    try insertAttempt.bind(5, attempt.endedAt.milliseconds)
    try insertAttempt.run()
    rows.counts.hasAttempts = true
  }

  private func insert(_ refusal: RefusalWrite) throws(DatabaseError) {
    try insertRefusal.bind(1, refusal.job)
    try insertRefusal.bind(2, refusal.error.code)
    try insertRefusal.bind(3, refusal.error.message)
    try insertRefusal.bind(4, refusal.endedAt.milliseconds)
    try insertRefusal.run()
  }
}

// MARK: - Orders, work and keys

extension SQLiteWrites {
  private func apply(_ write: OrderWrite) throws(DatabaseError) {
    switch write {
    case .insert(let order, let key, let metadata):
      try OrderRow.bind(order, to: insertOrder)
      try OrderRow.bindIdentity(of: order, idempotencyKey: key, to: insertOrder)
      try insertOrder.run()
      if let metadata { try self.metadata.insert(metadata, ofJob: order.number) }
    case .update(let order):
      try OrderRow.bind(order, to: updateOrder)
      try updateOrder.run()
    case .replaceRequest(let job, let request):
      try updateRequest.bind(1, job)
      try updateRequest.bind(2, copying: request)
      try updateRequest.run()
    }
  }

  private func apply(_ write: WorkWrite) throws(DatabaseError) {
    switch write {
    case .insert(let item), .update(let item):
      try WorkColumn.bind(item, to: putWork)
      try putWork.run()
    case .delete(let key):
      try deleteWork.bind(1, key.job)
      try deleteWork.bind(2, key.kind.rawValue)
      try deleteWork.bind(3, key.key)
      try deleteWork.run()
    }
  }

  private func apply(_ write: KeyWrite) throws(DatabaseError) {
    switch write {
    case .put(let name, let value):
      try putKey.bind(1, name)
      try putKey.bind(2, copying: value)
      try putKey.run()
    case .delete(let name):
      try deleteKey.bind(1, name)
      try deleteKey.run()
    }
  }
}

extension DeletedJob {
  fileprivate var expiresAt: Timestamp {
    switch reason {
    case .merged(let moment), .pruned(let moment), .requested(let moment): moment
    }
  }
}

// MARK: - Sweeps

extension SQLiteWrites {
  private func apply(_ sweep: Sweep) throws(DatabaseError) {
    switch sweep {
    case .spreadChecks(let from, let within):
      // Multiplicative hashing (Knuth, volume 3, 6.4) spreads numbers that follow each other.
      try run(
        """
        UPDATE work SET due_at = ?1 + job * 2654435761 % ?2 WHERE kind = 'poll' AND due_at > ?1 + ?2
          AND job IN (SELECT number FROM jobs WHERE prediction_id IS NOT NULL)
        """, from.milliseconds, within)
    case .resumeStaleChecks(let from, let within):
      // Found through the index on the phase; the rows read are the stale jobs.
      try run(
        """
        INSERT OR IGNORE INTO work (job, kind, key, due_at, tries)
        SELECT number, 'poll', '', ?1 + number * 2654435761 % ?2, 0 FROM jobs
        WHERE phase IN ('pending', 'running') AND phase <> 'succeeded' AND stale_at IS NOT NULL
          AND prediction_id IS NOT NULL
        """, from.milliseconds, within)
    case .clampChecks(let moment):
      try run("UPDATE work SET due_at = ?1 WHERE kind = 'poll' AND due_at > ?1", moment.milliseconds)
    case .restoreOrders(let now, let absenceConclusiveAt):
      try restoreOrders(at: now, absenceConclusiveAt)
    case .deleteTombstones(let moment):
      try deleteTombstones(expiredAt: moment)
    case .seed(let table):
      try tables.seed(table)
    }
  }

  private func restoreOrders(at now: Timestamp, _ absenceConclusiveAt: Timestamp) throws(DatabaseError) {
    try run(
      """
      INSERT OR REPLACE INTO work (job, kind, key, due_at, tries)
      SELECT job, 'search', '', ?1, 0 FROM orders WHERE stage IN ('queued', 'sending', 'unanswered')
      """, now.milliseconds)
    try run("DELETE FROM work WHERE kind = 'create'")
    try run(
      """
      UPDATE orders SET restored = 1, reason = NULL,
        certain_at = CASE WHEN stage = 'placed' THEN certain_at ELSE ?1 END,
        sent_at = CASE WHEN stage = 'placed' THEN sent_at END,
        stage = CASE WHEN stage = 'placed' THEN stage ELSE 'unanswered' END
      WHERE stage <> 'ended'
      """, absenceConclusiveAt.milliseconds)
    rows.counts.queued = nil
  }

  /// Deletes tombstones, except the newest: the last change's number must stay known.
  private func deleteTombstones(expiredAt moment: Timestamp) throws(DatabaseError) {
    let last = Statement(
      """
      SELECT max(
        expired, coalesce((SELECT CAST(CAST(value AS TEXT) AS INTEGER) FROM keys WHERE name = ?2), 0))
      FROM (
        SELECT max(change) AS expired FROM tombstones
        WHERE expires_at <= ?1 AND change < (SELECT max(change) FROM tombstones))
      """, on: connection)
    try last.bind(1, moment.milliseconds)
    // Tombstones do not expire in the order of their numbers, and the bound never goes backwards.
    try last.bind(2, SQLiteStore.oldestChangeKey)
    guard try last.step(), let change = last.optionalInteger(0) else { return }
    last.reset()
    // A cursor before this change may have missed a deletion.
    try putKey.bind(1, SQLiteStore.oldestChangeKey)
    try putKey.bind(2, copying: Array("\(change)".utf8))
    try putKey.run()
    let condition = "expires_at <= ?1 AND change < (SELECT max(change) FROM tombstones)"
    try run(
      "DELETE FROM tombstone_keys WHERE change IN (SELECT change FROM tombstones WHERE \(condition))",
      moment.milliseconds)
    try run("DELETE FROM tombstones WHERE \(condition)", moment.milliseconds)
    rows.counts.hasTombstoneKeys = nil
  }

  private func run(_ sql: String, _ parameters: Int64...) throws(DatabaseError) {
    let statement = Statement(sql, on: connection)
    for (index, parameter) in parameters.enumerated() { try statement.bind(Int32(index) + 1, parameter) }
    try statement.run()
  }
}
