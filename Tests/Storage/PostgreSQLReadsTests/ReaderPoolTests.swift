import EventLoop
import LiveDaemon
import PostgreSQL
import PostgreSQLServer
import Synchronization
import System
import Testing
import Time

/// How reads run on the threads of a pool.
@Suite(.enabled(if: PostgreSQLServer.isAvailable)) struct ReaderPoolTests {
  private static let one = Query("SELECT 1")

  private static func pool(
    to url: String, threads: Int = 1, capacity: Int = 100, timeout: Duration = .seconds(30)
  ) throws -> ReaderPool {
    try ReaderPool(
      to: ConnectionTarget(url: url), named: "test", threads: threads, capacity: capacity, timeout: timeout)
  }

  @Sendable private static func readOne(_ session: ReadSession) throws(PostgreSQLError) -> Int64 {
    try session.read { $0.add(one) }[0].integer(0, 0)
  }

  private static func failure(of body: () async throws -> Void) async -> (any Error)? {
    do {
      try await body()
      return nil
    } catch {
      return error
    }
  }

  @Test func `a read resumes on the loop of its caller`() async throws {
    let server = try PostgreSQLServer.shared()
    let pool = try Self.pool(to: server.url())
    let loop = EventLoop(kernel: try LinuxKernel())
    let results = Mutex<[Result<Int64, PostgreSQLError>]>([])
    let thread = try Thread(named: "loop") {
      loop.start {
        for _ in 0..<100 {
          do throws(PostgreSQLError) {
            let value = try await pool.read(Self.readOne)
            loop.checkIsolated()
            results.withLock { $0.append(.success(value)) }
          } catch {
            results.withLock { $0.append(.failure(error)) }
          }
        }
        loop.stop()
      }
      loop.run()
    }
    thread.join()
    #expect(results.withLock { $0 } == Array(repeating: .success(1), count: 100))
  }

  @Test func `several queries of a session see one snapshot`() async throws {
    let server = try PostgreSQLServer.shared()
    let database = try server.makeDatabase()
    try database.run("CREATE TABLE numbers (number bigint)")
    let pool = try Self.pool(to: database.url)
    let counts = try await pool.read { (session) throws(PostgreSQLError) in
      let count = Query("SELECT count(*) FROM numbers")
      let before = try session.read(isLast: false) { $0.add(count) }[0].integer(0, 0)
      do { try database.run("INSERT INTO numbers VALUES (1)") } catch { throw .unexpected("\(error)") }
      let after = try session.read { $0.add(count) }[0].integer(0, 0)
      let later = try session.read { $0.add(count) }[0].integer(0, 0)
      return [before, after, later]
    }
    #expect(counts == [0, 0, 1])
  }

  @Test func `a connection that the server closed is replaced`() async throws {
    let server = try PostgreSQLServer.shared()
    let database = try server.makeDatabase()
    let pool = try Self.pool(to: database.url)
    for _ in 0..<3 {
      #expect(try await pool.read(Self.readOne) == 1)
      try server.run(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '\(database.name)'")
    }
    #expect(try await pool.read(Self.readOne) == 1)
  }

  /// A failover looks like this, if it takes less than the timeout.
  @Test func `reads wait for a server that restarts`() async throws {
    let server = try PostgreSQLServer()
    let pool = try Self.pool(to: server.url())
    #expect(try await pool.read(Self.readOne) == 1)
    server.kill()
    async let value = pool.read(Self.readOne)
    try server.start()
    #expect(try await value == 1)
  }

  @Test func `a read fails at its deadline while the server is frozen`() async throws {
    let server = try PostgreSQLServer.shared()
    let relay = try TCPRelay(before: server.port)
    let pool = try Self.pool(to: relay.url(), timeout: .milliseconds(300))
    #expect(try await pool.read(Self.readOne) == 1)
    relay.setFrozen(true)
    // Without a deadline it would wait for ever. How soon a test goes on depends on the tests beside it.
    await #expect(throws: PostgreSQLError.self) { try await pool.read(Self.readOne) }
    relay.setFrozen(false)
    #expect(try await pool.read(Self.readOne) == 1)
  }

  /// A thread that does not return keeps neither its own caller nor those behind it.
  @Test func `reads fail at their deadlines while every thread is stuck`() async throws {
    let server = try PostgreSQLServer.shared()
    let pool = try Self.pool(to: server.url(), timeout: .milliseconds(200))
    let release = OneShot<Void>()
    let (starts, start) = AsyncStream.makeStream(of: Void.self)
    async let stuck = Self.failure(of: {
      _ = try await pool.read { (_) throws(PostgreSQLError) in
        start.yield(())
        release.wait()
      }
    })
    for await _ in starts { break }
    await #expect(throws: PostgreSQLError.self) { try await pool.read(Self.readOne) }
    #expect(await stuck != nil)
    release.set(())
    pool.stop()
  }

  @Test func `a server stops a read whose deadline has passed`() async throws {
    let server = try PostgreSQLServer.shared()
    let database = try server.makeDatabase()
    let pool = try Self.pool(to: database.url, timeout: .milliseconds(300))
    await #expect(throws: PostgreSQLError.self) {
      try await pool.read { (session) throws(PostgreSQLError) in
        _ = try session.read { $0.add(Query("SELECT pg_sleep(60)")) }
      }
    }
    try wait("the server to end the query") {
      try server.run("SELECT 1 FROM pg_stat_activity WHERE datname = '\(database.name)' AND state = 'active'")
        .isEmpty
    }
  }

  @Test func `a full queue rejects reads at once`() async throws {
    let server = try PostgreSQLServer.shared()
    let pool = try Self.pool(to: server.url(), capacity: 1)
    let release = OneShot<Void>()
    let (starts, start) = AsyncStream.makeStream(of: Void.self)
    async let first: Void = pool.read { (_) throws(PostgreSQLError) in
      start.yield(())
      release.wait()
    }
    for await _ in starts { break }
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<2 {
        group.addTask {
          do { return try await pool.read(Self.readOne) == 1 } catch { return false }
        }
      }
      // One waits in the queue. The other one ends although nothing is released.
      #expect(await group.next() == false)
      release.set(())
      #expect(await group.next() == true)
    }
    try await first
  }

  @Test func `a stopped pool fails the reads that wait, and later ones`() async throws {
    let server = try PostgreSQLServer.shared()
    let pool = try Self.pool(to: server.url())
    let release = OneShot<Void>()
    let (starts, start) = AsyncStream.makeStream(of: Void.self)
    async let first: Void = pool.read { (_) throws(PostgreSQLError) in
      start.yield(())
      release.wait()
    }
    for await _ in starts { break }
    let stopping = try Thread(named: "stop") { pool.stop() }
    await #expect(throws: PostgreSQLError.self) {
      // The first attempts may come before the pool stops, and wait.
      _ = try await pool.read(Self.readOne)
    }
    release.set(())
    try await first
    stopping.join()
    await #expect(throws: PostgreSQLError.self) { _ = try await pool.read(Self.readOne) }
  }

  @Test func `a server that cannot be reached is an error with its reason`() async throws {
    let pool = try Self.pool(to: "postgresql://127.0.0.1:1/none", timeout: .milliseconds(500))
    do {
      _ = try await pool.read(Self.readOne)
      Issue.record("a read without a server")
    } catch {
      #expect("\(error)".contains("refused"), "\(error)")
    }
  }
}
