internal import Foundation
internal import LiveDaemon
internal import PostgreSQLServer
internal import Simulation

/// Three receivers on one PostgreSQL with a synchronous standby, and one fault at a time.
enum PostgreSQLProof {
  static func run(_ scenario: Scenario) throws -> [Row] {
    guard PostgreSQLServer.isAvailable else {
      scenario.progress("postgresql: left out, because it is not installed")
      return []
    }
    return rows("postgresql") { try endureFaults(scenario) }
      + rows(control) { [try loseWithoutSynchronousStandby(scenario)] }
      + rows(fullDisk) { try fillDisk(scenario).map { [$0] } ?? [] }
  }

  private static let control = "postgresql: control, asynchronous standby"
  private static let fullDisk = "postgresql: the server's disk is full"

  /// The rows of a part, or one with the error that has ended it.
  private static func rows(_ name: String, _ part: () throws -> [Row]) -> [Row] {
    do {
      return try part()
    } catch {
      var row = Row(name)
      row.problems.append("\(error)")
      return [row]
    }
  }

  /// One round of every fault, and with `--long` 200 rounds.
  private static func endureFaults(_ scenario: Scenario) throws -> [Row] {
    let fleet = try Fleet(scenario)
    var random = SeededGenerator(seed: scenario.seed ^ 0x7067)
    var rows = Dictionary(uniqueKeysWithValues: FleetFault.available.map { ($0, Row($0.rawValue)) })
    let rounds = scenario.isLong ? scenario.kills : FleetFault.available.count
    for round in 0..<rounds {
      let fault = FleetFault.available[round % FleetFault.available.count]
      var row = rows[fault] ?? Row(fault.rawValue)
      do {
        try endure(fault, fleet, &row, &random)
      } catch {
        row.problems.append("\(error)")
      }
      if let log = fleet.logOfDeadReceiver { row.problems.append("a receiver ended: \(log.suffix(500))") }
      rows[fault] = row
      scenario.progress(
        "\(fault.rawValue): \(round + 1) of \(rounds), \(fleet.ledger.acknowledged) acknowledged")
      guard row.problems.isEmpty else { break }
    }
    var sum = Row("postgresql: all of these")
    sum.rounds = rows.values.reduce(0) { $0 + $1.rounds }
    sum.acknowledged = fleet.ledger.acknowledged
    try fleet.examine(into: &sum)
    try fleet.examineOrders(into: &sum)
    sum.problems += fleet.ledger.problems
    sum.note = "\(fleet.acceptedOrders) orders, each made once; \(fleet.ledger.count(of: 503)) answered 503"
    return FleetFault.available.compactMap { rows[$0] }.filter { $0.rounds > 0 || !$0.problems.isEmpty } + [
      sum
    ]
  }

  private static func endure(
    _ fault: FleetFault, _ fleet: Fleet, _ row: inout Row, _ random: inout SeededGenerator
  ) throws {
    let (firstJob, before) = (max(0, fleet.ledger.jobCount - 300), fleet.ledger.acknowledged)
    try fleet.servers.attachStandby(isRelayed: [.primaryAndBytes, .cancel, .terminate].contains(fault))
    // A commit whose wait was ended is shown by the primary, is not acknowledged, and is lost with it.
    fleet.beginLoad(readers: [.cancel, .terminate].contains(fault) ? 0 : Load.readers)
    try fleet.waitForAcknowledgements()
    try fault.inject(into: fleet, &random)
    row.recoveries.append(try fleet.recovery())
    try fleet.waitForAcknowledgements()
    try fleet.endLoad()
    try fleet.examine(from: firstJob, into: &row)
    row.acknowledged += fleet.ledger.acknowledged - before
    row.rounds += 1
  }

  // MARK: - The check can fail

  private static let maxAttempts = 5

  /// An asynchronous standby loses what was under way, which the check must find.
  private static func loseWithoutSynchronousStandby(_ scenario: Scenario) throws -> Row {
    var result = Row(control)
    while result.rounds < maxAttempts {
      let fleet = try Fleet(scenario, isSynchronous: false)
      var random = SeededGenerator(seed: scenario.seed ^ UInt64(result.rounds))
      var row = Row(result.fault)
      try endure(.primaryAndBytes, fleet, &row, &random)
      result.rounds += 1
      result.acknowledged += row.acknowledged
      guard row.lost == 0 else {
        result.note = "as it must: \(row.lost) acknowledged deliveries lost"
        return result
      }
    }
    result.problems.append("nothing was lost in \(maxAttempts) rounds: the check cannot fail")
    return result
  }

  // MARK: - Full disk

  /// What remains for the schema and for the load until the disk is full.
  private static let freeMegabytes = 5

  /// The database is in a tablespace whose disk is full for a while.
  ///
  /// - Returns: nil if this process may not mount a file system.
  private static func fillDisk(_ scenario: Scenario) throws -> Row? {
    let run = try Run(scenario, fullDisk)
    let server = try PostgreSQLServer()
    let small = server.socketFolder + "/small"
    try FileManager.default.createDirectory(atPath: small, withIntermediateDirectories: false)
    let mounted = try Program.run(
      ["-t", "tmpfs", "-o", "size=96m", "none", small], executable: "/usr/bin/mount")
    guard mounted.status == 0 else {
      run.reportProgress("left out: mount(8) may not mount a file system")
      return nil
    }
    defer {
      server.kill()
      _ = try? Program.run(["-l", small], executable: "/usr/bin/umount")
    }
    try ServerAccount.own(small)
    try server.run("CREATE TABLESPACE small LOCATION '\(small)'")
    try server.run("CREATE DATABASE hooks TABLESPACE small")
    let ballast = small + "/ballast"
    let free = try FileManager.default.attributesOfFileSystem(forPath: small)[.systemFreeSize] as? Int ?? 0
    let count = max(1, free / 1_000_000 - freeMegabytes)
    _ = try Program.run(
      ["if=/dev/zero", "of=\(ballast)", "bs=1MB", "count=\(count)", "status=none"], executable: "/usr/bin/dd")
    run.environment["DATABASE_URL"] = server.url(database: "hooks")
    return try FullDiskProof.fill(run, logging: "No space left on device") { _ in
      try FileManager.default.removeItem(atPath: ballast)
    }
  }
}
