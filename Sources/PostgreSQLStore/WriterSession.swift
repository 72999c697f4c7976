internal import StoreSeam
internal import PostgreSQL
internal import PostgreSQLSchema
internal import System
internal import Time

/// The connection that a store commits on, through the loss of servers.
///
/// It has a row in `writers`, which every transaction writes. The row shows whether a commit whose connection
/// was lost has been committed: it is locked until the transaction of the lost connection has ended.
final class WriterSession {
  private let options: PostgreSQLOptions
  private let observer: any StoreObserver
  private let stop: StopSignal
  /// The id of the row in `writers`.
  let id: String
  private var connection: Connection?
  /// Whether a pipeline timed out, whose results are to be discarded.
  private var isBusy = false
  /// Whether the row of this connection is known.
  private var hasRow = false
  /// The row of each sum that this connection adds to.
  private(set) var shard: Int64 = 0
  /// Added to the change numbers.
  private(set) var shift: Int64 = 0
  /// The last batch that was committed before this connection.
  private(set) var committedBatch: Int64 = 0
  private var settings: ServerSettings?
  private var settingsReadAt: MonotonicTime?

  private static let settingsInterval = Duration.seconds(1)
  /// How soon a stop ends the wait for an answer.
  private static let part = Duration.milliseconds(500)
  /// The pause before all hosts are tried again.
  static let pause = Duration.milliseconds(50)

  init(_ options: PostgreSQLOptions, observer: any StoreObserver, stop: StopSignal) {
    self.options = options
    self.observer = observer
    self.stop = stop
    id = String(options.random(), radix: 36) + String(options.random(), radix: 36)
  }

  /// Makes the connection ready for a transaction.
  ///
  /// It waits for the end of what timed out before, and tries all hosts where the connection was lost.
  func prepare(deadline: MonotonicTime) throws(PostgreSQLError) {
    if let connection {
      do throws(PostgreSQLError) {
        return try prepare(connection, deadline)
      } catch {
        guard self.connection == nil else { throw error }
        observer.reconnecting(cause: "\(error)")
      }
    }
    try connect(deadline: deadline)
  }

  private func prepare(_ connection: Connection, _ deadline: MonotonicTime) throws(PostgreSQLError) {
    if isBusy {
      do throws(PostgreSQLError) {
        _ = try noting { () throws(PostgreSQLError) in
          try awaiting(until: deadline, connection) { (limit) throws(PostgreSQLError) in
            try connection.resume(deadline: limit)
          }
        }
      } catch {
        guard case .server = error, self.connection != nil else { throw error }
      }
      isBusy = false
    }
    if connection.isInTransaction { try run(Self.rollback, deadline: deadline) }
    if !hasRow { try claimRow(deadline) }
  }

  private static let rollback = Query("ROLLBACK")

  /// Tries all hosts until one takes writes, at most until `deadline`.
  private func connect(deadline: MonotonicTime) throws(PostgreSQLError) {
    // Bounded by the deadline.
    while true {
      do throws(PostgreSQLError) {
        let made = try Connection(to: options.target, named: options.applicationName, deadline: deadline)
        connection = made
        try note(run(Self.selectSettings, deadline: deadline))
        return try claimRow(deadline)
      } catch {
        if isBusy || stop.isRaised || MonotonicClock.now + Self.pause >= deadline { throw error }
        // A rejected password is no better the next time, but a server that starts up is.
        guard stop.pause(for: Self.pause) else { throw error }
      }
    }
  }
}

// MARK: - Requests

extension WriterSession {
  @discardableResult
  func run(
    _ query: Query, _ parameters: [Parameter] = [], deadline: MonotonicTime
  ) throws(PostgreSQLError) -> Rows {
    var pipeline = Pipeline()
    pipeline.add(query, parameters)
    guard let rows = try run(pipeline, deadline: deadline).first else {
      throw .unexpected("a statement without a result")
    }
    return rows
  }

  /// Runs statements in one round trip.
  func run(_ pipeline: Pipeline, deadline: MonotonicTime) throws(PostgreSQLError) -> [Rows] {
    guard let connection else { throw .connection("not connected to the database") }
    return try noting { () throws(PostgreSQLError) in
      try awaiting(until: deadline, connection) { (limit) throws(PostgreSQLError) in
        try connection.run(pipeline, deadline: limit)
      }
    }
  }

  /// Waits in parts, so that a stop ends the wait.
  private func awaiting(
    until deadline: MonotonicTime, _ connection: Connection,
    _ start: (MonotonicTime) throws(PostgreSQLError) -> [Rows]
  ) throws(PostgreSQLError) -> [Rows] {
    var limit = min(deadline, MonotonicClock.now + Self.part)
    do throws(PostgreSQLError) {
      return try start(limit)
    } catch {
      guard case .timedOut = error else { throw error }
    }
    // Bounded by the deadline.
    while true {
      limit = min(deadline, MonotonicClock.now + Self.part)
      do throws(PostgreSQLError) {
        return try connection.resume(deadline: limit)
      } catch {
        guard case .timedOut = error, MonotonicClock.now < deadline, !stop.isRaised else { throw error }
      }
    }
  }

  /// Notes what an error means for the connection.
  private func noting<Value>(_ body: () throws(PostgreSQLError) -> Value) throws(PostgreSQLError) -> Value {
    do throws(PostgreSQLError) {
      return try body()
    } catch {
      switch error {
      case .timedOut: isBusy = true
      case .server(let state, _) where !state.endsSession && connection?.isBroken == false: break
      case .server, .connection, .unexpected: disconnect()
      }
      throw error
    }
  }

