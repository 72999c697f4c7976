import PostgreSQL
import PostgreSQLServer
import Testing
import Time

/// Every wait ends at its deadline.
@Suite(.needsPostgreSQL) struct DeadlineTests {
  @Test func `a wait for a lock times out and can be resumed`() throws {
    let database = try PostgreSQLServer.shared().makeDatabase()
    try database.run("CREATE TABLE numbers (number bigint)")
    try database.run("INSERT INTO numbers VALUES (1)")
    let holder = try connect(to: database.url)
    let waiter = try connect(to: database.url)
    _ = try holder.run(Query("BEGIN"), deadline: generous)
    _ = try holder.run(Query("UPDATE numbers SET number = 2"), deadline: generous)

    let update = Query("UPDATE numbers SET number = number + $1")
    let start = MonotonicClock.now
    let error = #expect(throws: PostgreSQLError.self) {
      _ = try waiter.run(update, [.integer(1)], deadline: start + .milliseconds(100))
    }
    #expect(error?.isTimedOut == true && !waiter.isBroken)
    #expect(MonotonicClock.now - start >= .milliseconds(100))
    let busy = #expect(throws: PostgreSQLError.self) {
      _ = try waiter.run(update, [.integer(1)], deadline: generous)
    }
    #expect(busy == .unexpected("the connection is still busy with an earlier request"))
    let again = #expect(throws: PostgreSQLError.self) {
      _ = try waiter.resume(deadline: MonotonicClock.now + .milliseconds(20))
    }
    #expect(again?.isTimedOut == true)

    _ = try holder.run(Query("COMMIT"), deadline: generous)
    #expect(try waiter.resume(deadline: generous).map(\.affected) == [1])
    #expect(try waiter.run(Query("SELECT number FROM numbers"), deadline: generous).integer(0, 0) == 3)
    #expect(throws: PostgreSQLError.unexpected("nothing to resume")) {
      _ = try waiter.resume(deadline: generous)
    }
  }

  @Test func `an error after a resumed wait is the server's`() throws {
    let connection = try PostgreSQLServer.shared().connect()
    var pipeline = Pipeline()
    pipeline.add(Query("SELECT pg_sleep(0.2)"))
    pipeline.add(Query("SELECT 1/0"))
    let error = #expect(throws: PostgreSQLError.self) {
      _ = try connection.run(pipeline, deadline: MonotonicClock.now + .milliseconds(20))
    }
    #expect(error?.isTimedOut == true)
    let resumed = #expect(throws: PostgreSQLError.self) { _ = try connection.resume(deadline: generous) }
    #expect(resumed?.sqlState == .divisionByZero)
    #expect(try connection.run(Query("SELECT 1"), deadline: generous).integer(0, 0) == 1)
  }

  @Test func `a script can be resumed`() throws {
    let connection = try PostgreSQLServer.shared().connect()
    let error = #expect(throws: PostgreSQLError.self) {
      try connection.script("SELECT pg_sleep(0.2)", deadline: MonotonicClock.now + .milliseconds(20))
    }
    #expect(error?.isTimedOut == true)
    #expect(try connection.resume(deadline: generous).isEmpty)
    #expect(try connection.run(Query("SELECT 1"), deadline: generous).integer(0, 0) == 1)
  }

  @Test func `a server that does not read stops a large pipeline at the deadline`() throws {
    let server = try PostgreSQLServer.shared()
    let relay = try TCPRelay(before: server.port)
    let connection = try connect(to: relay.url())
    relay.setFrozen(true)
    var pipeline = Pipeline()
    let bytes = [UInt8](repeating: 1, count: 4_000_000)
    for _ in 0..<8 { pipeline.add(Query("SELECT length($1::bytea)"), [.bytes(bytes)]) }
    let error = #expect(throws: PostgreSQLError.self) {
      _ = try connection.run(pipeline, deadline: MonotonicClock.now + .milliseconds(100))
    }
    #expect(error?.isTimedOut == true)
    relay.setFrozen(false)
    #expect(
      try connection.resume(deadline: generous).map { $0.integer(0, 0) }
        == Array(repeating: 4_000_000, count: 8))
  }

  @Test func `a server that accepts and is silent does not hold up a connect`() throws {
    let server = try FakeServer { _ in }
    let start = MonotonicClock.now
    let error = #expect(throws: PostgreSQLError.self) {
      _ = try Connection(
        to: ConnectionTarget(url: "postgresql://u@127.0.0.1:\(server.port)/d"), named: "test",
        deadline: start + .milliseconds(200))
    }
    #expect(error == .connection("127.0.0.1:\(server.port) did not answer in time"))
    #expect(MonotonicClock.now - start < .seconds(10))
  }

  @Test func `the next host is tried beside one that is silent`() throws {
    let silent = try FakeServer { _ in }
    let server = try PostgreSQLServer.shared()
    let url =
      "postgresql://postgres@127.0.0.1:\(silent.port),127.0.0.1:\(server.port)/postgres?connect_timeout=15"
    let start = MonotonicClock.now
    let connection = try connect(to: url)
    #expect(connection.server == "127.0.0.1:\(server.port)")
    #expect(MonotonicClock.now - start < .seconds(10))
  }

  @Test func `a silent host has its connect_timeout while several servers qualify`() throws {
    let silent = try FakeServer { _ in }
    let server = try PostgreSQLServer.shared()
    let hosts = "postgresql://postgres@127.0.0.1:\(silent.port),127.0.0.1:\(server.port)/postgres"
    let start = MonotonicClock.now
    let connection = try connect(to: hosts + "?connect_timeout=1&target_session_attrs=any")
    #expect(connection.server == "127.0.0.1:\(server.port)")
    #expect(MonotonicClock.now - start >= .seconds(1))
  }
}
