internal import Foundation
internal import LiveDaemon

/// A disk that is full for a while under load.
enum FullDiskProof {
  /// - Returns: nil if this process may not mount a file system.
  static func run(_ scenario: Scenario) throws -> Row? {
    let run = try Run(scenario, "full disk")
    guard Sandbox.canMount else {
      run.reportProgress("left out: unshare(1) may not mount a file system")
      return nil
    }
    return try fill(run, logging: "the disk is full", makingRoom: prepareFileSystem(run))
  }

  /// Limits the size of files by setrlimit(2).
  ///
  /// The daemon ignores SIGXFSZ, and its write fails.
  static func limitFiles(_ scenario: Scenario) throws -> Row {
    let run = try Run(scenario, "limit on the size of files")
    return try fill(run, logging: "File too large", makingRoom: prepareLimit(run))
  }

  static func fill(
    _ run: Run, logging cause: String, makingRoom makeRoom: (Daemon) throws -> Void
  ) throws -> Row {
    let daemon = try run.start()
    try run.beginLoad()
    try run.endureRefusals(logging: cause)
    try makeRoom(daemon)
    try run.recoverFromRefusals()
    try run.examine()
    return run.finished("\(run.ledger.count(of: 503)) answered 503")
  }

  /// A small file system for the daemon, with a removable file.
  private static func prepareFileSystem(_ run: Run) throws -> (Daemon) throws -> Void {
    let small = run.folder.url.appendingPathComponent("small")
    try FileManager.default.createDirectory(at: small, withIntermediateDirectories: true)
    let script = """
      mount -t tmpfs -o size=64m none small && head -c 52M /dev/zero >small/ballast && exec "$0" "$@"
      """
    run.environment["DATABASE_URL"] = "sqlite:small/jobs.db"
    run.wrapper = ["/usr/bin/unshare", "--mount", "--map-root-user", "/bin/sh", "-c", script]
    return { daemon in
      // Its mounts are in its own namespace, reached through /proc/PID/root.
      try FileManager.default.removeItem(
        atPath: "/proc/\(daemon.process.processIdentifier)/root\(small.path)/ballast")
    }
  }

  private static func prepareLimit(_ run: Run) -> (Daemon) throws -> Void {
    run.wrapper = ["/usr/bin/env", "--default-signal=XFSZ"]
    run.wrapper += ["/bin/bash", "-c", #"ulimit -Sf 2000; exec "$0" "$@""#]
    return { daemon in
      let raised = try Program.run(
        ["--pid", "\(daemon.process.processIdentifier)", "--fsize=unlimited:"],
        executable: "/usr/bin/prlimit")
      guard raised.status == 0 else { throw Unusable("prlimit: \(raised.error)") }
    }
  }
}

extension Run {
  /// Waits until deliveries have been answered 503 for a while.
  ///
  /// It returns early if the daemon has died.
  ///
  /// - Parameter cause: the text that the log must contain.
  func endureRefusals(logging cause: String) throws {
    let refusals = ledger.count(of: 503)
    try wait("20 answers 503") { hasDied || ledger.count(of: 503) >= refusals + 20 }
    if hasDied { return }
    reportProgress("deliveries are refused")
    wait(seconds: scenario.isLong ? 10 : 1)
    if hasDied { return }
    let daemon = try requireDaemon()
    if try daemon.fetch("/readyz").status != 503 { recordProblem("it reports that it is ready") }
    try daemon.waitForLog(cause)
    noteEndOfFault()
  }

  /// Waits for acknowledgements and readiness once the fault is over.
  func recoverFromRefusals() throws {
    try noteRecovery()
    try waitForAcknowledgements(Self.some)
    let daemon = try requireDaemon()
    try wait("readiness") { try daemon.fetch("/readyz").status == 200 }
    try endLoad()
    row.rounds += 1
  }
}
