internal import Foundation
internal import LiveDaemon

/// The wall clock steps an hour forth and back: what was signed by the other clock is refused and says why, no timeout
/// fires, and nothing is lost.
enum ClockProof {
  static func run(_ course: Course) throws -> Row {
    guard let library = course.clockShift else { throw Unusable("the clock proof needs --clock-shift") }
    let trial = try Trial(course, "clock stepping an hour")
    let shift = trial.folder.url.appendingPathComponent("shift")
    try Data(repeating: 0, count: 8).write(to: shift)
    trial.environment["CLOCK_SHIFT"] = shift.path
    trial.environment["LD_PRELOAD"] = library
    let daemon = try trial.start()
    for _ in 0..<(course.isLong ? 10 : 1) {
      for step in [3600, -3600] {
        try trial.endure { _ in try endure(step, trial, daemon, shift) }
      }
    }
    try daemon.waitForLog("timestamp_out_of_range")
    try trial.examine()
    return trial.finished("\(trial.ledger.count(of: 401)) answered 401, timestamp_out_of_range")
  }

  private static func endure(_ step: Int, _ trial: Trial, _ daemon: Daemon, _ shift: URL) throws {
    let idle = try HTTPConnection(host: "127.0.0.1", port: daemon.webhookPort)
    try idle.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
    _ = try idle.receiveStatusAndBody()
    let begun = try HTTPConnection(host: "127.0.0.1", port: daemon.webhookPort)
    try begun.send("GET /healthz HTTP/1.1\r\nHost: a\r\n".utf8)
    try set(shift, to: step)
    let answer = try daemon.post(
      SignedDelivery(id: "by-another-clock", prediction: "by-another-clock", status: "succeeded"))
    if answer.code != "timestamp_out_of_range" {
      trial.complain("a delivery of another hour was answered \(answer.status)")
    }
    trial.load?.setClockOffset(step)
    try trial.waitForAcknowledgements(Trial.some)
    do {
      try begun.send("\r\n".utf8)
      try idle.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
      for connection in [begun, idle] where try connection.receiveStatusAndBody().status != 200 {
        trial.complain("a connection that was open is answered otherwise after a step of \(step) s")
      }
    } catch {
      trial.complain("a step of \(step) s ended a connection")
    }
    trial.noteEndOfFault()
    try set(shift, to: 0)
    trial.load?.setClockOffset(0)
  }

  /// Written in place, for the daemon has the file mapped.
  private static func set(_ file: URL, to seconds: Int) throws {
    let handle = try FileHandle(forUpdating: file)
    try withUnsafeBytes(of: Int64(seconds)) { try handle.write(contentsOf: Data($0)) }
    try handle.close()
  }
}
