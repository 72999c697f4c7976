internal import Foundation
internal import LiveDaemon

/// The wall clock steps an hour forth and back.
///
/// Deliveries signed by the other clock are rejected with their reason, no timeout fires, and nothing is
/// lost.
enum ClockProof {
  static func run(_ scenario: Scenario) throws -> Row {
    guard let library = scenario.clockShift else { throw Unusable("the clock proof needs --clock-shift") }
    let run = try Run(scenario, "clock stepping an hour")
    let shift = run.folder.url.appendingPathComponent("shift")
    try Data(repeating: 0, count: 8).write(to: shift)
    run.environment["CLOCK_SHIFT"] = shift.path
    run.environment["LD_PRELOAD"] = library
    let daemon = try run.start()
    for _ in 0..<(scenario.isLong ? 10 : 1) {
      for step in [3600, -3600] {
        try run.endure { _ in try endure(step, run, daemon, shift) }
      }
    }
    try daemon.waitForLog("timestamp_out_of_range")
    try run.examine()
    return run.finished("\(run.ledger.count(of: 401)) answered 401, timestamp_out_of_range")
  }

  private static func endure(_ step: Int, _ run: Run, _ daemon: Daemon, _ shift: URL) throws {
    let idle = try HTTPConnection(host: "127.0.0.1", port: daemon.webhookPort)
    try idle.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
    _ = try idle.receiveStatusAndBody()
    let begun = try HTTPConnection(host: "127.0.0.1", port: daemon.webhookPort)
    try begun.send("GET /healthz HTTP/1.1\r\nHost: a\r\n".utf8)
    try set(shift, to: step)
    let answer = try daemon.post(
      SignedDelivery(id: "by-another-clock", prediction: "by-another-clock", status: "succeeded"))
    if answer.code != "timestamp_out_of_range" {
      run.recordProblem("a delivery of another hour was answered \(answer.status)")
    }
    run.load?.setClockOffset(step)
    try run.waitForAcknowledgements(Run.some)
    do {
      try begun.send("\r\n".utf8)
      try idle.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
      for connection in [begun, idle] where try connection.receiveStatusAndBody().status != 200 {
        run.recordProblem("a connection that was open is answered otherwise after a step of \(step) s")
      }
    } catch {
      run.recordProblem("a step of \(step) s ended a connection")
    }
    run.noteEndOfFault()
    try set(shift, to: 0)
    run.load?.setClockOffset(0)
  }

  /// Writes in place, because the daemon has the file mapped.
  private static func set(_ file: URL, to seconds: Int) throws {
    let handle = try FileHandle(forUpdating: file)
    try withUnsafeBytes(of: Int64(seconds)) { try handle.write(contentsOf: Data($0)) }
    try handle.close()
  }
}
