internal import Foundation
internal import LiveDaemon
internal import Simulation

/// SIGKILL at random moments under load, sometimes during the next start.
enum KillProof {
  static func run(_ scenario: Scenario) throws -> Row {
    let run = try Run(scenario, "kill -9 under load")
    var generator = SeededGenerator(seed: scenario.seed ^ 0x6B69_6C6C)
    var earlyKills = 0
    try run.start()
    for round in 0..<scenario.kills {
      let firstJob = max(0, run.ledger.jobCount - 300)
      try run.beginLoad()
      try run.waitForAcknowledgements(Int.random(in: 1...40, using: &generator))
      run.wait(seconds: Double.random(in: 0...0.6, using: &generator))
      if run.hasDied { run.recordProblem("it had died before it was killed") }
      try run.requireDaemon().killAtOnce()
      try run.endLoad()
      run.noteEndOfFault()
      if generator.happens(onceIn: 4) {
        try killWhileStarting(run, afterMilliseconds: Int32.random(in: 1...30, using: &generator))
        earlyKills += 1
      }
      try run.start()
      // The start counts as recovery. Nothing is read before the check reads everything.
      try run.beginLoad(readers: 0)
      try run.noteRecovery()
      try run.endLoad()
      try run.examine(from: firstJob)
      run.row.rounds += 1
      run.reportProgress("\(round + 1) of \(scenario.kills), \(run.ledger.acknowledged) acknowledged")
      guard run.row.problems.count < 20 else { break }
    }
    run.reportProgress("checking all \(run.ledger.jobCount) jobs")
    try run.examine()
    return run.finished("\(earlyKills) times also while the next one started")
  }

  private static func killWhileStarting(_ run: Run, afterMilliseconds delay: Int32) throws {
    let process = ChildProcess()
    process.executableURL = URL(fileURLWithPath: run.scenario.executable)
    process.arguments = ["serve"]
    process.currentDirectoryURL = run.folder.url
    process.environment = [
      "REPLICATE_WEBHOOK_SECRET": Daemon.secret, "WEBHOOK_LISTEN": "127.0.0.1:0", "API_LISTEN": "127.0.0.2:0",
    ]
    process.standardError = FileHandle.nullDevice
    process.standardInput = FileHandle.nullDevice
    try process.run()
    poll(nil, 0, delay)
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }
}
