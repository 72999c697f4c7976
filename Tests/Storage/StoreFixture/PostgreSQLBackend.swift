package import StoreSeam
package import PostgreSQL
package import PostgreSQLServer
package import PostgreSQLStore
internal import PostgreSQLReads
package import PostgreSQLSchema
internal import Synchronization
package import Tables
internal import Time

/// A database in a server of the tests.
///
/// It is a copy of a template that has the schema, which takes less time than to make the tables.
package final class PostgreSQLBackend: StoreBackend {
  package let database: TestDatabase
  private let clock = DatabaseClock()
  private var pool: ReaderPool?
  private var connection: Connection?

  package convenience init() throws { try self.init(on: try PostgreSQLServer.shared()) }

  /// - Parameter server: with a template of its own.
  package init(on server: PostgreSQLServer) throws {
    database = try server.makeDatabase(from: try StoreTemplate.name(on: server))
    connection = try server.connect(to: database.name)
    // A copy would have the epoch of its template.
    try run("UPDATE feed SET epoch = substring(uuid_send(gen_random_uuid()) for length(epoch))")
  }

  package func open(tables: [TableDeclaration]) throws -> any Store {
    try PostgreSQLStore(try Self.options(database.url, tables: tables, clock: clock))
  }

  /// How a test's store connects.
  package static func options(
    _ url: String, tables: [TableDeclaration] = [], clock: DatabaseClock = DatabaseClock()
  ) throws -> PostgreSQLOptions {
    var random = SystemRandomNumberGenerator()
    let epoch = (0..<PostgreSQLOptions.epochSize).map { _ in UInt8.random(in: 0...255, using: &random) }
    return PostgreSQLOptions(
      target: try ConnectionTarget(url: url), tables: tables, newEpoch: epoch, applicationName: "test store",
      clock: clock, now: { Timestamp(milliseconds: WallClock.milliseconds) },
      random: { UInt64.random(in: 0 ... .max) })
  }

  package func openReader() throws -> sending any StoreReader {
    let pool =
      try pool
      ?? ReaderPool(
        to: ConnectionTarget(url: database.url), named: "test reader", threads: 1, timeout: .seconds(30))
    self.pool = pool
    let awaited = Unshared(self)
    return BlockingReader(PostgreSQLReader(pool: pool, clock: clock)) { () throws(StorageError) in
      try awaited.value.awaitFeed()
    }
  }

  package func close() {
    pool?.stop()
    pool = nil
    connection = nil
  }

  private struct Closed: Error {}

  private struct Unshared<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
  }

  /// Waits until each transaction that has begun is over: the feed ends before the first open one.
  ///
  /// Transactions in other databases of the server count, and all tests share it. So a test that suspends
  /// within a transaction needs a server of its own.
  package func awaitFeed() throws(StorageError) {
    let deadline = MonotonicClock.now + .seconds(120)
    guard let connection else { throw .unavailable("the test is over") }
    do throws(PostgreSQLError) {
      let end = try connection.run(Self.snapshotEnd, deadline: deadline).integer(0, 0)
      while try connection.run(Self.snapshotStart, deadline: deadline).integer(0, 0) < end {
        guard MonotonicClock.now < deadline else {
          throw .timedOut("a transaction of another test has been open for two minutes")
        }
      }
    } catch {
      throw .unavailable("\(error)")
    }
  }

  private static let snapshotEnd = Query("SELECT pg_snapshot_xmax(pg_current_snapshot())")
  private static let snapshotStart = Query("SELECT pg_snapshot_xmin(pg_current_snapshot())")

  /// Runs one statement on a connection of the test's own.
  @discardableResult
  package func run(_ sql: String, _ parameters: [Parameter] = []) throws -> Rows {
    guard let connection else { throw Closed() }
    return try connection.run(Query(sql), parameters, deadline: MonotonicClock.now + .seconds(60))
  }

  package func execute(_ sql: String) throws {
    guard let connection else { throw Closed() }
    try connection.script(sql, deadline: MonotonicClock.now + .seconds(60))
  }

  package func rejectHistories(webhookID: String?) throws {
    try rejectHistories(webhookID: webhookID, sqlState: "23514")
  }

  /// - Parameter sqlState: of the error that the server reports.
  package func rejectHistories(webhookID: String?, sqlState: String) throws {
    let condition = webhookID.map { "WHEN (NEW.webhook_id = '\($0)')" } ?? ""
    try execute(
      """
      CREATE FUNCTION reject() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'rejected' USING ERRCODE = '\(sqlState)'; END $$;
      CREATE TRIGGER rejected BEFORE INSERT ON deliveries FOR EACH ROW \(condition)
        EXECUTE FUNCTION reject();
      """)
  }

  package func acceptHistories() throws {
    try execute("DROP TRIGGER rejected ON deliveries; DROP FUNCTION reject();")
  }

  package func tablesWithStrayRows() throws -> [String] {
    var tables: [String] = []
    for table in [
      "deliveries", "orders", "attempts", "refusals", "work", "changes", "metadata", "metadata_members",
      "open_jobs",
    ] {
      let sql = "SELECT 1 FROM \(table) WHERE job >= 0 AND job NOT IN (SELECT number FROM jobs) LIMIT 1"
      if try !run(sql).isEmpty { tables.append(table) }
    }
    let checks = [
      "jobs without a change": """
      SELECT 1 FROM jobs FULL JOIN changes ON job = number AND changes.change = jobs.change
      WHERE number IS NULL OR job IS NULL
      """,
      "open jobs": """
      SELECT 1 FROM jobs LEFT JOIN open_jobs ON job = number
      WHERE (job IS NULL) <> (phase IN ('succeeded', 'failed', 'canceled'))
      """,
      "history lengths": """
      SELECT 1 FROM jobs WHERE history_length <> (SELECT count(*) FROM deliveries WHERE job = number)
      """,
      "positions": """
      SELECT 1 FROM deliveries GROUP BY job HAVING max(position) <> count(*) OR min(position) <> 1
      """,
      "tombstone_keys": """
      SELECT 1 FROM tombstone_keys WHERE change NOT IN (SELECT change FROM tombstones)
      """,
    ]
    for (name, sql) in checks where try !run(sql).isEmpty { tables.append(name) }
    return tables.sorted()
  }
}

/// The database with the schema, on each server that tests have started.
private enum StoreTemplate {
  private static let names = Mutex<[Int: String]>([:])

  static func name(on server: PostgreSQLServer) throws -> String {
    try names.withLock { names in
      if let name = names[server.port] { return name }
      let name = "store_template"
      try server.run("CREATE DATABASE \(name)")
      try make(server.url(database: name))
      names[server.port] = name
      return name
    }
  }

  private static func make(_ url: String) throws {
    let store = try PostgreSQLStore(try PostgreSQLBackend.options(url))
    try store.finish()
  }
}
