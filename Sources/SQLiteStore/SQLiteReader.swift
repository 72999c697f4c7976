package import Jobs
package import StoreSeam
package import Tables
package import SQLite
internal import SQLiteSchema
package import Time
package import Work

/// A read-only connection, used by one thread at a time.
///
/// Each query sees the latest commit, and answers at once.
package final class SQLiteReader {
  let connection: Connection
  /// The maximum of jobs with one member that a page searches through for further conditions.
  let maxExamined: Int
  private let tables: CapabilityStatements
  private let selectJob: Statement
  private let selectOrder: Statement
  private let selectAttempts: Statement
  private let countQueuedBefore: Statement
  private let selectHistory: Statement
  private let countOutcomes: Statement
  private let selectNextDue: Statement
  let selectChanges: Statement
  /// The statement of a changed job for the last filter, because streams repeat theirs.
  var selectChangedJob: (sql: String, statement: Statement)?
  private var epoch: String?

  /// Opens a database that a ``SQLiteStore`` has created.
  ///
  /// - Parameter maxExamined: the maximum of jobs that a page of a list searches through.
  package init(
    path: String, busyTimeout: Int32 = 1000, maxExamined: Int = 10_000
  ) throws(DatabaseError) {
    self.maxExamined = maxExamined
    connection = try Connection(path: path, access: .read, busyTimeout: busyTimeout)
    try Schema.migrations.requireCurrent(connection)
    tables = CapabilityStatements(connection)
    // https://www.sqlite.org/lang_corefunc.html#coalesce: the second index is searched only if the first has
    // no match.
    selectJob = Statement(
      """
      SELECT \(JobRow.shownSelection), body FROM jobs WHERE number = coalesce(
        (SELECT number FROM jobs WHERE id = ?1), (SELECT number FROM jobs WHERE prediction_id = ?1))
      """, on: connection)
    selectOrder = Statement(OrderRow.selectWithRequest, on: connection)
    selectAttempts = Statement(
      """
      SELECT prediction_id, ended_at, error_code, error_message FROM attempts WHERE job = ?1
      UNION ALL SELECT NULL, ended_at, error_code, error_message FROM refusals WHERE job = ?1
      ORDER BY ended_at
      """, on: connection)
    countQueuedBefore = Statement(
      """
      SELECT count(*) FROM (
        SELECT 1 FROM work WHERE kind = 'create' AND due_at < ?1 AND owner IS NULL LIMIT ?2)
      """, on: connection)
    selectHistory = Statement(
      """
      SELECT \(HistoryColumn.list) FROM deliveries WHERE job = ?1 AND position > ?2
      ORDER BY position LIMIT ?3
      """, on: connection)
    countOutcomes = Statement(
      "SELECT outcome, count(*) FROM deliveries WHERE job = ?1 GROUP BY outcome", on: connection)
    selectNextDue = Statement(
      "SELECT due_at FROM work WHERE kind = ?1 ORDER BY due_at LIMIT 1", on: connection)
    selectChanges = Statement(
      """
      SELECT change, job, NULL AS id FROM changes WHERE change > ?1
      UNION ALL SELECT change, NULL, id FROM tombstones WHERE change > ?1
      ORDER BY change LIMIT ?2
      """, on: connection)
    try connection.rememberFiles()
  }
}

// MARK: - One job

extension SQLiteReader: StoreReader {
  package func job(_ id: String) throws(StorageError) -> JobRecord? {
    try converting { () throws(DatabaseError) in
      // https://www.sqlite.org/isolation.html: the snapshot lasts until the last open statement is reset, so
      // all that follows sees it.
      defer { selectJob.reset() }
      try selectJob.bind(1, id)
      guard try selectJob.step() else { return nil }
      let (number, job) = try JobRow.read(selectJob)
      // Of a job that was not created here, only a cancel request can be shown, until the job has ended.
      let order = job.origin != nil || !job.phase.isTerminal ? try order(ofJob: number) : nil
      return JobRecord(
        number: number, job: job, body: selectJob.bytes(JobRow.bodyColumn),
        change: Int64(selectJob.integer(JobRow.changeColumn)), order: order,
        attempts: try mayHaveAttempts(job, order) ? try attempts(ofJob: number) : [])
    }
  }

