internal import Foundation
internal import LiveDaemon

/// The disk fills up under load, stays full for a while, and has room again.
enum FullDiskProof {
  /// - Returns: nil where this process may not mount one.
  static func run(_ course: Course) throws -> Row? {
    let trial = try Trial(course, "full disk")
    guard Trial.canMount else {
      trial.say("left out: unshare(1) may not mount a file system")
      return nil
    }
    return try run(trial, saying: "the disk is full", makingRoom: prepareFileSystem(trial))
  }

  /// setrlimit(2): the daemon ignores SIGXFSZ, and its write fails.
  static func limitFiles(_ course: Course) throws -> Row {
    let trial = try Trial(course, "limit on the size of files")
    return try run(trial, saying: "File too large", makingRoom: prepareLimit(trial))
  }

  private static func run(
    _ trial: Trial, saying cause: String, makingRoom makeRoom: (Daemon) throws -> Void
  ) throws -> Row {
    let daemon = try trial.start()
    try trial.beginLoad()
    try trial.endureRefusals(saying: cause)
    try makeRoom(daemon)
    try trial.recoverFromRefusals()
    try trial.examine()
    return trial.finished("\(trial.ledger.count(of: 503)) answered 503")
  }

  /// A small file system that only the daemon sees, and a file there that can be taken away.
  private static func prepareFileSystem(_ trial: Trial) throws -> (Daemon) throws -> Void {
    let small = trial.folder.url.appendingPathComponent("small")
    try FileManager.default.createDirectory(at: small, withIntermediateDirectories: true)
    let script = """
      mount -t tmpfs -o size=64m none small && head -c 52M /dev/zero >small/ballast && exec "$0" "$@"
      """
    trial.environment["DATABASE_URL"] = "sqlite:small/jobs.db"
    trial.wrapper = ["/usr/bin/unshare", "--mount", "--map-root-user", "/bin/sh", "-c", script]
    return { daemon in
      // Its mounts are its own; this is the way in from outside.
      try FileManager.default.removeItem(
        atPath: "/proc/\(daemon.process.processIdentifier)/root\(small.path)/ballast")
    }
  }

  private static func prepareLimit(_ trial: Trial) -> (Daemon) throws -> Void {
    trial.wrapper = ["/usr/bin/env", "--default-signal=XFSZ"]
    trial.wrapper += ["/bin/bash", "-c", #"ulimit -Sf 2000; exec "$0" "$@""#]
    return { daemon in
      let raised = try Program.run(
        ["--pid", "\(daemon.process.processIdentifier)", "--fsize=unlimited:"],
        executable: "/usr/bin/prlimit")
      guard raised.status == 0 else { throw Unusable("prlimit: \(raised.error)") }
    }
  }
}

extension Trial {
  /// Whether this process may mount in a namespace of its own.
  static var canMount: Bool {
    let result = try? Program.run(
      ["--mount", "--map-root-user", "mount", "-t", "tmpfs", "-o", "size=1m", "none", "/mnt"],
      executable: "/usr/bin/unshare")
    return result?.status == 0
  }

  /// Under load, until deliveries have been refused for a while and the fault is about to end, or until the daemon has died.
  ///
  /// - Parameter cause: what the log has to say of it.
  func endureRefusals(saying cause: String) throws {
    let refusals = ledger.count(of: 503)
    try wait("20 answers 503") { hasDied || ledger.count(of: 503) >= refusals + 20 }
    if hasDied { return }
    say("deliveries are refused")
    wait(seconds: course.isLong ? 10 : 1)
    if hasDied { return }
    let daemon = try requireDaemon()
    if try daemon.ask("/readyz").status != 503 { complain("it says that it is ready") }
    try daemon.waitForLog(cause)
    noteEndOfFault()
  }

  /// Once the fault is over.
  func recoverFromRefusals() throws {
    try noteRecovery()
    try waitForAcknowledgements(Self.some)
    let daemon = try requireDaemon()
    try wait("readiness") { try daemon.ask("/readyz").status == 200 }
    try endLoad()
    row.rounds += 1
  }
}
