import Jobs
import Ledger
import StoreSeam
import PostgreSQL
import PostgreSQLServer
import StoreFixture
import System
import Testing
import Time

/// A commit that waits for a standby which is not there.
///
/// A wait that is canceled reports success with a warning, and the standby does not have the commit:
/// https://www.postgresql.org/docs/current/warm-standby.html#SYNCHRONOUS-REPLICATION-HA
@Suite(.serialized, .enabled(if: PostgreSQLServer.isAvailable)) struct StandbyTests {
  private let server: PostgreSQLServer
  private let database: SharedDatabase

  init() throws {
    // A server of its own, because its commits wait.
    server = try PostgreSQLServer()
    database = try SharedDatabase(on: server)
  }

  private func loseStandby() throws {
    try server.configure(["synchronous_standby_names": "lost"])
    try eventually("the setting") {
      try server.run("SHOW synchronous_standby_names").text(0, 0) == "lost"
    }
  }

  private func endWaits() throws {
    // This commit waits for no standby either.
    let connection = try server.connect()
    let deadline = MonotonicClock.now + .seconds(30)
    try connection.script("SET synchronous_commit = local", deadline: deadline)
    try connection.script("ALTER SYSTEM SET synchronous_standby_names = ''", deadline: deadline)
    _ = try connection.run(Query("SELECT pg_reload_conf()"), deadline: deadline)
  }

  /// The process of the backend whose commit waits.
  private func waiting() throws -> Int64 {
    var process: Int64?
    try eventually("a commit that waits for the standby") {
      let rows = try server.run(
        "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name = 'test store'")
      process = rows.isEmpty ? nil : rows.integer(0, 0)
      return process != nil
    }
    return try #require(process)
  }

  /// A commit on a thread of its own.
  private func commit(
    _ delivery: Delivery, on ledger: Ledger
  ) throws -> OneShot<Result<[DeliveryOutcome], any Error>> {
    let (result, held) = (OneShot<Result<[DeliveryOutcome], any Error>>(), Held(ledger))
    _ = try Thread(named: "committer") {
      result.set(Result { try held.value.commit([delivery]).map(\.outcome) })
    }
    return result
  }

  private func isSettled(_ result: OneShot<Result<[DeliveryOutcome], any Error>>) -> Bool {
    result.wait(timeout: .milliseconds(300)) != nil
  }

  private let delivery = Sample.delivery("w", of: "p", "processing", .running)

  @Test func `a wait that is canceled acknowledges nothing, and neither does a repeat`() async throws {
    let ledger = try database.node().ledger()
    let other = try database.node("other").ledger()
    _ = try ledger.commit([Sample.delivery("first", of: "p", "starting", .pending)])
    try loseStandby()
    let first = try commit(delivery, on: ledger)
    #expect(!isSettled(first))
    try server.run("SELECT pg_cancel_backend(\(try waiting()))")
    // Whether it fails or goes on to wait is up to the store, but it must not be acknowledged.
    if case .success(let outcomes)? = first.wait(timeout: .seconds(2)) {
      Issue.record("acknowledged \(outcomes) although no standby has it")
    }
    let second = try commit(delivery, on: other)
    _ = try waiting()
    if case .success(let outcomes)? = second.wait(timeout: .seconds(1)) {
      Issue.record("acknowledged the repeat, \(outcomes), although no standby has the delivery")
    }
    try endWaits()
    #expect(try second.wait().get() == [.duplicate])
    #expect(try ledgerSettles(first, ledger))
    let history = try #require(try await database.reader.history(ofJob: "p", after: 0, limit: 9))
    #expect(history.entries.count { $0.outcome == .applied } == 2)
  }

  /// The store commits again once its first commit has ended.
  private func ledgerSettles(
    _ first: OneShot<Result<[DeliveryOutcome], any Error>>, _ ledger: Ledger
  ) throws -> Bool {
    _ = first.wait(timeout: .seconds(30))
    return try ledger.commit([delivery]).map(\.outcome) == [.duplicate]
  }

  @Test func `a wait whose server process is terminated is acknowledged once a standby has it`() async throws
  {
    let ledger = try database.node().ledger()
    _ = try ledger.commit([Sample.delivery("first", of: "p", "starting", .pending)])
    try loseStandby()
    let result = try commit(delivery, on: ledger)
    #expect(!isSettled(result))
    let process = try waiting()
    try server.run("SELECT pg_terminate_backend(\(process))")
    try eventually("the end of the process") {
      try server.run("SELECT 1 FROM pg_stat_activity WHERE pid = \(process)").isEmpty
    }
    if case .success(let outcomes)? = result.wait(timeout: .seconds(2)) {
      Issue.record("acknowledged \(outcomes) although no standby has it")
    }
    try endWaits()
    #expect(try result.wait().get() == [.applied])
    let history = try #require(try await database.reader.history(ofJob: "p", after: 0, limit: 9))
    #expect(history.entries.map(\.outcome) == [.applied, .applied])
  }

  /// A client that goes leaves its commit waiting, with the locks of its rows.
  @Test func `a commit that waits too long fails, and is not done twice`() async throws {
    var node = database.node()
    node.hold = .milliseconds(300)
    let ledger = try node.ledger()
    _ = try ledger.commit([Sample.delivery("first", of: "p", "starting", .pending)])
    try loseStandby()
    #expect(throws: StorageError.self) { try ledger.commit([delivery]) }
    // A repeat fails in the same way, and does not pile up connections.
    #expect(throws: StorageError.self) { try ledger.commit([delivery]) }
    let waits = try server.run(
      "SELECT 1 FROM pg_stat_activity WHERE application_name = 'test store' AND datname IS NOT NULL"
    )
    #expect(waits.count == 1)
    try endWaits()
    var outcomes: [DeliveryOutcome]?
    try eventually("the store to commit again") {
      outcomes = try? ledger.commit([delivery]).map(\.outcome)
      return outcomes != nil
    }
    #expect(outcomes == [.duplicate])
    let history = try #require(try await database.reader.history(ofJob: "p", after: 0, limit: 9))
    #expect(history.entries.count { $0.outcome == .applied } == 2)
  }

  /// A value that one thread at a time uses.
  private struct Held<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
  }
}
