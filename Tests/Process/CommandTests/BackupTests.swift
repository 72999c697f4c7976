import Foundation
import LiveDaemon
import Testing

extension ProcessTests {
  /// `backup` of a running daemon, and the restore.
  @Suite struct BackupTests {
    private static let database = "replicate-webhookd.db"

    private func run(_ arguments: [String], in folder: TemporaryFolder) throws -> Program.Result {
      try Program.run(
        ["backup"] + arguments,
        environment: ["DATABASE_URL": "sqlite:\(folder.url.path)/\(Self.database)"])
    }

    /// The steps of deploy/failures.md.
    @Test func aRestoreHasEveryDeliveryAcknowledgedBeforeItsBackup() throws {
      let folder = try TemporaryFolder()
      let daemon = try Daemon(in: folder, environment: ["LOG_LEVEL": "notice"])
      let senders = Senders(count: 3, port: daemon.webhookPort)
      try senders.waitForAcknowledgements(50)
      let copy = folder.url.appendingPathComponent("copy.db").path
      var before: [String] = []
      // Several backups, because each falls into another moment of the daemon's work.
      for round in 0..<5 {
        before = senders.acknowledged
        let result = try run([copy] + (round == 0 ? [] : ["--force"]), in: folder)
        #expect(result.status == 0 && result.error.isEmpty, "\(result.error)")
        #expect(result.output.hasPrefix("\(copy) holds "))
      }
      #expect(try senders.finish().failures == [])
      #expect(daemon.stop() == 0)
      #expect(senders.acknowledged.count > before.count)

      let files = FileManager.default
      #expect(try files.attributesOfItem(atPath: copy)[.posixPermissions] as? Int == 0o600)
      for suffix in ["", "-wal", "-shm"] {
        let path = folder.url.path + "/" + Self.database + suffix
        if files.fileExists(atPath: path) { try files.moveItem(atPath: path, toPath: path + ".before") }
      }
      try files.moveItem(atPath: copy, toPath: folder.url.path + "/" + Self.database)
      let restored = try Daemon(in: folder)
      for prediction in before {
        #expect(try restored.job(prediction)["state"] as? String == "succeeded", "\(prediction) is lost")
      }
      #expect(try restored.fetch("/readyz").status == 200)
      // A delivery after the backup is accepted again if its sender still retries.
      let later = try #require(senders.acknowledged.last)
      #expect(
        try restored.post(SignedDelivery(id: "m-\(later)", prediction: later, status: "succeeded")).status
          == 200)
    }

