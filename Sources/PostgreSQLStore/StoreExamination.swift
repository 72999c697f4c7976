package import StoreSeam
internal import PostgreSQL
internal import PostgreSQLSchema
internal import Time

/// What a server says of itself and of the store in it, without any change.
package struct StoreExamination: Sendable {
  /// The server that takes writes, of those in the URL.
  package let server: String
  /// Such as `15.18`.
  package let serverVersion: String
  package let usesTLS: Bool
  package let encoding: String
  package let durability: CommitDurability
  /// Why `serve` refuses the server. Nil where it does not.
  package let refusal: StorageError?
  /// The standbys that are connected, of any kind.
  package let connectedStandbys: Int64
  /// The connections of daemons to this database, those of this role at least.
  package let daemonConnections: Int64
  /// The version of the schema; 0 in an empty database.
  package let schemaVersion: Int
  /// Why this program cannot use the schema as it is. Nil where it can.
  package let schemaProblem: StorageError?
  package let needsMigration: Bool
  package let mayCreateTables: Bool
  /// How far the server's clock is ahead of the local one.
  package let clockDifference: Duration
  /// Whether a pooler gives each transaction another connection.
  package let isPooled: Bool
  /// An estimate of the server. Nil before its first ANALYZE.
  package let jobCount: Int64?
}

extension PostgreSQLStore {
  private static let timeout = Duration.seconds(10)
  /// An index may take long to build.
  private static let migrationTimeout = Duration.seconds(3600)

  /// The names of the migrations that the database lacks. Nil where it holds no store yet.
  package static func pendingMigrations(_ options: PostgreSQLOptions) throws(StorageError) -> [String]? {
    let deadline = MonotonicClock.now + timeout
    let connection = try connect(options, deadline)
    let stored = try converting { () throws(PostgreSQLError) in
      try Schema.stored(connection, tables: options.tables, deadline: deadline)
    }
    guard stored.version > 0 else { return nil }
    if stored.oldestProgram > Schema.version { try Schema.check(stored) }
    return Schema.steps.dropFirst(stored.version).map(\.name)
      + stored.missingRelations.map { "the table or index \($0)" }
  }

  /// Creates or migrates the schema.
  ///
  /// - Parameter progress: receives the name of each migration before it runs.
  package static func migrate(
    _ options: PostgreSQLOptions, progress: (_ migration: String) -> Void = { _ in }
  ) throws(StorageError) {
    let connection = try connect(options, MonotonicClock.now + timeout)
    let stored = try converting { () throws(PostgreSQLError) in
      try Schema.stored(connection, tables: options.tables, deadline: MonotonicClock.now + timeout)
    }
    guard stored.needsMigration else { return try Schema.check(stored) }
    _ = try Schema.migrate(
      connection, tables: options.tables, deadline: MonotonicClock.now + migrationTimeout, progress: progress)
  }

  /// Examines a server and its store.
  package static func examine(_ options: PostgreSQLOptions) throws(StorageError) -> StoreExamination {
    let deadline = MonotonicClock.now + timeout
    let connection = try connect(options, deadline)
    try requireRights(connection, deadline)
    return try converting { () throws(PostgreSQLError) in
      let stored = try Schema.stored(connection, tables: options.tables, deadline: deadline)
      let settings = ServerSettings(
        try connection.run(Query(ServerSettings.sql), deadline: deadline))
      let before = options.now()
      let facts = try connection.run(selectFacts, [.text(options.applicationName)], deadline: deadline)
      let middle = before.milliseconds + (options.now().milliseconds - before.milliseconds) / 2
      let estimate = try connection.run(selectJobEstimate, deadline: deadline)
      return StoreExamination(
        server: connection.server, serverVersion: facts.text(0, 0) ?? "", usesTLS: connection.usesTLS,
        encoding: facts.text(0, 1) ?? "", durability: settings.durability,
        refusal: settings.refusal(requiresStandby: options.requiresStandby),
        connectedStandbys: facts.integer(0, 2), daemonConnections: facts.integer(0, 6),
        schemaVersion: stored.version,
        schemaProblem: problem(of: stored), needsMigration: stored.needsMigration,
        mayCreateTables: facts.boolean(0, 3),
        clockDifference: .milliseconds(facts.integer(0, 4) - middle),
        isPooled: facts.integer(0, 5) != Int64(connection.backendProcess),
        jobCount: estimate.isEmpty ? nil : estimate.integer(0, 0))
    }
  }

  /// Throws where the role may not read and write a table.
  private static func requireRights(
    _ connection: Connection, _ deadline: MonotonicTime
  ) throws(StorageError) {
    let locked = try converting { () throws(PostgreSQLError) in
      try connection.run(selectLockedTables, deadline: deadline)
    }
    guard let table = locked.text(0, 0) else { return }
    throw .schema(
      "the role may not read and write the table \(table): GRANT SELECT, INSERT, UPDATE, DELETE on it")
  }

  private static func problem(of stored: Schema.Stored) -> StorageError? {
    do throws(StorageError) {
      try Schema.check(stored)
      return nil
    } catch {
      return error
    }
  }

  private static func connect(
    _ options: PostgreSQLOptions, _ deadline: MonotonicTime
  ) throws(StorageError) -> Connection {
    let connection = try converting { () throws(PostgreSQLError) in
      try Connection(to: options.target, named: options.applicationName, deadline: deadline)
    }
    guard connection.serverVersion >= Schema.oldestServer else {
      throw .schema(
        "the server has PostgreSQL \(connection.serverVersion / 10_000), and this needs 13 or later")
    }
    return connection
  }

  /// Standbys are counted without the columns that an ordinary role cannot see.
  private static let selectFacts = Query(
    """
    SELECT current_setting('server_version'), current_setting('server_encoding'),
      (SELECT count(*) FROM pg_stat_replication),
      coalesce(has_schema_privilege(current_schema(), 'CREATE'), false),
      (extract(epoch FROM clock_timestamp()) * 1000)::bigint, pg_backend_pid(),
      (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
        AND pid <> pg_backend_pid() AND application_name = $1)
    """)
  private static let selectLockedTables = Query(
    """
    SELECT relname::text FROM pg_class
    WHERE relnamespace = to_regnamespace(current_schema()::text) AND relkind = 'r'
      AND to_regclass('schema_version') IS NOT NULL
      AND NOT (has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')
        AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE'))
    ORDER BY relname
    """)
  private static let selectJobEstimate = Query(
    "SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass('jobs') AND reltuples >= 0")
}

/// A move from SQLite that has not ended: half a store.
enum UnfinishedMove {
  private static let exists = Query("SELECT to_regclass('move_progress') IS NOT NULL")

  /// Throws where the database holds one.
  static func check(_ connection: Connection, deadline: MonotonicTime) throws(StorageError) {
    let isThere = try converting { () throws(PostgreSQLError) in
      try connection.run(exists, deadline: deadline).boolean(0, 0)
    }
    guard isThere else { return }
    throw .schema(
      """
      a move into this database has not ended: repeat `replicate-webhookd move`, which goes on where it was, \
      or drop the database
      """)
  }
}