  /// Whether a job may have past attempts. Most jobs have one prediction, and need no query.
  private func mayHaveAttempts(_ job: Job, _ order: StoredOrder?) throws(DatabaseError) -> Bool {
    guard let order else { return false }
    return job.attempt > 1 || order.refusals > 0 || order.stage == .ended
  }

  private func order(ofJob number: Int64) throws(DatabaseError) -> StoredOrder? {
    defer { selectOrder.reset() }
    try selectOrder.bind(1, number)
    return try selectOrder.step() ? try OrderRow.read(selectOrder, hasRequest: true) : nil
  }

  private func attempts(ofJob number: Int64) throws(DatabaseError) -> [PastAttempt] {
    defer { selectAttempts.reset() }
    try selectAttempts.bind(1, number)
    var attempts: [PastAttempt] = []
    while try selectAttempts.step() {
      let row = Row(selectAttempts, AttemptColumn.self)
      attempts.append(
        PastAttempt(
          predictionID: row.text(.predictionID), endedAt: Timestamp(milliseconds: row.int64(.endedAt)),
          error: row.text(.errorCode).map { JobError(code: $0, message: row.text(.errorMessage)) }))
    }
    return attempts
  }

  package func history(
    ofJob id: String, after position: Int64, limit: Int
  ) throws(StorageError) -> JobHistory? {
    try converting { () throws(DatabaseError) in
      defer { selectJob.reset() }
      try selectJob.bind(1, id)
      guard try selectJob.step() else { return nil }
      let (number, job) = try JobRow.read(selectJob)
      return JobHistory(
        job: job, entries: try entries(ofJob: number, after: position, limit: limit),
        counts: try outcomeCounts(ofJob: number))
    }
  }

  private func entries(
    ofJob number: Int64, after position: Int64, limit: Int
  ) throws(DatabaseError) -> [HistoryEntry] {
    defer { selectHistory.reset() }
    try selectHistory.bind(1, number)
    try selectHistory.bind(2, position)
    try selectHistory.bind(3, Int64(limit))
    var entries: [HistoryEntry] = []
    while try selectHistory.step() { entries.append(try HistoryColumn.read(selectHistory)) }
    return entries
  }

  private func outcomeCounts(ofJob number: Int64) throws(DatabaseError) -> [DeliveryOutcome: Int] {
    defer { countOutcomes.reset() }
    try countOutcomes.bind(1, number)
    var counts: [DeliveryOutcome: Int] = [:]
    while try countOutcomes.step() {
      if let outcome = countOutcomes.text(0).flatMap(DeliveryOutcome.init) {
        counts[outcome] = countOutcomes.integer(1)
      }
    }
    return counts
  }
}

/// The columns of past attempts.
private enum AttemptColumn: Int32, ColumnSet {
  case predictionID, endedAt, errorCode, errorMessage

  var name: String {
    switch self {
    case .predictionID: "prediction_id"
    case .endedAt: "ended_at"
    case .errorCode: "error_code"
    case .errorMessage: "error_message"
    }
  }
}

// MARK: - The feed

extension SQLiteReader {
  package func feedPosition() throws(StorageError) -> FeedPosition {
    try converting { () throws(DatabaseError) in
      let oldest = try stored(SQLiteStore.oldestChangeKey) ?? []
      return FeedPosition(
        epoch: try storedEpoch(), lastChange: try connection.lastChange(),
        oldestChange: Int64(String(decoding: oldest, as: UTF8.self)) ?? 0)
    }
  }

  private func storedEpoch() throws(DatabaseError) -> String {
    if let epoch { return epoch }
    let bytes = try stored(SQLiteStore.epochKey) ?? []
    let text = bytes.map { byte in String(byte >> 4, radix: 16) + String(byte & 15, radix: 16) }.joined()
    epoch = text
    return text
  }

  private func stored(_ name: String) throws(DatabaseError) -> [UInt8]? {
    let select = Statement("SELECT value FROM keys WHERE name = ?1", on: connection)
    try select.bind(1, name)
    return try select.step() ? select.bytes(0) : nil
  }
}

