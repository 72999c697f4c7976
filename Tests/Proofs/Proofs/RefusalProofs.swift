internal import Foundation
internal import LiveDaemon

/// A second daemon on the same file.
///
/// It is rejected, and the first is not affected.
enum SecondDaemonProof {
  static func run(_ scenario: Scenario) throws -> Row {
    let run = try Run(scenario, "second daemon on the same file")
    try run.start()
    try run.beginLoad()
    for _ in 0..<(scenario.isLong ? 50 : 5) {
      try run.waitForAcknowledgements(Run.some / 5)
      let result = try run.tryToServe(run.database)
      if result.status != 78 || !result.error.contains("another daemon serves this database") {
        run.recordProblem("the second ended with \(result.status): \(result.error)")
      }
      run.row.rounds += 1
    }
    try run.waitForAcknowledgements(Run.some)
    try run.endLoad()
    if run.ledger.count(of: 503) > 0 { run.recordProblem("\(run.ledger.count(of: 503)) answered 503") }
    try run.examine()
    return run.finished()
  }
}

/// A damaged database.
///
/// It is rejected at the start, and its intact copy serves again.
enum DamageProof {
  /// The overwritten bytes: magic header, first page, first 64 KiB.
  private static let regions = [
    (offset: 0, count: 16), (offset: 100, count: 3996), (offset: 0, count: 65536),
  ]

  static func run(_ scenario: Scenario) throws -> Row {
    let run = try Run(scenario, "damaged file")
    let files = FileManager.default
    let aside = run.folder.url.appendingPathComponent("aside").path
    try run.start()
    for region in regions {
      try run.beginLoad()
      try run.waitForAcknowledgements(Run.some)
      try run.endLoad()
      let status = try run.requireDaemon().stop()
      if status != 0 { run.recordProblem("a stop ended with \(status)") }
      for suffix in ["-wal", "-shm"] { try? files.removeItem(atPath: run.database + suffix) }
      try files.copyItem(atPath: run.database, toPath: aside)
      try overwrite(run.database, at: region.offset, count: region.count)
      let result = try run.tryToServe(run.database)
      if result.status != 78 || !result.error.contains("DATABASE_URL: ") {
        run.recordProblem("with damage at \(region.offset) it ended with \(result.status): \(result.error)")
      }
      for suffix in ["", "-wal", "-shm"] { try? files.removeItem(atPath: run.database + suffix) }
      try files.moveItem(atPath: aside, toPath: run.database)
      run.noteEndOfFault()
      try run.start()
      try run.beginLoad()
      try run.noteRecovery()
      try run.endLoad()
      try run.examine()
      run.row.rounds += 1
    }
    return run.finished()
  }

  private static func overwrite(_ path: String, at offset: Int, count: Int) throws {
    let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    try file.seek(toOffset: UInt64(offset))
    try file.write(contentsOf: Data(repeating: 0x5A, count: count))
    try file.close()
  }
}

extension Run {
  /// Runs `serve` on `database`, ended after a while if it starts.
  fileprivate func tryToServe(_ database: String) throws -> Program.Result {
    try Program.run(
      ["5", scenario.executable, "serve"],
      environment: [
        "REPLICATE_WEBHOOK_SECRET": Daemon.secret, "WEBHOOK_LISTEN": "127.0.0.1:0",
        "API_LISTEN": "127.0.0.2:0", "DATABASE_URL": "sqlite:\(database)",
      ], executable: "/usr/bin/timeout")
  }
}
