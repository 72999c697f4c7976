internal import Foundation
internal import LiveDaemon

/// The log goes into a pipe that nobody reads: deliveries are acknowledged all the same, and SIGTERM ends the
/// daemon.
enum UnreadLogProof {
  static func run(_ course: Course) throws -> Row {
    let trial = try Trial(course, "log that nobody reads")
    trial.environment["LOG_LEVEL"] = "info"
    trial.readsLog = false
    for _ in 0..<(course.isLong ? 10 : 2) {
      let daemon = try trial.start()
      try trial.beginLoad()
      // A line each: more than a pipe holds.
      try trial.waitForAcknowledgements(Trial.some * 3)
      try trial.endLoad()
      kill(daemon.process.processIdentifier, SIGTERM)
      try trial.wait("the end of the daemon") { trial.hasDied }
      let status = daemon.process.terminationStatus
      if status != 0 { trial.complain("a stop ended with \(status)") }
      trial.noteEndOfFault()
      trial.readsLog = true
      try trial.start()
      trial.readsLog = false
      try trial.beginLoad()
      try trial.noteRecovery()
      try trial.endLoad()
      try trial.examine()
      if try trial.requireDaemon().stop() != 0 { trial.complain("it did not stop in order") }
      trial.row.rounds += 1
    }
    return trial.finished()
  }
}
