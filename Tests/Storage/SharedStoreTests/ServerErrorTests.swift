import Ledger
import Jobs
import StoreSeam
import PostgreSQLServer
import StoreFixture
import Testing

/// Errors that the server reports for a statement.
@Suite(.enabled(if: PostgreSQLServer.isAvailable)) struct ServerErrorTests {
  /// A batch is halved only after an error of one row.
  @Test(
    arguments: [
      ("23514", false), ("22021", false), ("22003", false), ("54000", false), ("P0001", false),
      ("XX000", false), ("53100", true), ("53200", true), ("42P01", true), ("42501", true),
    ])
  func `an error concerns one row or the whole store`(_ sqlState: String, _ isOfStore: Bool) async throws {
    let database = try SharedDatabase()
    let ledger = try database.node().ledger()
    let (good, bad) = (
      Sample.delivery("w", of: "p", "starting", .pending), Sample.delivery("x", of: "q", "starting", .pending)
    )
    try database.backend.rejectHistories(webhookID: "x", sqlState: sqlState)
    let error = #expect(throws: StorageError.self) { _ = try ledger.commit([good, bad]) }
    #expect(error?.concernsWholeStore == isOfStore)
    if case .conflict = error { Issue.record("the error is no conflict: \(error as Any)") }
    #expect(try await database.reader.job("p") == nil)
    // The connection goes on.
    #expect(try ledger.commit([good]).map(\.outcome) == [.applied])
    try database.backend.acceptHistories()
    #expect(try ledger.commit([bad]).map(\.outcome) == [.applied])
    #expect(try database.strayRows().isEmpty)
  }

  /// The whole batch is committed again, at most twenty times.
  @Test(arguments: ["40001", "40P01", "23505"])
  func `a conflict that does not end fails the batch`(_ sqlState: String) throws {
    let database = try SharedDatabase()
    let observations = Observations()
    let ledger = try database.node().ledger(observations)
    try database.backend.rejectHistories(webhookID: nil, sqlState: sqlState)
    #expect(throws: StorageError.self) {
      _ = try ledger.commit([Sample.delivery("w", of: "p", "starting", .pending)])
    }
    let tries = ["serialization", "deadlock", "unique_violation"].map { observations[$0] }.reduce(0, +)
    #expect((10...20).contains(tries))
    try database.backend.acceptHistories()
    #expect(
      try ledger.commit([Sample.delivery("w", of: "p", "starting", .pending)]).map(\.outcome) == [.applied])
  }
}
