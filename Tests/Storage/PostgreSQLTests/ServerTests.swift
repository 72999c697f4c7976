import PostgreSQL
import PostgreSQLServer
import Testing
import Time

/// What the tests' own servers, PgBouncer and relay do.
@Suite(.enabled(if: PostgreSQLServer.isAvailable, "needs PostgreSQL"))
struct ServerTests {
  @Test func `a promoted standby has what its primary had committed`() throws {
    let primary = try PostgreSQLServer()
    let database = try primary.makeDatabase()
    try database.run("CREATE TABLE numbers (number bigint)")
    let standby = try PostgreSQLServer(standbyOf: primary)
    try primary.requireStandby("s1")
    let url = "postgresql://postgres@127.0.0.1:\(primary.port),127.0.0.1:\(standby.port)/\(database.name)"
    try insert(1, through: url)
    primary.kill()
    #expect(!primary.isRunning)
    try standby.promote()
    try insert(2, through: url)
    #expect(try standby.run("SELECT count(*) FROM numbers", in: database.name).integer(0, 0) == 2)
    try standby.restart()
    #expect(try standby.run("SELECT count(*) FROM numbers", in: database.name).integer(0, 0) == 2)
  }

  @Test(.enabled(if: PgBouncerProxy.isAvailable, "needs PgBouncer"))
  func `a relay cuts a connection where a commit is done and not yet known`() throws {
    let server = try PostgreSQLServer.shared()
    let database = try server.makeDatabase()
    try database.run("CREATE TABLE numbers (number bigint)")
    let proxy = try PgBouncerProxy(before: server.port)
    let relay = try TCPRelay(before: proxy.port)
    relay.cutNext(.onText("INSERT", from: .server))
    #expect(throws: PostgreSQLError.self) { try insert(1, through: relay.url(database: database.name)) }
    #expect(relay.cutCount == 1)
    #expect(try database.run("SELECT count(*) FROM numbers").integer(0, 0) == 1)
    try insert(2, through: relay.url(database: database.name))
  }

  private func insert(_ number: Int64, through url: String) throws {
    let deadline = MonotonicClock.now + .seconds(20)
    let connection = try Connection(to: ConnectionTarget(url: url), named: "test", deadline: deadline)
    _ = try connection.run(Query("INSERT INTO numbers VALUES ($1)"), [.integer(number)], deadline: deadline)
  }
}
