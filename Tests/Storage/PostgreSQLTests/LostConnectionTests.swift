import Glibc
import PostgreSQL
import PostgreSQLServer
import Testing
import Time

/// A connection that breaks is reported as such, wherever it breaks.
@Suite(.needsPostgreSQL) struct LostConnectionTests {
  @Test func `a terminated session names its reason`() throws {
    let server = try PostgreSQLServer.shared()
    let connection = try server.connect()
    try server.run("SELECT pg_terminate_backend(\(connection.backendProcess), 10000)")
    let error = #expect(throws: PostgreSQLError.self) {
      _ = try connection.run(Query("SELECT 1"), deadline: generous)
    }
    #expect(error?.isConnection == true && connection.isBroken)
    let again = #expect(throws: PostgreSQLError.self) {
      _ = try connection.run(Query("SELECT 1"), deadline: generous)
    }
    #expect(again == .connection("the connection is closed"))
  }

  @Test func `a session that is terminated in a statement`() throws {
    let connection = try PostgreSQLServer.shared().connect()
    let query = Query("SELECT pg_terminate_backend(pg_backend_pid())")
    let error = #expect(throws: PostgreSQLError.self) { _ = try connection.run(query, deadline: generous) }
    #expect(error == .connection("terminating connection due to administrator command"))
    #expect(connection.isBroken && !connection.isInTransaction)
  }

  @Test func `a canceled statement leaves the connection usable`() throws {
    let connection = try PostgreSQLServer.shared().connect()
    let query = Query("SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(10)")
    let error = #expect(throws: PostgreSQLError.self) { _ = try connection.run(query, deadline: generous) }
    #expect(error?.sqlState == .queryCanceled)
    #expect(try connection.run(Query("SELECT 1"), deadline: generous).integer(0, 0) == 1)
  }

  @Test func `a killed server`() throws {
    let server = try PostgreSQLServer()
    let connection = try connect(to: server.url())
    let waiting = try connect(to: server.url())
    let error = #expect(throws: PostgreSQLError.self) {
      _ = try waiting.run(Query("SELECT pg_sleep(60)"), deadline: MonotonicClock.now + .milliseconds(50))
    }
    #expect(error?.isTimedOut == true)
    server.kill()
    for connection in [connection, waiting] {
      let error = #expect(throws: PostgreSQLError.self) {
        if connection === waiting {
          _ = try connection.resume(deadline: generous)
        } else {
          _ = try connection.run(Query("SELECT 1"), deadline: generous)
        }
      }
      #expect(error?.isConnection == true && connection.isBroken)
    }
    try server.start()
    #expect(try connect(to: server.url()).run(Query("SELECT 1"), deadline: generous).integer(0, 0) == 1)
  }

  /// Cuts in the parse, in the bind, in the answer.
  @Test(arguments: [TCPRelay.Side.client, .server])
  func `a connection cut anywhere in a pipeline`(_ side: TCPRelay.Side) throws {
    let relay = try TCPRelay(before: PostgreSQLServer.shared().port)
    var pipeline = Pipeline()
    pipeline.add(Query("BEGIN"))
    pipeline.add(Query("SELECT $1::bigint"), [.integer(1)])
    pipeline.add(Query("COMMIT"))
    var whole: Int?
    for count in stride(from: 1, to: 400, by: 7) where whole.map({ count <= $0 }) ?? true {
      let connection = try connect(to: relay.url())
      relay.cutNext(.afterBytes(count, from: side))
      do throws(PostgreSQLError) {
        let results = try connection.run(pipeline, deadline: generous)
        #expect(results.last?.commandTag == "COMMIT")
        whole = count
      } catch {
        #expect(error.isConnection && connection.isBroken, "\(count): \(error)")
      }
      relay.cutNext(nil)
    }
    #expect(whole != nil)
  }

  @Test func `writing to a closed connection raises no SIGPIPE`() async {
    await #expect(processExitsWith: .success) {
      signal(SIGPIPE, SIG_DFL)
      let server = try PostgreSQLServer.shared()
      for size in [10, 1_000_000] {
        let connection = try server.connect()
        try server.run("SELECT pg_terminate_backend(\(connection.backendProcess), 10000)")
        for _ in 0..<3 {
          let bytes = [UInt8](repeating: 1, count: size)
          let query = Query("SELECT $1::bytea")
          #expect(throws: PostgreSQLError.self) {
            _ = try connection.run(query, [.bytes(bytes)], deadline: generous)
          }
        }
      }
    }
  }
}
