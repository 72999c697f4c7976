internal import Foundation
internal import LiveDaemon

/// A log that goes into a pipe without a reader.
///
/// Deliveries are acknowledged all the same, and SIGTERM ends the daemon.
enum UnreadLogProof {
  static func run(_ scenario: Scenario) throws -> Row {
    let run = try Run(scenario, "log that nobody reads")
    run.environment["LOG_LEVEL"] = "info"
    run.readsLog = false
    for _ in 0..<(scenario.isLong ? 10 : 2) {
      let daemon = try run.start()
      try run.beginLoad()
      // One line each, more than a pipe holds.
      try run.waitForAcknowledgements(Run.some * 3)
      try run.endLoad()
      kill(daemon.process.processIdentifier, SIGTERM)
      try run.wait("the end of the daemon") { run.hasDied }
      let status = daemon.process.terminationStatus
      if status != 0 { run.recordProblem("a stop ended with \(status)") }
      run.noteEndOfFault()
      run.readsLog = true
      try run.start()
      run.readsLog = false
      try run.beginLoad()
      try run.noteRecovery()
      try run.endLoad()
      try run.examine()
      if try run.requireDaemon().stop() != 0 { run.recordProblem("it did not stop in order") }
      run.row.rounds += 1
    }
    return run.finished()
  }
}
