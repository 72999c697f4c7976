package import Ledger
internal import SQLiteStore
package import Scratch
package import Testing

/// A place that holds one store, which can be opened again and again.
package protocol StoreBackend: AnyObject {
  /// Opens the store for writing, and creates it where there is none.
  ///
  /// An earlier opening is over: its process has ended.
  func open(tables: [TableDeclaration]) throws -> any Store
  func openReader() throws -> any StoreReader
}

/// A SQLite file in a folder of its own.
package final class SQLiteBackend: StoreBackend {
  package let database: TemporaryDatabase
  package var path: String { database.path }

  package init() throws { database = try TemporaryDatabase() }

  package func open(tables: [TableDeclaration]) throws -> any Store {
    try SQLiteStore(path: path, tables: tables)
  }

  package func openReader() throws -> any StoreReader { try SQLiteReader(path: path) }
}

/// The stores that must pass the conformance suite.
package enum StoreKind: String, CaseIterable, Sendable {
  case sqlite

  /// The store that the present test runs on.
  @TaskLocal package static var current = StoreKind.sqlite

  package func makeBackend() throws -> any StoreBackend {
    switch self {
    case .sqlite: try SQLiteBackend()
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
    _ = try open(tables: []).commit(reading: .none) { _ in
      var writes = WriteSet()
      writes.tables = tables
      return writes
    }
  }
}
