internal import Foundation
internal import LiveDaemon

/// A file system error under load, after which the kernel remounts read-only.
///
/// That is `errors=remount-ro`, which Debian mounts with. It cannot be made writable while it is mounted: the
/// daemon is stopped, the file system repaired and mounted again, and a daemon started.
///
/// The memory that SQLite's connections share is a file there (`-shm`). Where a page of it may no longer be
/// changed, the kernel ends the daemon with SIGBUS before it can answer 503.
///
/// The file system journals its data too. Without that, ext4 itself sometimes confirms an fdatasync(2) whose
/// bytes are gone after e2fsck. That happens in the 20 ms between the error and the end of writing, and was
/// seen with a program that does nothing else.
enum FileSystemErrorProof {
  private static let script = """
    mkdir -p small && mount -o loop,errors=remount-ro,data=journal image small && exec "$0" "$@"
    """

  /// - Returns: nil if this process may not mount an image, which takes root and a loop device.
  static func run(_ scenario: Scenario) throws -> Row? {
    let run = try Run(scenario, "file system that became read-only")
    let image = run.folder.url.appendingPathComponent("image").path
    guard try canMountExt4(image, in: run) else {
      run.reportProgress("left out: it takes root and a loop device to mount an image of ext4")
      return nil
    }
    run.environment["DATABASE_URL"] = "sqlite:small/jobs.db"
    run.wrapper = ["/usr/bin/unshare", "--mount", "/bin/sh", "-c", script]
    var deaths = 0
    for _ in 0..<(scenario.isLong ? 10 : 2) {
      let daemon = try run.start()
      try run.beginLoad()
      try run.waitForAcknowledgements(Run.some)
      try breakFileSystem(of: daemon)
      try run.endureRefusals(logging: "Read-only file system")
      try run.endLoad()
      run.noteEndOfFault()
      if run.hasDied {
        deaths += 1
        let signal = daemon.process.terminationStatus
        if signal != SIGBUS { run.recordProblem("it died of \(signal)") }
      }
      _ = daemon.stop()
      try repair(image)
      try run.start()
      try run.beginLoad()
      try run.recoverFromRefusals()
      try run.examine()
      if try run.requireDaemon().stop() != 0 { run.recordProblem("it did not stop in order") }
    }
    return run.finished(
      "\(run.ledger.count(of: 503)) answered 503; ended by SIGBUS \(deaths) times; mended with e2fsck"
    )
  }

  private static func canMountExt4(_ image: String, in run: Run) throws -> Bool {
    let make = """
      truncate -s 256M "$0" && mkfs.ext4 -q "$0" && mount -o loop "$0" /mnt && \
        ls /sys/fs/ext4/loop*/trigger_fs_error
      """
    let made = try Program.run(
      ["--mount", "/bin/sh", "-c", make, image], environment: ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"],
      executable: "/usr/bin/unshare")
    return made.status == 0
  }

  private static func breakFileSystem(of daemon: Daemon) throws {
    let mounts = try String(
      contentsOfFile: "/proc/\(daemon.process.processIdentifier)/mounts", encoding: .utf8)
    let line = mounts.split(separator: "\n").first { $0.contains("/small ext4 ") }
    guard let device = line?.split(separator: " ").first?.split(separator: "/").last else {
      throw Unusable("the daemon's file system is not mounted: \(mounts)")
    }
    let trigger = try FileHandle(
      forWritingTo: URL(fileURLWithPath: "/sys/fs/ext4/\(device)/trigger_fs_error"))
    try trigger.write(contentsOf: Data("proof".utf8))
    try trigger.close()
  }

  private static func repair(_ image: String) throws {
    let repaired = try Program.run(["-p", image], executable: "/usr/sbin/e2fsck")
    // e2fsck(8): 1 means that errors were found and corrected.
    guard repaired.status <= 1 else { throw Unusable("e2fsck: \(repaired.output)\(repaired.error)") }
  }
}
