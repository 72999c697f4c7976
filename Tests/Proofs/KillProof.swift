internal import Foundation
internal import LiveDaemon
internal import Simulation

/// SIGKILL at random moments of a load, and now and then once more while the next daemon starts.
enum KillProof {
  static func run(_ course: Course) throws -> Row {
    let trial = try Trial(course, "kill -9 under load")
    var generator = SeededGenerator(seed: course.seed ^ 0x6B69_6C6C)
    var earlyKills = 0
    try trial.start()
    for round in 0..<course.kills {
      let firstJob = max(0, trial.ledger.jobCount - 300)
      try trial.beginLoad()
      try trial.waitForAcknowledgements(Int.random(in: 1...40, using: &generator))
      trial.wait(seconds: Double.random(in: 0...0.6, using: &generator))
      if trial.hasDied { trial.complain("it had died before it was killed") }
      try trial.requireDaemon().killAtOnce()
      try trial.endLoad()
      trial.noteEndOfFault()
      if generator.happens(onceIn: 4) {
        try killWhileStarting(trial, afterMilliseconds: Int32.random(in: 1...30, using: &generator))
        earlyKills += 1
      }
      try trial.start()
      // Its start is a part of it. Nobody reads before all is asked for.
      try trial.beginLoad(readers: 0)
      try trial.noteRecovery()
      try trial.endLoad()
      try trial.examine(from: firstJob)
      trial.row.rounds += 1
      trial.say("\(round + 1) of \(course.kills), \(trial.ledger.acknowledged) acknowledged")
      guard trial.row.problems.count < 20 else { break }
    }
    trial.say("asking for all \(trial.ledger.jobCount) jobs")
    try trial.examine()
    return trial.finished("\(earlyKills) times also while the next one started")
  }

  private static func killWhileStarting(_ trial: Trial, afterMilliseconds delay: Int32) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: trial.course.executable)
    process.arguments = ["serve"]
    process.currentDirectoryURL = trial.folder.url
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