// MARK: - Work and health

extension SQLiteReader {
  package func queuedOrders(before moment: Timestamp, limit: Int) throws(StorageError) -> Int {
    try converting { () throws(DatabaseError) in
      defer { countQueuedBefore.reset() }
      try countQueuedBefore.bind(1, moment.milliseconds)
      try countQueuedBefore.bind(2, Int64(limit))
      return try countQueuedBefore.step() ? countQueuedBefore.integer(0) : 0
    }
  }

  package func openOrders() throws(StorageError) -> OpenOrders {
    try converting { () throws(DatabaseError) in
      let statement = Statement(
        """
        SELECT kind, is_claimed, count, ordered_at FROM (
          SELECT kind, owner IS NOT NULL AS is_claimed, count(*) AS count, min(job) AS first
          FROM work INDEXED BY work_by_due WHERE kind IN ('create', 'search', 'cancel') GROUP BY 1, 2)
        LEFT JOIN jobs ON number = first
        """, on: connection)
      var orders = OpenOrders()
      while try statement.step() {
        orders.add(
          statement.integer(2), WorkKind(rawValue: statement.text(0) ?? ""),
          isClaimed: statement.integer(1) != 0,
          oldest: statement.optionalInteger(3).map(Timestamp.init(milliseconds:)))
      }
      return orders
    }
  }

  package func newestUpdate() throws(StorageError) -> Timestamp? {
    try converting { () throws(DatabaseError) in
      try connection.optionalInteger("SELECT updated_at FROM jobs ORDER BY number DESC LIMIT 1")
        .map(Timestamp.init(milliseconds:))
    }
  }

  package func nextDue() throws(StorageError) -> NextDue {
    NextDue(
      check: try nextDue(.poll), create: try nextDue(.create), find: try nextDue(.search),
      cancel: try nextDue(.cancel))
  }

  package func nextDue(_ kind: WorkKind) throws(StorageError) -> Timestamp? {
    try converting { () throws(DatabaseError) in
      defer { selectNextDue.reset() }
      try selectNextDue.bind(1, kind.rawValue)
      return try selectNextDue.step() ? Timestamp(milliseconds: Int64(selectNextDue.integer(0))) : nil
    }
  }

  package func key(_ name: String) throws(StorageError) -> [UInt8]? {
    try converting { () throws(DatabaseError) in try stored(name) }
  }

  package func rows(_ query: TableQuery) throws(StorageError) -> [TableRow] {
    try converting { () throws(DatabaseError) in try tables.rows(query) }
  }

  package func ping() throws(StorageError) {
    try converting { () throws(DatabaseError) in
      try connection.requireFilesInPlace()
      _ = try connection.integer("SELECT number FROM jobs LIMIT 1")
    }
  }
}

// MARK: - Examination

extension SQLiteReader {
  /// The first problem in the structure of the file. Nil for none. Reads the whole file.
  package func damage() throws(DatabaseError) -> String? {
    try connection.damage()
  }

  /// Counts the jobs whose body does not match its digest.
  ///
  /// Returns the first one's prediction, too.
  ///
  /// Reads every body. SQLite detects damage to its own structure, but has no checksums, so it does not
  /// notice zeros or flipped bits inside a body.
  ///
  /// - Parameter digest: SHA-256, as the digest stored in the row.
  package func damagedBodies(
    _ digest: (Span<UInt8>) -> [UInt8]
  ) throws(DatabaseError) -> (count: Int, first: String?) {
    let statement = Statement(
      "SELECT prediction_id, digest, body FROM jobs WHERE digest IS NOT NULL ORDER BY number", on: connection)
    var (count, first): (Int, String?) = (0, nil)
    while try statement.step() {
      guard digest(statement.bytes(2).span) != statement.bytes(1) else { continue }
      count += 1
      first = first ?? statement.text(0)
    }
    return (count, first)
  }

  /// The number of jobs. Reads a whole index.
  package func jobCount() throws(DatabaseError) -> Int {
    try connection.integer("SELECT count(*) FROM jobs")
  }
}
