import Testing

@testable import Store

@Suite struct StatementTests {
  /// Statements are prepared when they are first used: one with a mistake in it would be found out by whoever needs it.
  @Test func everyStatementOfAnOpenStoreCanBePrepared() throws {
    let database = try TemporaryDatabase()
    let writer = try StoreWriter(path: database.path)
    // Made when they are first used.
    try writer.commit { _ = ($0.orders, $0.pollStatements, $0.pruning) }
    let statements = try prepareAll(in: writer) + prepareAll(in: StoreReader(path: database.path))
    #expect(statements > 40)
  }

  @Test func aStatementWithAMistakeIsFoundOut() throws {
    struct Owner { let statement: Statement }
    let database = try TemporaryDatabase()
    let connection = try Connection(path: database.path, access: .create, busyTimeout: 0)
    let mistaken = Owner(statement: Statement("SELECT nothing FROM nowhere", on: connection))
    #expect(throws: StoreError.self) { try prepareAll(in: mistaken) }
  }

  /// - Returns: how many there are.
  private func prepareAll(in owner: Any) throws -> Int {
    if let statement = owner as? Statement {
      try statement.prepare()
      return 1
    }
    return try Mirror(reflecting: owner).children.reduce(0) { try $0 + prepareAll(in: $1.value) }
  }
}
