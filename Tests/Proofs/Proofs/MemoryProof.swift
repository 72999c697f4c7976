internal import Foundation
internal import LiveDaemon

/// A memory limit, and a flood of bodies of maximum size.
///
/// Where `MAX_BYTES_IN_FLIGHT` fits the limit, the daemon survives and answers 503. Where it does not, the
/// daemon may be killed, and everything it had acknowledged is there after its restart.
enum MemoryProof {
  private static let flood = 64

  static func run(_ scenario: Scenario) throws -> Row {
    let run = try Run(scenario, "memory limit")
    let refusals = Guarded(0)
    var deaths = 0
    for _ in 0..<(scenario.isLong ? 5 : 1) {
      if try endureFlood(run, refusals, kilobytes: 512 << 10, bytesInFlight: "128MiB") {
        run.recordProblem("it died, although MAX_BYTES_IN_FLIGHT fits the limit")
      }
      if try endureFlood(run, refusals, kilobytes: 64 << 10, bytesInFlight: "1GiB") { deaths += 1 }
    }
    let refused = refusals.withLock(\.self)
    if refused == 0 { run.recordProblem("no body of the flood was answered 503") }
    let times = "\(deaths) times of \(run.row.rounds / 2)"
    return run.finished(
      "\(refused) large bodies answered 503; where more was allowed than fits, it died \(times)")
  }

  /// - Parameter kilobytes: how much address space is left to it when the flood comes. What it has reserved
  ///   by then depends on the number of processors; of that it uses a twentieth.
  /// - Returns: true if the daemon died of it.
  private static func endureFlood(
    _ run: Run, _ refusals: Guarded<Int>, kilobytes: Int, bytesInFlight: String
  ) throws -> Bool {
    run.environment["MAX_BYTES_IN_FLIGHT"] = bytesInFlight
    let daemon = try run.start()
    try run.beginLoad()
    try run.waitForAcknowledgements(Run.some)
    try limit(daemon, toAnother: kilobytes)
    let running = Guarded(flood)
    let port = daemon.webhookPort
    let timeoutSeconds = run.scenario.isLong ? 20 : 3
    for _ in 0..<flood {
      Thread.detachNewThread {
        if pour(into: port, timeoutSeconds: timeoutSeconds) { refusals.withLock { $0 += 1 } }
        running.withLock { $0 -= 1 }
      }
    }
    try run.wait("the end of the flood") { running.withLock { $0 == 0 } }
    run.noteEndOfFault()
    let hasDied = run.hasDied
    run.reportProgress(hasDied ? "it died of the flood" : "it survived the flood")
    if hasDied {
      try run.endLoad()
      try run.start()
      try run.beginLoad()
    }
    try run.noteRecovery()
    try run.waitForAcknowledgements(Run.some)
    try run.endLoad()
    try run.examine()
    run.row.rounds += 1
    if try run.requireDaemon().stop() != 0 { run.recordProblem("it did not stop in order") }
    return hasDied
  }

  private static func limit(_ daemon: Daemon, toAnother kilobytes: Int) throws {
    let process = daemon.process.processIdentifier
    let bytes = (try ProcessUsage(of: process).addressSpaceKilobytes + kilobytes) << 10
    let limited = try Program.run(["--pid", "\(process)", "--as=\(bytes)"], executable: "/usr/bin/prlimit")
    guard limited.status == 0 else { throw Unusable("prlimit: \(limited.error)") }
  }

  /// Sends a body of the maximum size, except its last byte.
  ///
  /// - Returns: true if the daemon answers 503.
  private static func pour(into port: Int, timeoutSeconds: Int) -> Bool {
    let length = 8 << 20
    let mac = String(repeating: "A", count: 43) + "="
    let head = """
      POST /webhooks/replicate HTTP/1.1\r\nHost: a\r\nContent-Length: \(length)\r\nwebhook-id: m\r
      webhook-timestamp: 1700000000\r\nwebhook-signature: v1,\(mac)\r\n\r\n
      """
    guard let connection = try? HTTPConnection(host: "127.0.0.1", port: port, timeoutSeconds: timeoutSeconds)
    else {
      return false
    }
    // The daemon may reject it at any moment, which is the point.
    try? connection.send(Array(head.utf8) + Array(repeating: 0x61, count: length - 1))
    return (try? connection.receiveStatusAndBody())?.status == 503
  }
}
