import LiveDaemon
import PostgreSQL
import PostgreSQLServer
import Testing
import Time

/// PgBouncer in transaction mode.
///
/// It gives each transaction another session of the server.
@Suite(.needsPgBouncer) struct PoolerTests {
  private let database: TestDatabase
  private let proxy: PgBouncerProxy

  init() throws {
    database = try PostgreSQLServer.shared().makeDatabase()
    proxy = try PgBouncerProxy(before: database.server.port, poolSize: 3)
    try database.run("CREATE TABLE numbers (number bigint)")
  }

  private func transaction(_ number: Int64) -> Pipeline {
    var pipeline = Pipeline()
    pipeline.add(Query("BEGIN"))
    pipeline.add(Query("INSERT INTO numbers VALUES ($1)"), [.integer(number)])
    pipeline.add(Query("SELECT $1::bigint + 1"), [.integer(number)])
    pipeline.add(Query("COMMIT"))
    return pipeline
  }

  @Test func `statements that the next session does not know are repeated unnamed`() throws {
    // Each holds a session of the pool, so the others move on.
    let connections = try (0..<3).map { _ in try connect(to: proxy.url(database: database.name)) }
    var number: Int64 = 0
    for round in 0..<12 {
      let holder = connections[round % 3]
      _ = try holder.run(Query("BEGIN"), deadline: generous)
      for other in connections where other !== holder {
        let results = try other.run(transaction(number), deadline: generous)
        #expect(results.map(\.commandTag) == ["BEGIN", "INSERT 0 1", "SELECT 1", "COMMIT"])
        #expect(results[2].integer(0, 0) == number + 1)
        number += 1
      }
      _ = try holder.run(Query("ROLLBACK"), deadline: generous)
    }
    let rows = try database.run("SELECT count(*), count(DISTINCT number) FROM numbers")
    #expect(rows.integer(0, 0) == number && rows.integer(0, 1) == number)
  }

  @Test func `inside a transaction the server's error reaches the caller`() throws {
    let connection = try connect(to: proxy.url(database: database.name))
    _ = try connection.run(transaction(1), deadline: generous)
    _ = try connection.run(Query("BEGIN"), deadline: generous)
    _ = try connection.run(Query("DEALLOCATE ALL"), deadline: generous)
    let insert = Query("INSERT INTO numbers VALUES ($1)")
    let error = #expect(throws: PostgreSQLError.self) {
      _ = try connection.run(insert, [.integer(2)], deadline: generous)
    }
    #expect(error?.sqlState == .invalidStatementName && connection.isInTransaction)
    _ = try connection.run(Query("ROLLBACK"), deadline: generous)
    #expect(try connection.run(transaction(2), deadline: generous).count == 4)
    #expect(try database.run("SELECT count(*) FROM numbers").integer(0, 0) == 2)
  }

  @Test func `a restarted pooler breaks connections, and takes new ones`() throws {
    let connection = try connect(to: proxy.url(database: database.name))
    _ = try connection.run(transaction(1), deadline: generous)
    try proxy.restart()
    let error = #expect(throws: PostgreSQLError.self) {
      _ = try connection.run(transaction(2), deadline: generous)
    }
    #expect(error?.isConnection == true)
    let next = try connect(to: proxy.url(database: database.name))
    #expect(try next.run(transaction(2), deadline: generous).count == 4)
  }

  @Test func `a server that is down and comes back`() throws {
    let server = try PostgreSQLServer()
    let proxy = try PgBouncerProxy(before: server.port)
    let connection = try connect(to: proxy.url())
    #expect(try connection.run(Query("SELECT 1"), deadline: generous).integer(0, 0) == 1)
    server.kill()
    // PgBouncer holds the client until the server is back, or reports the loss.
    #expect(throws: PostgreSQLError.self) {
      _ = try connection.run(Query("SELECT 1"), deadline: MonotonicClock.now + .milliseconds(200))
    }
    try server.start()
    // The pool may still have sessions of the killed server.
    try wait("a connection through PgBouncer") {
      (try? connect(to: proxy.url()).run(Query("SELECT 1"), deadline: generous).integer(0, 0)) == 1
    }
  }
}
