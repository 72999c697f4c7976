internal import Foundation
internal import LiveDaemon

/// The kernel finds an error in a file system under load and lets nobody write to it any more (`errors=remount-ro`, which is
/// what Debian mounts with). It cannot be made writable while it is mounted: the daemon is stopped, the file system mended
/// and mounted again, and a daemon started. The memory that SQLite's connections share is a file there (`-shm`): where a page
/// of it may no longer be changed, the kernel ends the daemon with SIGBUS before it can answer 503.
///
/// The file system journals its data too. Without that, ext4 itself confirms an fdatasync(2) now and then whose bytes are gone
/// after e2fsck, in the 20 ms between the error and the end of writing: seen with a program that does nothing else.
enum FileSystemErrorProof {
  private static let script = """
    mkdir -p small && mount -o loop,errors=remount-ro,data=journal image small && exec "$0" "$@"
    """

  /// - Returns: nil where this process may not mount an image: it takes root, and a loop device.
  static func run(_ course: Course) throws -> Row? {
    let trial = try Trial(course, "file system that became read-only")
    let image = trial.folder.url.appendingPathComponent("image").path
    guard try canMount(image, in: trial) else {
      trial.say("left out: it takes root and a loop device to mount an image of ext4")
      return nil
    }
    trial.environment["DATABASE_URL"] = "sqlite:small/jobs.db"
    trial.wrapper = ["/usr/bin/unshare", "--mount", "/bin/sh", "-c", script]
    var deaths = 0
    for _ in 0..<(course.isLong ? 10 : 2) {
      let daemon = try trial.start()
      try trial.beginLoad()
      try trial.waitForAcknowledgements(Trial.some)
      try breakFileSystem(of: daemon)
      try trial.endureRefusals(saying: "Read-only file system")
      try trial.endLoad()
      trial.noteEndOfFault()
      if trial.hasDied {
        deaths += 1
        let signal = daemon.process.terminationStatus
        if signal != SIGBUS { trial.complain("it died of \(signal)") }
      }
      _ = daemon.stop()
      try mend(image)
      try trial.start()
      try trial.beginLoad()
      try trial.recoverFromRefusals()
      try trial.examine()
      if try trial.requireDaemon().stop() != 0 { trial.complain("it did not stop in order") }
    }
    return trial.finished(
      "\(trial.ledger.count(of: 503)) answered 503; ended by SIGBUS \(deaths) times; mended with e2fsck"
    )
  }

  private static func canMount(_ image: String, in trial: Trial) throws -> Bool {
    let make = """
      truncate -s 256M "$0" && mkfs.ext4 -q "$0" && mount -o loop "$0" /mnt && ls /sys/fs/ext4/loop*/trigger_fs_error
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

  private static func mend(_ image: String) throws {
    let mended = try Program.run(["-p", image], executable: "/usr/sbin/e2fsck")
    // e2fsck(8): 1 says that errors were found and corrected.
    guard mended.status <= 1 else { throw Unusable("e2fsck: \(mended.output)\(mended.error)") }
  }
}
