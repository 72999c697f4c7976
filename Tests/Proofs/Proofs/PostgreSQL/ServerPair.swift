internal import LiveDaemon
internal import PostgreSQL
internal import PostgreSQLServer

/// A primary and its standby, which take each other's place.
///
/// The ports stay, so that receivers know both from the start.
final class ServerPair {
  static let database = "hooks"
  private static let standbyName = "standby"
  /// How long a relay holds what it replicates.
  private static let replicationDelay = Duration.milliseconds(2)

  let isSynchronous: Bool
  private(set) var primary: PostgreSQLServer
  private(set) var standby: PostgreSQLServer?
  /// What the standby receives through, and loses with the primary's machine. Nil: straight from it.
  private(set) var relay: TCPRelay?
  let ports: [Int]

  init(isSynchronous: Bool = true) throws {
    self.isSynchronous = isSynchronous
    ports = try FreePorts.choose(2)
    primary = try PostgreSQLServer(port: ports[0])
    try primary.run("CREATE DATABASE \(Self.database)")
    try attachStandby(isRelayed: false)
  }

  /// The URL of the database on the server that takes writes, with each port replaced by `port`.
  func url(through port: (Int) -> Int = { $0 }) -> String {
    let hosts = ports.map { "127.0.0.1:\(port($0))" }.joined(separator: ",")
    return "postgresql://\(PostgreSQLServer.user)@\(hosts)/\(Self.database)?target_session_attrs=read-write"
  }

  /// Replaces the standby, unless it receives in this way; then commits wait for it.
  func attachStandby(isRelayed: Bool) throws {
    if standby != nil, (relay != nil) == isRelayed { return }
    standby?.kill()
    (standby, relay) = (nil, nil)
    let relay = isRelayed ? try TCPRelay(before: primary.port, delay: Self.replicationDelay) : nil
    standby = try PostgreSQLServer(
      standbyOf: primary, named: Self.standbyName, through: relay?.port,
      port: ports.first { $0 != primary.port })
    self.relay = relay
    try primary.requireStandby(isSynchronous ? Self.standbyName : nil)
  }

  /// Kills the primary, with the bytes under way where a relay has them, and promotes the standby.
  func failOver() throws {
    guard let standby else { throw Unusable("there is no standby") }
    relay?.setFrozen(true)
    primary.kill()
    relay?.close()
    try standby.promote()
    (primary, self.standby, relay) = (standby, nil, nil)
  }

  /// How many commits wait for the standby.
  var waitingCommits: Int {
    get throws {
      try primary.run("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'").count
    }
  }

  /// Calls `function`, which ends a wait or a backend, for every commit that waits for the standby.
  func interruptWaitingCommits(by function: String) throws -> Int {
    try primary.run("SELECT \(function)(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'").count
  }
}
