import PostgreSQL
import PostgreSQLServer
import Testing

@testable import Proofs

/// A failover can lose what the standby has not received, so that the proofs on PostgreSQL can fail.
@Suite(.enabled(if: PostgreSQLServer.isAvailable, "PostgreSQL is not installed")) struct ServerPairTests {
  /// Returns how many of two rows a failover keeps, the second written while nothing is replicated.
  private static func rowsAfterFailover(of servers: ServerPair) throws -> Int {
    let database = ServerPair.database
    try servers.primary.run("CREATE TABLE rows (number bigint)", in: database)
    try servers.primary.run("INSERT INTO rows VALUES (1)", in: database)
    try servers.attachStandby(isRelayed: true)
    servers.relay?.setFrozen(true)
    try servers.primary.run(
      "WITH mode AS (SELECT set_config('synchronous_commit', 'local', false)) "
        + "INSERT INTO rows SELECT 2 FROM mode", in: database)
    try servers.failOver()
    let rows = try servers.primary.run("SELECT count(*) FROM rows", in: database)
    try servers.primary.run("INSERT INTO rows VALUES (3)", in: database)
    try servers.attachStandby(isRelayed: false)
    return Int(rows.integer(0, 0))
  }

  @Test(arguments: [true, false])
  func `a commit that waits for no standby is lost with its machine`(_ isSynchronous: Bool) throws {
    #expect(try Self.rowsAfterFailover(of: ServerPair(isSynchronous: isSynchronous)) == 1)
  }
}
