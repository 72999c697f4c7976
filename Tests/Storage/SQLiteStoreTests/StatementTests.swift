@testable import SQLite
import Scratch
import Testing

@testable import Store

@Suite struct StatementTests {
  /// Every statement is valid.
  ///
  /// Otherwise its first use would be the first to show a mistake.
  @Test func everyStatementOfAnOpenStoreCanBePrepared() throws {
    let database = try TemporaryDatabase()
    let writer = try StoreWriter(path: database.path)
    // Created on first use.
    try writer.commit { _ = ($0.orders, $0.pollStatements, $0.pruning) }
    let statements = try prepareAll(in: writer) + prepareAll(in: StoreReader(path: database.path))
    #expect(statements > 40)
  }

  @Test func aStatementWithAMistakeIsDetected() throws {
    struct Owner { let statement: Statement }
    let database = try TemporaryDatabase()
    let connection = try Connection(path: database.path, access: .create, busyTimeout: 0)
    let mistaken = Owner(statement: Statement("SELECT nothing FROM nowhere", on: connection))
    #expect(throws: StoreError.self) { try prepareAll(in: mistaken) }
  }

  /// - Returns: the number of statements.
  private func prepareAll(in owner: Any) throws -> Int {
    if let statement = owner as? Statement {
      try statement.prepare()
      return 1
    }
    return try Mirror(reflecting: owner).children.reduce(0) { try $0 + prepareAll(in: $1.value) }
  }
}
