package import Ledger
package import Tables
internal import SQLite
internal import SQLiteStore
package import Scratch
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

  package func tablesWithStrayRows() throws -> [String] {
    let connection = try Connection(path: path, access: .read, busyTimeout: 1000)
    var tables: [String] = []
    for table in [
      "deliveries", "orders", "attempts", "refusals", "work", "changes", "metadata", "metadata_members",
    ] {
      let sql = "SELECT EXISTS (SELECT 1 FROM \(table) WHERE job NOT IN (SELECT number FROM jobs))"
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
  case sqlite

  /// The store that the present test runs on.
  @TaskLocal package static var current = StoreKind.sqlite

  /// - Parameter isDurable: whether commits must survive the machine, which takes longer.
  package func makeBackend(isDurable: Bool = true) throws -> any StoreBackend {
    switch self {
    case .sqlite: try SQLiteBackend(isInMemory: !isDurable)
    }
  }
}

/// Runs each test of a suite on every kind of store.
package struct EveryStoreTrait: SuiteTrait, TestTrait, TestScoping {
  package var isRecursive: Bool { true }

  @concurrent package func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable @concurrent () async throws -> Void
  ) async throws {
    for kind in StoreKind.allCases {
      try await StoreKind.$current.withValue(kind) { try await function() }
    }
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
