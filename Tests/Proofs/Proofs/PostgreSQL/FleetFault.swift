internal import LiveDaemon
internal import PostgreSQLServer
internal import Simulation

/// A fault that a fleet endures under load. The raw value is its name in the table.
enum FleetFault: String, CaseIterable {
  case receiver = "postgresql: kill -9 of a receiver"
  case primary = "postgresql: kill -9 of the primary, promotion"
  case primaryAndBytes = "postgresql: the same, bytes under way lost"
  case cut = "postgresql: connection cut at commit"
  case cancel = "postgresql: waiting commits canceled, then promotion"
  case terminate = "postgresql: waiting commits terminated, then promotion"
  case standby = "postgresql: standby stopped"
  case pooler = "postgresql: PgBouncer restarted"

  /// Whether it ends with another primary.
  var isFailover: Bool { [.primary, .primaryAndBytes, .cancel, .terminate].contains(self) }

  static var available: [FleetFault] {
    allCases.filter { $0 != .pooler || PgBouncerProxy.isAvailable }
  }

  /// Injects it, and calls ``Fleet/noteEndOfFault()`` when it is over.
  func inject(into fleet: Fleet, _ random: inout SeededGenerator) throws {
    fleet.wait(seconds: Double.random(in: 0...0.3, using: &random))
    switch self {
    case .receiver:
      let number = Int.random(in: 0..<3, using: &random)
      fleet.killReceiver(number)
      fleet.noteEndOfFault()
      try fleet.waitForAcknowledgements()
      try fleet.start(number)
    case .primary, .primaryAndBytes:
      try fleet.servers.failOver()
      fleet.noteEndOfFault()
    case .cut: try Self.cut(fleet, &random)
    case .cancel, .terminate:
      try Self.interrupt(fleet, by: self == .cancel ? "pg_cancel_backend" : "pg_terminate_backend")
    case .standby:
      let isLong = fleet.scenario.isLong && random.happens(onceIn: 20)
      fleet.servers.standby?.freeze()
      fleet.wait(seconds: isLong ? 60 : 3)
      fleet.servers.standby?.thaw()
      fleet.noteEndOfFault()
    case .pooler: try Self.restartPooler(fleet)
    }
  }

  /// Cuts the first receiver's connections: where the answer to a COMMIT comes, and anywhere.
  private static func cut(_ fleet: Fleet, _ random: inout SeededGenerator) throws {
    guard let relay = fleet.relays[fleet.servers.primary.port] else { return }
    let cuts: [TCPRelay.Cut] = [
      .onText("COMMIT", from: .server),
      .afterBytes(Int.random(in: 1...100_000, using: &random), from: .client),
      .afterBytes(Int.random(in: 1...5000, using: &random), from: .server),
    ]
    for cut in cuts {
      let before = relay.cutCount
      relay.cutNext(cut)
      try fleet.wait("a cut") { relay.cutCount > before }
    }
    fleet.noteEndOfFault()
  }

  /// Ends the waits of commits that the standby has not received, then loses the primary.
  ///
  /// PostgreSQL reports such a commit as successful, with a warning:
  /// https://www.postgresql.org/docs/current/warm-standby.html#SYNCHRONOUS-REPLICATION-HA
  private static func interrupt(_ fleet: Fleet, by function: String) throws {
    fleet.servers.relay?.setFrozen(true)
    var count = 0
    try fleet.wait("three commits that wait") {
      count += try fleet.servers.interruptWaitingCommits(by: function)
      return count >= 3
    }
    fleet.wait(seconds: 0.3)
    try fleet.servers.failOver()
    fleet.noteEndOfFault()
  }

  private static func restartPooler(_ fleet: Fleet) throws {
    var poolers: [Int: PgBouncerProxy] = [:]
    for port in fleet.servers.ports { poolers[port] = try PgBouncerProxy(before: port, poolSize: 20) }
    try fleet.stopReceiver(2)
    try fleet.start(2) { poolers[$0]?.port ?? $0 }
    for _ in 0..<3 {
      try fleet.waitForAcknowledgements()
      try poolers[fleet.servers.primary.port]?.restart()
    }
    fleet.noteEndOfFault()
    try fleet.waitForAcknowledgements()
    try fleet.stopReceiver(2)
    try fleet.start(2)
  }
}
