package import Jobs
package import StoreSeam
package import PostgreSQL
package import PostgreSQLSchema
package import Time
package import Work

/// A reader of a store in PostgreSQL. Its reads run on the threads of a pool.
///
/// Each read takes one round trip where its queries do not depend on each other.
package final class PostgreSQLReader: Sendable {
  private let pool: ReaderPool
  private let clock: DatabaseClock
  /// The maximum of jobs that a page of a list searches through.
  let maxExamined: Int

  /// - Parameters:
  ///   - pool: may be shared by all readers of a process.
  ///   - clock: the offset of the server's clock.
  package init(pool: ReaderPool, clock: DatabaseClock, maxExamined: Int = 10_000) {
    self.pool = pool
    self.clock = clock
    self.maxExamined = maxExamined
  }

  func read<Value: Sendable>(
    _ body: @escaping @Sendable (ReadSession) throws(PostgreSQLError) -> Value
  ) async throws(StorageError) -> Value {
    do throws(PostgreSQLError) {
      return try await pool.read(body)
    } catch {
      throw StorageError(error)
    }
  }

  /// Runs `decode` inside a read. Damaged rows are unexpected answers.
  static func decoding<Value>(
    _ decode: () throws(StorageError) -> Value
  ) throws(PostgreSQLError) -> Value {
    do throws(StorageError) {
      return try decode()
    } catch {
      throw .unexpected("\(error)")
    }
  }

  /// Whether PostgreSQL can have a text: it stores no U+0000.
  static func isStorable(_ text: String) -> Bool { !text.utf8.contains(0) }
}

// MARK: - One job

/// The queries of one job.
enum JobQueries {
  /// The number of the job whose own id is `$1`, or its prediction's.
  ///
  /// The second query runs only if the first finds nothing:
  /// https://www.postgresql.org/docs/current/functions-conditional.html#FUNCTIONS-COALESCE-NVL-IFNULL
  private static let found = """
    coalesce((SELECT number FROM jobs WHERE id = $1), (SELECT number FROM jobs WHERE prediction_id = $1))
    """

  static let job = Query("SELECT \(JobRow.shown), body FROM jobs WHERE number = \(found)")
  static let jobWithoutBody = Query("SELECT \(JobRow.shown) FROM jobs WHERE number = \(found)")
  static let bodyColumn = JobColumn.count

  static let order = Query(
    "SELECT \(OrderColumn.list), request FROM \(OrderRow.source) WHERE orders.job = \(found)")

  static let attempts = Query(
    """
    SELECT prediction_id, ended_at, error_code, error_message FROM attempts WHERE job = \(found)
    UNION ALL SELECT NULL, ended_at, error_code, error_message FROM refusals WHERE job = \(found)
    ORDER BY ended_at
    """)

  static let history = Query(
    """
    SELECT \(HistoryColumn.list) FROM deliveries WHERE job = \(found) AND position > $2
    ORDER BY position LIMIT $3
    """)
  static let outcomes = Query(
    "SELECT outcome, count(*) FROM deliveries WHERE job = \(found) GROUP BY outcome")
}

extension JobRow {
  /// The columns of a job's document, which never has the billed time.
  static let shown = shown(billedTime: "NULL::bigint")

  static func shown(billedTime: String) -> String {
    JobColumn.allCases.map {
      $0 == .predictMilliseconds ? "\(billedTime) AS \($0.name)" : $0.name
    }.joined(separator: ", ")
  }
}

extension PostgreSQLReader: StoreReader {
  package func job(_ id: String) async throws(StorageError) -> JobRecord? {
    guard Self.isStorable(id) else { return nil }
    return try await read { (session) throws(PostgreSQLError) in
      let results = try session.read { queries in
        queries.add(JobQueries.job, [.text(id)])
        queries.add(JobQueries.order, [.text(id)])
        queries.add(JobQueries.attempts, [.text(id)])
      }
      return try Self.decoding { () throws(StorageError) in
        try Self.record(results[0], order: results[1], attempts: results[2])
      }
    }
  }

  private static func record(
    _ rows: Rows, order: Rows, attempts: Rows
  ) throws(StorageError) -> JobRecord? {
    guard rows.count > 0 else { return nil }
    let (number, job) = try JobRow.read(rows, 0)
    // Of a job that was not created here, only a cancel request can be shown, until the job has ended.
    let showsOrder = order.count > 0 && (job.origin != nil || !job.phase.isTerminal)
    return JobRecord(
      number: number, job: job, body: rows.bytes(0, JobQueries.bodyColumn),
      change: rows.integer(0, JobColumn.change.rawValue),
      order: showsOrder ? try OrderRow.read(order, 0, requestColumn: OrderRow.requestColumn) : nil,
      attempts: showsOrder ? (0..<attempts.count).map { AttemptColumn.read(attempts, $0) } : [])
  }

  package func history(
    ofJob id: String, after position: Int64, limit: Int
  ) async throws(StorageError) -> JobHistory? {
    guard Self.isStorable(id) else { return nil }
    return try await read { (session) throws(PostgreSQLError) in
      let results = try session.read { queries in
        queries.add(JobQueries.jobWithoutBody, [.text(id)])
        queries.add(JobQueries.history, [.text(id), .integer(position), .integer(Int64(limit))])
        queries.add(JobQueries.outcomes, [.text(id)])
      }
      return try Self.decoding { () throws(StorageError) in
        try Self.history(results[0], entries: results[1], outcomes: results[2])
      }
    }
  }