    /// A WAL left by a crash.
    ///
    /// SQLite would apply it to any file in the database's place.
    @Test func aRestoreNextToTheOldWALIsRejectedUntilItIsGone() throws {
      let folder = try TemporaryFolder()
      let daemon = try Daemon(in: folder)
      #expect(
        try daemon.post(SignedDelivery(id: "m1", prediction: "p1", status: "succeeded")).status == 200)
      let (database, copy) = (folder.url.path + "/" + Self.database, folder.url.path + "/copy")
      #expect(try run([copy], in: folder).status == 0)
      #expect(
        try daemon.post(SignedDelivery(id: "m2", prediction: "p2", status: "succeeded")).status == 200)
      daemon.killAtOnce()
      let files = FileManager.default
      try files.moveItem(atPath: database, toPath: database + ".before")
      try files.moveItem(atPath: copy, toPath: database)
      let early = try Program.run(
        ["5", Program.path, "serve"],
        environment: [
          "REPLICATE_WEBHOOK_SECRET": Daemon.secret, "WEBHOOK_LISTEN": "127.0.0.1:0",
          "API_LISTEN": "127.0.0.2:0", "DATABASE_URL": "sqlite:\(database)",
        ], executable: "/usr/bin/timeout")
      #expect(early.status == 78 && early.error.contains("\(Self.database)-wal belongs to another database"))
      for suffix in ["-wal", "-shm"] {
        try files.moveItem(atPath: database + suffix, toPath: database + ".before" + suffix)
      }
      #expect(try Daemon(in: folder).job("p1")["state"] as? String == "succeeded")
    }

    @Test func everyRefusalIsOneLineAndAStatus() throws {
      let folder = try TemporaryFolder()
      let path = { (name: String) in folder.url.appendingPathComponent(name).path }
      let none = try run([path("copy")], in: folder)
      #expect(none.status == 66 && none.error.contains("\(path(Self.database)) does not exist"))
      // Also without a daemon.
      #expect(try Daemon(in: folder).stop() == 0)
      #expect(try run([path("copy")], in: folder).output.contains("holds 0 job(s)"))
      for (arguments, status, message) in [
        ([path("copy")], 1, "\(path("copy")) exists: name another file, or replace it with --force"),
        ([path(Self.database), "--force"], 1, "is the database itself"),
        ([path("none/copy")], 1, "cannot create \(path("none/copy"))"),
        ([path(""), "--force"], 1, "cannot"),
        ([], 64, "Missing expected argument"),
      ] as [([String], Int32, String)] {
        let result = try run(arguments, in: folder)
        #expect(result.status == status && result.error.contains(message), "\(arguments): \(result.error)")
        if status == 1 { #expect(result.error.split(separator: "\n").count == 1) }
      }
      #expect(try run([path("copy"), "--force"], in: folder).status == 0)
      let wrong = try Program.run(["backup", path("x")], environment: ["DATABASE_URL": "postgres:x"])
      #expect(wrong.status == 78 && wrong.error.contains("DATABASE_URL: "))
      let names = try FileManager.default.contentsOfDirectory(atPath: folder.url.path)
      #expect(names.filter { $0.contains("partial") } == [])
    }

    /// Signals while the copy grows, and while it is verified.
    @Test(arguments: [(SIGINT, 0), (SIGTERM, 0), (SIGINT, 8 << 20), (SIGTERM, 30 << 20)])
    func aSignalRemovesThePartialCopy(_ signal: Int32, _ size: Int) throws {
      let folder = try TemporaryFolder()
      do {
        let daemon = try Daemon(in: folder)
        let logs = String(repeating: "x", count: 7 << 20)
        for number in 0..<5 {
          let delivery = try SignedDelivery(
            id: "m\(number)", prediction: "p\(number)", status: "failed", logs: logs)
          #expect(try daemon.post(delivery).status == 200)
        }
        #expect(daemon.stop() == 0)
      }
      let copy = folder.url.appendingPathComponent("copy").path
      let files = FileManager.default
      // A backup may end before its file is seen, so several are tried.
      for _ in 0..<20 {
        let backup = ChildProcess()
        backup.executableURL = URL(fileURLWithPath: Program.path)
        backup.arguments = ["backup", copy]
        backup.environment = ["DATABASE_URL": "sqlite:\(folder.url.path)/\(Self.database)"]
        backup.standardOutput = FileHandle.nullDevice
        try backup.run()
        let partial = "\(copy).partial-\(backup.processIdentifier)"
        var status = stat()
        while backup.isRunning, stat(partial, &status) != 0 || status.st_size < size {}
        kill(backup.processIdentifier, signal)
        backup.waitUntilExit()
        let names = try files.contentsOfDirectory(atPath: folder.url.path)
        #expect(names.filter { $0.contains("partial") } == [])
        guard backup.terminationReason == .exit, backup.terminationStatus != 0 else {
          #expect(backup.terminationReason == .exit && files.fileExists(atPath: copy))
          try files.removeItem(atPath: copy)
          continue
        }
        #expect(backup.terminationStatus == 128 + signal && !files.fileExists(atPath: copy))
        return
      }
      #expect(Bool(false), "no backup was interrupted")
    }

    /// A limit on file sizes stands in for a full disk.
    @Test func aCopyThatDoesNotFitIsNoCopy() throws {
      let folder = try TemporaryFolder()
      let daemon = try Daemon(in: folder)
      let large = String(repeating: "x", count: 1 << 20)
      let delivery = try SignedDelivery(id: "m", prediction: "p", status: "succeeded", logs: large)
      #expect(try daemon.post(delivery).status == 200)
      let script = #"ulimit -f 512; exec "$0" "$@""#
      let result = try Program.run(
        [
          "--default-signal=XFSZ", "/bin/bash", "-c", script, Program.path, "backup",
          folder.url.path + "/copy",
        ],
        environment: ["DATABASE_URL": "sqlite:\(folder.url.path)/\(Self.database)"],
        executable: "/usr/bin/env")
      #expect(result.status == 1 && result.error.contains("cannot write \(folder.url.path)/copy"))
      let names = try FileManager.default.contentsOfDirectory(atPath: folder.url.path)
      #expect(names.filter { $0.hasPrefix("copy") } == [])
    }
  }
}
