import Foundation
import LiveDaemon
import Testing

extension ProcessTests {
  /// Readiness requires room for a delivery, not only for a page.
  @Suite struct FullDiskTests {
    /// Expects readiness to fail on a full disk until `makeRoom`.
    private func expectReadinessToFollowFreeSpace(
      _ daemon: Daemon, in folder: TemporaryFolder, makeRoom: () throws -> Void
    ) throws {
      let logs = String(repeating: "x", count: 50_000)
      var acknowledged: [String] = []
      var refused: SignedDelivery?
      for number in 0..<100 where refused == nil {
        let delivery = try SignedDelivery(
          id: "m\(number)", prediction: "p\(number)", status: "succeeded", logs: logs)
        let answer = try daemon.post(delivery)
        if answer.status == 200 {
          acknowledged.append("p\(number)")
        } else {
          #expect(answer.status == 503 && answer.code == "store_unavailable")
          refused = delivery
        }
      }
      let delivery = try #require(refused, "a hundred deliveries fitted")
      #expect(!acknowledged.isEmpty)
      // It stays so for every poll, although a page fits.
      for _ in 0..<20 { #expect(try daemon.fetch("/readyz").status == 503) }
      #expect(try daemon.post(delivery).status == 503)
      #expect(try daemon.job(acknowledged[0])["state"] as? String == "succeeded")
      try makeRoom()
      #expect(try daemon.fetch("/readyz").status == 200)
      #expect(try daemon.post(delivery).text == #"{"received":true,"duplicate":false}"#)
      for prediction in acknowledged {
        #expect(try daemon.job(prediction)["state"] as? String == "succeeded")
      }
    }

    @Test(.enabled(if: Sandbox.canMount, "unshare(1) may not mount a tmpfs here"))
    func aFullFileSystem() throws {
      let folder = try TemporaryFolder()
      let small = folder.url.appendingPathComponent("small")
      try FileManager.default.createDirectory(at: small, withIntermediateDirectories: true)
      let script = """
        mount -t tmpfs -o size=1m none small && head -c 500K /dev/zero >small/ballast && exec "$0" "$@"
        """
      let daemon = try Daemon(
        in: folder, environment: ["DATABASE_URL": "sqlite:small/jobs.db"],
        wrapper: ["/usr/bin/unshare", "--mount", "--map-root-user", "/bin/sh", "-c", script])
      // Its mounts are in its own namespace, reached through /proc/PID/root.
      let ballast = "/proc/\(daemon.process.processIdentifier)/root\(small.path)/ballast"
      try expectReadinessToFollowFreeSpace(daemon, in: folder) {
        try FileManager.default.removeItem(atPath: ballast)
      }
      #expect(daemon.logAfterStop().contains("the disk is full: free space"))
    }

    /// A limit on the size of files.
    ///
    /// It is a disk error, as quotas are.
    ///
    /// It needs no mount.
    @Test func aLimitOnTheSizeOfFiles() throws {
      let folder = try TemporaryFolder()
      let script = #"ulimit -Sf 420; exec "$0" "$@""#
      // The tests' process blocks most signals, and its children inherit that.
      let daemon = try Daemon(
        in: folder, wrapper: ["/usr/bin/env", "--default-signal=XFSZ", "/bin/bash", "-c", script])
      try expectReadinessToFollowFreeSpace(daemon, in: folder) {
        let raised = try Program.run(
          ["--pid", "\(daemon.process.processIdentifier)", "--fsize=unlimited:"],
          executable: "/usr/bin/prlimit")
        #expect(raised.status == 0, "\(raised.error)")
      }
      let log = daemon.logAfterStop()
      #expect(log.contains(#"cause="disk I/O error: File too large (SQLite code 778)""#))
      #expect(!log.contains("not an error"))
    }
  }
}
