internal import Glibc
package import StoreSeam
internal import PostgreSQLServer
internal import SQLite
internal import SQLiteStore
package import Scratch
package import Tables
package import Testing

/// A place that holds one store, which can be opened again and again.
package protocol StoreBackend: AnyObject {
  /// Opens the store for writing, and creates it where there is none.
  ///
  /// An earlier opening is over: its process has ended.
  func open(tables: [TableDeclaration]) throws -> any Store
  func openReader() throws -> sending any StoreReader
  /// The tables that hold rows of jobs that do not exist, and of changes without a job.
  func tablesWithStrayRows() throws -> [String]
  /// Runs SQL that all stores understand on a connection of its own.
  func execute(_ sql: String) throws
  /// Makes the store reject rows of histories, each by itself, until ``acceptHistories()``.
  ///
  /// - Parameter webhookID: of the only delivery that is rejected; nil for every row.
  func rejectHistories(webhookID: String?) throws
  func acceptHistories() throws
  /// Ends the connections, where something may hold the backend longer than its test.
  func close()
}

extension StoreBackend {
  package func close() {}
}

/// A SQLite file in a folder of its own.
package final class SQLiteBackend: StoreBackend {
  package let database: TemporaryDatabase
  package var path: String { database.path }

  /// - Parameter isInMemory: creates it in memory where possible, because it needs no durability.
  package init(isInMemory: Bool = false) throws {
    database = try TemporaryDatabase(isInMemory: isInMemory)
  }

  package func open(tables: [TableDeclaration]) throws -> any Store {
    try SQLiteStore(path: path, tables: tables)
  }

  package func openReader() throws -> sending any StoreReader { try SQLiteReader(path: path) }

  package func execute(_ sql: String) throws { try Scratch.execute(sql, in: path) }

  package func rejectHistories(webhookID: String?) throws {
    let condition = webhookID.map { "WHEN NEW.webhook_id = '\($0)'" } ?? ""
    try execute(
      """
      CREATE TRIGGER rejected BEFORE INSERT ON deliveries \(condition)
      BEGIN SELECT RAISE(ABORT, 'rejected'); END
      """)
  }

  package func acceptHistories() throws { try execute("DROP TRIGGER rejected") }

  package func tablesWithStrayRows() throws -> [String] {
    let connection = try Connection(path: path, access: .read, busyTimeout: 1000)
    var tables: [String] = []
    for table in [
      "deliveries", "orders", "attempts", "refusals", "work", "changes", "metadata", "metadata_members",
    ] {
      let sql = """
        SELECT EXISTS (SELECT 1 FROM \(table) WHERE job >= 0 AND job NOT IN (SELECT number FROM jobs))
        """
      if try connection.integer(sql) == 1 { tables.append(table) }
    }
    let unlisted = """
      SELECT EXISTS (SELECT 1 FROM jobs WHERE NOT EXISTS (
        SELECT 1 FROM changes WHERE job = jobs.number AND change = coalesce(jobs.change, jobs.number)))
      """
    if try connection.integer(unlisted) == 1 { tables.append("jobs without a change") }
    let orphans = """
      SELECT EXISTS (SELECT 1 FROM tombstone_keys WHERE change NOT IN (SELECT change FROM tombstones))
      """
    if try connection.integer(orphans) == 1 { tables.append("tombstone_keys") }
    return tables
  }
}

/// The stores that must pass the conformance suite.
package enum StoreKind: String, CaseIterable, Sendable {
  case sqlite, postgresql

  /// The store that the present test runs on.
  @TaskLocal package static var current = StoreKind.sqlite

  /// - Parameter isDurable: whether commits must survive the machine, which takes longer.
  package func makeBackend(isDurable: Bool = true) throws -> any StoreBackend {
    switch self {
    case .sqlite: try SQLiteBackend(isInMemory: !isDurable)
    case .postgresql: try PostgreSQLBackend()
    }
  }

  /// The kinds that tests run on: those that this machine has, or the one in `STORE_KIND`.
  package static let tested = allCases.filter { kind in
    guard kind != .postgresql || PostgreSQLServer.isAvailable else { return false }
    return getenv("STORE_KIND").map { String(cString: $0) == kind.rawValue } ?? true
  }
}

/// Runs each test of a suite on every kind of store.
package struct EveryStoreTrait: SuiteTrait, TestTrait, TestScoping {
  package var isRecursive: Bool { true }

  /// Each such test has a database with its connections.
  private static let databases = Slots(8)

  @concurrent package func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable @concurrent () async throws -> Void
  ) async throws {
    for kind in StoreKind.tested {
      if kind == .postgresql { await Self.databases.enter() }
      do {
        try await StoreKind.$current.withValue(kind) { try await function() }
      } catch {
        Issue.record(error, "on the store \(kind.rawValue)")
      }
      if kind == .postgresql { await Self.databases.leave() }
    }
  }
}

/// Bounds how many tests run something at once, without blocking a thread.
private actor Slots {
  private var free: Int
  private var waiting: [CheckedContinuation<Void, Never>] = []

  init(_ count: Int) { free = count }

  func enter() async {
    guard free == 0 else {
      free -= 1
      return
    }
    await withCheckedContinuation { waiting.append($0) }
  }

  func leave() {
    if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
  }
}

extension Trait where Self == EveryStoreTrait {
  /// Runs the suite's tests on every kind of store.
  package static var everyStore: Self { EveryStoreTrait() }
}

extension StoreBackend {
  /// Writes rows of capabilities' tables beside any rules, on an opening of its own.
  package func write(_ tables: [TableWrite]) throws {
    _ = try open(tables: []).commit(reading: { .none }) { _ in
      var writes = WriteSet()
      writes.tables = tables
      return writes
    }
  }
}
