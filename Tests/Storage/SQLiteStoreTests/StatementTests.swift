import Jobs
import StoreSeam
@testable import SQLite
import Scratch
import StoreFixture
import Testing

@testable import SQLiteStore

@Suite struct StatementTests {
  /// Every statement is valid.
  ///
  /// Otherwise its first use would be the first to show a mistake.
  @Test func everyStatementOfAnOpenStoreCanBePrepared() throws {
    let backend = try SQLiteBackend()
    let store = try backend.open(tables: [])
    let statements = try statements(of: store) + statements(of: backend.openReader())
    for statement in statements { try statement.prepare() }
    #expect(statements.count > 55)
  }

  @Test func aStatementWithAMistakeIsDetected() throws {
    struct Owner { let statement: Statement }
    let database = try TemporaryDatabase()
    let connection = try Connection(path: database.path, access: .create, busyTimeout: 0)
    let mistaken = Owner(statement: Statement("SELECT nothing FROM nowhere", on: connection))
    #expect(throws: DatabaseError.self) { try statements(of: mistaken)[0].prepare() }
  }

  /// No statement reads a whole table, or sorts, but those whose rows are bounded by something else.
  @Test func noStatementScansOrSorts() throws {
    let backend = try SQLiteBackend()
    let store = try backend.open(tables: [])
    let program = try OtherProgram(backend.path)
    let allowed = [
      // The past attempts of one job.
      "SELECT prediction_id, ended_at, error_code, error_message FROM attempts",
      // One job's rows, by their outcome.
      "SELECT outcome, count(*) FROM deliveries WHERE job = ?1 GROUP BY outcome",
    ]
    for statement in try statements(of: store) + statements(of: backend.openReader()) {
      let sql = try #require(text(of: statement))
      if allowed.contains(where: sql.hasPrefix) { continue }
      let plan = try program.plan(of: sql)
      let scans = plan.contains("SCAN") && !plan.contains("SCAN CONSTANT ROW") && !plan.contains("SCAN (")
      #expect(!scans && !plan.contains("TEMP B-TREE"), "\(sql): \(plan)")
    }
  }

  private func statements(of owner: Any) throws -> [Statement] {
    if let statement = owner as? Statement { return [statement] }
    return try Mirror(reflecting: owner).children.flatMap { try statements(of: $0.value) }
  }

  private func text(of statement: Statement) -> String? {
    Mirror(reflecting: statement).children.first { $0.label == "sql" }?.value as? String
  }
}
