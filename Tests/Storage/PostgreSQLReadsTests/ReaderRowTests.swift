import Jobs
import StoreSeam
import PostgreSQL
import PostgreSQLReads
import PostgreSQLSchema
import PostgreSQLServer
import StoreFixture
import Tables
import Testing

/// What rows read as, and when a reader fails.
@Suite(.enabled(if: PostgreSQLServer.isAvailable)) struct ReaderRowTests {
  private func expect(
    _ expected: (StorageError) -> Bool, _ body: () async throws(StorageError) -> Void,
    _ location: SourceLocation = #_sourceLocation
  ) async {
    do throws(StorageError) {
      try await body()
      Issue.record("no error", sourceLocation: location)
    } catch {
      #expect(expected(error), "\(error)", sourceLocation: location)
    }
  }

  private func isCorrupt(_ error: StorageError) -> Bool { if case .corrupt = error { true } else { false } }
  private func isSchema(_ error: StorageError) -> Bool { if case .schema = error { true } else { false } }
  private func isUnavailable(_ error: StorageError) -> Bool {
    if case .unavailable = error { true } else { false }
  }

  @Test(arguments: ["phase = 'unknown'", "digest = NULL", "digest = 'short'"])
  func `a row that this program never writes is an error`(_ change: String) async throws {
    let database = try FilledDatabase()
    try database.insertJobs(1)
    try database.backend.execute("UPDATE jobs SET \(change)")
    let reader = database.reader
    await expect(isCorrupt) { () throws(StorageError) in _ = try await reader.job("p1") }
    await expect(isCorrupt) { () throws(StorageError) in
      _ = try await reader.jobs(matching: JobFilter(), before: nil, limit: 10)
    }
    await expect(isCorrupt) { () throws(StorageError) in _ = try await reader.changes(after: 0, limit: 10) }
  }

  @Test func `a change without its job is an error, unless jobs are filtered`() async throws {
    let database = try FilledDatabase()
    try database.insertJobs(1)
    try database.backend.execute("DELETE FROM jobs")
    let reader = database.reader
    await expect(isCorrupt) { () throws(StorageError) in _ = try await reader.changes(after: 0, limit: 10) }
    let slice = try await reader.changes(
      after: 0, limit: 10, matching: JobFilter(state: .failed), including: [])
    #expect(slice.entries.isEmpty && slice.last == 1)
  }

  /// PostgreSQL's text holds no U+0000, so no job has such an id.
  @Test func `an id that no job can have finds none`() async throws {
    let database = try FilledDatabase()
    try database.insertJobs(1)
    #expect(try await database.reader.job("p\u{0}1") == nil)
    #expect(try await database.reader.history(ofJob: "p\u{0}1", after: 0, limit: 9) == nil)
    let page = try await database.reader.jobs(
      matching: JobFilter(ids: ["p\u{0}", "p1"]), before: nil, limit: 9)
    #expect(page.rows.map(\.number) == [1])
  }

  @Test func `a database without the schema is an error`() async throws {
    let database = try PostgreSQLServer.shared().makeDatabase()
    let pool = try ReaderPool(to: ConnectionTarget(url: database.url), named: "test")
    let reader = PostgreSQLReader(pool: pool, clock: DatabaseClock())
    await expect(isSchema) { () throws(StorageError) in try await reader.ping() }
    await expect(isSchema) { () throws(StorageError) in _ = try await reader.feedPosition() }
  }

  /// A load balancer must not send deliveries to a node that cannot write.
  @Test func `a server that takes no writes is not ready`() async throws {
    let backend = try PostgreSQLBackend()
    let target = try ConnectionTarget(url: backend.database.url + "?target_session_attrs=any")
    let pool = try ReaderPool(to: target, named: "test", timeout: .milliseconds(500))
    let reader = PostgreSQLReader(pool: pool, clock: DatabaseClock())
    try await reader.ping()
    try backend.database.server.run(
      "ALTER DATABASE \(backend.database.name) SET default_transaction_read_only = on")
    try backend.database.server.run(
      """
      SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
      WHERE datname = '\(backend.database.name)' AND application_name = 'test'
      """)
    await expect(isUnavailable) { () throws(StorageError) in try await reader.ping() }
  }
}
