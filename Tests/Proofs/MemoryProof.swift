internal import Foundation
internal import LiveDaemon

/// A limit on memory, and a flood of the largest bodies. Where `MAX_BYTES_IN_FLIGHT` fits the limit the daemon survives
/// and answers 503; where it does not, the daemon may be killed, and what it had acknowledged is there when it is back.
enum MemoryProof {
  private static let flood = 64

  static func run(_ course: Course) throws -> Row {
    let trial = try Trial(course, "memory limit")
    let refusals = Guarded(0)
    var deaths = 0
    for _ in 0..<(course.isLong ? 5 : 1) {
      if try endureFlood(trial, refusals, kilobytes: 512 << 10, bytesInFlight: "128MiB") {
        trial.complain("it died, although MAX_BYTES_IN_FLIGHT fits the limit")
      }
      if try endureFlood(trial, refusals, kilobytes: 64 << 10, bytesInFlight: "1GiB") { deaths += 1 }
    }
    let refused = refusals.withLock(\.self)
    if refused == 0 { trial.complain("no body of the flood was answered 503") }
    let times = "\(deaths) times of \(trial.row.rounds / 2)"
    return trial.finished(
      "\(refused) large bodies answered 503; where more was allowed than fits, it died \(times)")
  }

  /// - Parameter kilobytes: how much address space is left to it when the flood comes. What it has reserved by then depends
  ///   on the number of processors; of that it uses a twentieth.
  /// - Returns: true where the daemon died of it.
  private static func endureFlood(
    _ trial: Trial, _ refusals: Guarded<Int>, kilobytes: Int, bytesInFlight: String
  ) throws -> Bool {
    trial.environment["MAX_BYTES_IN_FLIGHT"] = bytesInFlight
    let daemon = try trial.start()
    try trial.beginLoad()
    try trial.waitForAcknowledgements(Trial.some)
    try limit(daemon, toAnother: kilobytes)
    let running = Guarded(flood)
    let port = daemon.webhookPort
    let patience = trial.course.isLong ? 20 : 3
    for _ in 0..<flood {
      Thread.detachNewThread {
        if pour(into: port, patience: patience) { refusals.withLock { $0 += 1 } }
        running.withLock { $0 -= 1 }
      }
    }
    try trial.wait("the end of the flood") { running.withLock { $0 == 0 } }
    trial.noteEndOfFault()
    let hasDied = trial.hasDied
    trial.say(hasDied ? "it died of the flood" : "it survived the flood")
    if hasDied {
      try trial.endLoad()
      try trial.start()
      try trial.beginLoad()
    }
    try trial.noteRecovery()
    try trial.waitForAcknowledgements(Trial.some)
    try trial.endLoad()
    try trial.examine()
    trial.row.rounds += 1
    if try trial.requireDaemon().stop() != 0 { trial.complain("it did not stop in order") }
    return hasDied
  }

  private static func limit(_ daemon: Daemon, toAnother kilobytes: Int) throws {
    let process = daemon.process.processIdentifier
    let bytes = (try ProcessUsage(of: process).addressSpaceKilobytes + kilobytes) << 10
    let limited = try Program.run(["--pid", "\(process)", "--as=\(bytes)"], executable: "/usr/bin/prlimit")
    guard limited.status == 0 else { throw Unusable("prlimit: \(limited.error)") }
  }

  /// A body of the largest size, all of it but the last byte.
  ///
  /// - Returns: true where the daemon says that it is too much.
  private static func pour(into port: Int, patience: Int) -> Bool {
    let length = 8 << 20
    let mac = String(repeating: "A", count: 43) + "="
    let head = """
      POST /webhooks/replicate HTTP/1.1\r\nHost: a\r\nContent-Length: \(length)\r\nwebhook-id: m\r
      webhook-timestamp: 1700000000\r\nwebhook-signature: v1,\(mac)\r\n\r\n
      """
    guard let connection = try? HTTPConnection(host: "127.0.0.1", port: port, patience: patience) else {
      return false
    }
    // It may be refused at any moment, which is what it is for.
    try? connection.send(Array(head.utf8) + Array(repeating: 0x61, count: length - 1))
    return (try? connection.receiveStatusAndBody())?.status == 503
  }
}