  private static func history(
    _ rows: Rows, entries: Rows, outcomes: Rows
  ) throws(StorageError) -> JobHistory? {
    guard rows.count > 0 else { return nil }
    var counts: [DeliveryOutcome: Int] = [:]
    for row in 0..<outcomes.count {
      guard let outcome = outcomes.text(row, 0).flatMap(DeliveryOutcome.init) else { continue }
      counts[outcome] = Int(outcomes.integer(row, 1))
    }
    return JobHistory(
      job: try JobRow.read(rows, 0).job,
      entries: try (0..<entries.count).map { (row) throws(StorageError) in
        try HistoryColumn.read(entries, row)
      }, counts: counts)
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

  var type: ColumnType {
    switch self {
    case .predictionID, .errorCode: .text
    case .endedAt: .integer
    case .errorMessage: .bytes
    }
  }

  static func read(_ rows: Rows, _ index: Int) -> PastAttempt {
    let row = Row(rows, index, Self.self)
    return PastAttempt(
      predictionID: row.text(.predictionID), endedAt: Timestamp(milliseconds: row.integer(.endedAt)),
      error: row.text(.errorCode).map { JobError(code: $0, message: row.utf8(.errorMessage)) })
  }
}

// MARK: - Work and health

/// The queries of work and health.
enum WorkQueries {
  static let queuedBefore = Query(
    """
    SELECT count(*) FROM (
      SELECT 1 FROM work WHERE kind = 'create' AND due_at < $1 AND owner IS NULL LIMIT $2) AS queued
    """)

  static let openOrders = Query(
    """
    SELECT kind, is_claimed, count, ordered_at FROM (
      SELECT kind, owner IS NOT NULL AS is_claimed, count(*) AS count, min(job) AS first
      FROM work WHERE kind IN ('create', 'search', 'cancel') GROUP BY 1, 2) AS steps
    LEFT JOIN jobs ON number = first
    """)

  static let newestUpdate = Query("SELECT updated_at FROM jobs ORDER BY number DESC LIMIT 1")

  /// A claimed item is due when its lease ends, by the server's clock.
  static let nextDue = Query(
    """
    SELECT least(
      (SELECT due_at FROM work WHERE work.kind = kinds.kind AND owner IS NULL ORDER BY due_at LIMIT 1),
      (SELECT lease_until FROM work WHERE work.kind = kinds.kind AND owner IS NOT NULL
        ORDER BY lease_until LIMIT 1) - $2)
    FROM unnest($1::text[]) WITH ORDINALITY AS kinds (kind, position) ORDER BY position
    """)

  static let key = Query("SELECT value FROM keys WHERE name = $1")

  /// Not in a snapshot, which is read-only itself. A table of the schema shows that it is still there.
  static let ping = Query(
    """
    SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean,
      (SELECT number FROM jobs ORDER BY number DESC LIMIT 1)
    """)
}

extension PostgreSQLReader {
  package func queuedOrders(before moment: Timestamp, limit: Int) async throws(StorageError) -> Int {
    try await read { (session) throws(PostgreSQLError) in
      let rows = try session.read {
        $0.add(WorkQueries.queuedBefore, [.integer(moment.milliseconds), .integer(Int64(limit))])
      }
      return Int(rows[0].integer(0, 0))
    }
  }

  package func openOrders() async throws(StorageError) -> OpenOrders {
    try await read { (session) throws(PostgreSQLError) in
      let rows = try session.read { $0.add(WorkQueries.openOrders) }[0]
      var orders = OpenOrders()
      for row in 0..<rows.count {
        orders.add(
          Int(rows.integer(row, 2)), WorkKind(rawValue: rows.text(row, 0) ?? ""),
          isClaimed: rows.boolean(row, 1),
          oldest: rows.optionalInteger(row, 3).map(Timestamp.init(milliseconds:)))
      }
      return orders
    }
  }

  package func newestUpdate() async throws(StorageError) -> Timestamp? {
    try await read { (session) throws(PostgreSQLError) in
      try session.read { $0.add(WorkQueries.newestUpdate) }[0].optionalInteger(0, 0)
        .map(Timestamp.init(milliseconds:))
    }
  }

  package func nextDue() async throws(StorageError) -> NextDue {
    let times = try await nextDue([.poll, .create, .search, .cancel])
    return NextDue(check: times[0], create: times[1], find: times[2], cancel: times[3])
  }

  package func nextDue(_ kind: WorkKind) async throws(StorageError) -> Timestamp? {
    try await nextDue([kind])[0]
  }

  private func nextDue(_ kinds: [WorkKind]) async throws(StorageError) -> [Timestamp?] {
    let parameters: [Parameter] = [.texts(kinds.map(\.rawValue)), .integer(clock.offset)]
    return try await read { (session) throws(PostgreSQLError) in
      let rows = try session.read { $0.add(WorkQueries.nextDue, parameters) }[0]
      return kinds.indices.map { rows.optionalInteger($0, 0).map(Timestamp.init(milliseconds:)) }
    }
  }

  package func key(_ name: String) async throws(StorageError) -> [UInt8]? {
    try await read { (session) throws(PostgreSQLError) in
      try session.read { $0.add(WorkQueries.key, [.text(name)]) }[0].optionalBytes(0, 0)
    }
  }

  package func ping() async throws(StorageError) {
    try await read { (session) throws(PostgreSQLError) in
      guard try !session.run(WorkQueries.ping).boolean(0, 0) else {
        throw .connection("the database server takes no writes: it is a standby, or read-only")
      }
    }
  }
}