  private func disconnect() {
    connection = nil
    (isBusy, hasRow, settings) = (false, false, nil)
  }

  /// Releases the locks of a transaction that is given up.
  ///
  /// Where that fails, the next transaction begins with it.
  func rollBack(deadline: MonotonicTime) {
    guard let connection, !isBusy, connection.isInTransaction else { return }
    _ = try? run(Self.rollback, deadline: deadline)
  }

  func clearNotices() { connection?.clearNotices() }

  /// A warning since ``clearNotices()``, such as of a canceled wait.
  ///
  /// Such a commit is on the primary alone, although its command tag says COMMIT. See
  /// https://www.postgresql.org/docs/current/warm-standby.html#SYNCHRONOUS-REPLICATION-HA.
  var warning: String? { connection?.notices.first { $0.sqlState != .success }?.message }
}

// MARK: - The row of the connection

extension WriterSession {
  /// Waits for the end of an earlier connection's transaction.
  ///
  /// The lock is written to the WAL, so this waits for the standby that the earlier commit has waited for.
  private static let selectRow = Query("SELECT batch, shard FROM writers WHERE id = $1 FOR UPDATE")
  private static let now = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
  /// The first shard that no connection of the last hour has.
  private static let insertRow = Query(
    """
    INSERT INTO writers (id, batch, shard, written_at)
    SELECT $1, 0, coalesce((SELECT min(s) FROM generate_series(0, 63) AS s WHERE NOT EXISTS (
      SELECT 1 FROM writers WHERE shard = s AND written_at > \(now) - 3600000)), 0), \(now)
    RETURNING batch, shard
    """)
  private static let selectShift = Query("SELECT shift FROM feed WHERE id = 1")
  /// Writes the row, which each transaction begins with.
  static let updateRow = Query(
    """
    UPDATE writers SET batch = $2, written_at = \(now) WHERE id = $1
    RETURNING pg_current_xact_id()::text::bigint, written_at
    """)
  private static let deleteRow = Query("DELETE FROM writers WHERE id = $1")
  /// Rows of connections that ended a week ago without removing them.
  private static let deleteOldRows = Query(
    """
    DELETE FROM writers WHERE id IN (
      SELECT id FROM writers WHERE written_at < \(now) - 604800000 LIMIT 1000 FOR UPDATE SKIP LOCKED)
    """)

  private func claimRow(_ deadline: MonotonicTime) throws(PostgreSQLError) {
    clearNotices()
    var row = try run(Self.selectRow, [.text(id)], deadline: deadline)
    if let warning { throw .connection(warning) }
    if row.isEmpty { row = try run(Self.insertRow, [.text(id)], deadline: deadline) }
    (committedBatch, shard) = (row.integer(0, 0), row.integer(0, 1))
    shift = try run(Self.selectShift, deadline: deadline).integer(0, 0)
    hasRow = true
  }

  /// Forgets the row, which another process has removed as an old one.
  func loseRow() { hasRow = false }

  func deleteOldRows(deadline: MonotonicTime) throws(PostgreSQLError) {
    try run(Self.deleteOldRows, deadline: deadline)
  }

  func deleteRow(deadline: MonotonicTime) throws(PostgreSQLError) {
    guard connection != nil, !isBusy else { return }
    try run(Self.deleteRow, [.text(id)], deadline: deadline)
    hasRow = false
  }
}

// MARK: - The server's settings

extension WriterSession {
  private static let selectSettings = Query(ServerSettings.sql)

  /// Adds the query of the settings to a transaction, once a second.
  ///
  /// - Returns: the index of its result.
  func addSettings(to pipeline: inout Pipeline) -> Int? {
    if let settingsReadAt, MonotonicClock.now < settingsReadAt + Self.settingsInterval { return nil }
    return pipeline.add(Self.selectSettings)
  }

  func note(_ rows: Rows) {
    let found = ServerSettings(rows)
    if found != settings { observer.connected(durability: found.durability) }
    settings = found
    settingsReadAt = MonotonicClock.now
  }

  /// Why no commit may be acknowledged. Nil where commits may be.
  var refusal: StorageError? {
    settings.flatMap { $0.refusal(requiresStandby: options.requiresStandby) }
  }

  /// Why a store does not open. A missing standby refuses only commits, because it may come back.
  var refusalToOpen: StorageError? { settings.flatMap { $0.refusal(requiresStandby: false) } }
}

/// The settings of a server that decide what a commit is worth.
struct ServerSettings: Equatable {
  let isSyncing: Bool
  let durability: CommitDurability

  static let sql = """
    SELECT current_setting('fsync'), current_setting('synchronous_commit'),
      current_setting('synchronous_standby_names')
    """

  /// A row of ``sql``.
  init(_ rows: Rows) {
    isSyncing = rows.text(0, 0) == "on"
    durability = CommitDurability(
      standbyNames: rows.text(0, 2) ?? "", synchronousCommit: rows.text(0, 1) ?? "")
  }

  func refusal(requiresStandby: Bool) -> StorageError? {
    if !isSyncing {
      return .unavailable(
        "the database server has fsync = off, so a crash loses commits: set fsync = on and restart it")
    }
    if durability.synchronousCommit == "off" {
      return .unavailable(
        """
        the database server has synchronous_commit = off, so a crash loses acknowledged commits: set it to \
        on for this role
        """)
    }
    guard requiresStandby, durability.standbys == 0 else { return nil }
    return .unavailable(
      """
      REQUIRE_STANDBY is set, and the database server waits for no standby: set synchronous_standby_names \
      and synchronous_commit = on
      """)
  }
}
