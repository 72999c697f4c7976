import Foundation
import LiveDaemon
import Testing

extension ProcessTests {
  /// Files removed under a running daemon, and two daemons on one file.
  @Suite struct DatabaseLossTests {
    private static let name = "replicate-webhookd.db"
    private let folder: TemporaryFolder
    private let files = FileManager.default

    init() throws {
      folder = try TemporaryFolder()
    }

    private func path(_ name: String) -> String { folder.url.appendingPathComponent(name).path }

    private func post(_ prediction: String, to daemon: Daemon) throws -> HTTPAnswer {
      try daemon.post(SignedDelivery(id: "m-\(prediction)", prediction: prediction, status: "succeeded"))
    }

    /// Runs `serve`, and ends it after a while if it starts.
    private func serve(_ database: String) throws -> Program.Result {
      try Program.run(
        ["5", Program.path, "serve"],
        environment: [
          "REPLICATE_WEBHOOK_SECRET": Daemon.secret, "WEBHOOK_LISTEN": "127.0.0.1:0",
          "API_LISTEN": "127.0.0.2:0", "DATABASE_URL": "sqlite:\(database)",
        ], executable: "/usr/bin/timeout")
    }

    @Test func aSecondDaemonOnTheSameFileIsRefusedUnderEveryName() throws {
      let daemon = try Daemon(in: folder)
      #expect(try post("p1", to: daemon).status == 200)
      let database = path(Self.name)
      try files.createSymbolicLink(atPath: path("soft"), withDestinationPath: database)
      try files.linkItem(atPath: database, toPath: path("hard"))
      for name in [database, path("soft"), path("hard")] {
        let second = try serve(name)
        #expect(second.status == 78)
        let lines = second.error.split(separator: "\n").filter { !$0.hasPrefix("{") }
        #expect(lines.count == 1, "\(second.error)")
        #expect(
          second.error.contains("DATABASE_URL: another daemon serves this database"), "\(second.error)")
        if files.isReadableFile(atPath: "/proc/locks") {
          #expect(second.error.contains("(process \(daemon.process.processIdentifier))"))
        }
      }
      try files.removeItem(atPath: path("hard"))
      // Commands that only read are not locked out, and the first daemon continues.
      let settings = ["REPLICATE_WEBHOOK_SECRET": Daemon.secret, "DATABASE_URL": "sqlite:\(database)"]
      #expect(try Program.run(["check"], environment: settings).output.contains("holds 1 job(s)"))
      #expect(try Program.run(["backup", path("copy")], environment: settings).status == 0)
      #expect(try post("p2", to: daemon).status == 200)
      // The lock ends with the process, however that ends.
      daemon.killAtOnce()
      let next = try Daemon(in: folder)
      #expect(try next.job("p2")["state"] as? String == "succeeded")
      #expect(next.stop() == 0)
      #expect(try Daemon(in: folder).stop() == 0)
    }

    @Test(arguments: ["", "-wal", "-shm"])
    func aMovedFileStopsTheServiceUntilItIsBack(_ suffix: String) throws {
      let daemon = try Daemon(in: folder)
      #expect(try post("p1", to: daemon).status == 200)
      let file = path(Self.name + suffix)
      try files.moveItem(atPath: file, toPath: path("aside"))
      // Also before any delivery.
      #expect(try daemon.fetch("/readyz").status == 503)
      let refused = try post("p2", to: daemon)
      #expect(refused.status == 503 && refused.code == "store_unavailable")
      #expect(refused.fields["retry-after"] == "5")
      #expect(try daemon.fetch("/readyz").status == 503)
      #expect(try daemon.job("p1")["state"] as? String == "succeeded")
      // SQLite created no file in its place.
      #expect(!files.fileExists(atPath: file))
      try files.moveItem(atPath: path("aside"), toPath: file)
      #expect(try daemon.fetch("/readyz").status == 200)
      #expect(try post("p2", to: daemon).text == #"{"received":true,"duplicate":false}"#)
      let log = daemon.logAfterStop()
      #expect(log.contains("\(Self.name)\(suffix) was moved or deleted while it was in use"))
      #expect(log.contains("store writes succeed again"))
      let again = try Daemon(in: folder)
      for prediction in ["p1", "p2"] {
        #expect(try again.job(prediction)["state"] as? String == "succeeded")
      }
    }

    /// Some pages can still be written, but no delivery can be stored.
    @Test func aDamagedFileIsNotReadyAndCheckReportsItInOneLine() throws {
      do {
        let daemon = try Daemon(in: folder)
        for number in 0..<20 { #expect(try post("p\(number)", to: daemon).status == 200) }
        #expect(daemon.stop() == 0)
      }
      let file = try FileHandle(forUpdating: URL(fileURLWithPath: path(Self.name)))
      try file.seek(toOffset: 4096)
      try file.write(contentsOf: Data(repeating: 0x5A, count: 4 * 4096))
      try file.close()
      let daemon = try Daemon(in: folder)
      #expect(try post("p20", to: daemon).code == "store_unavailable")
      for _ in 0..<3 { #expect(try daemon.fetch("/readyz").status == 503) }
      #expect(try check().contains("the database is damaged"))
      #expect(daemon.logAfterStop().contains("move the file aside and restore a backup"))
    }

    /// Damage that SQLite does not detect.
    ///
    /// Its own pages are intact, and a short read returns zeros as well.
    @Test func aDamagedBodyIsNotShownAndItsNeighboursAre() throws {
      let logs = String(repeating: "x", count: 20_000)
      do {
        let daemon = try Daemon(in: folder)
        for id in ["p1", "p2"] {
          let delivery = try SignedDelivery(
            id: "m-\(id)", prediction: id, status: "succeeded", logs: "\(logs)the end of \(id)")
          #expect(try daemon.post(delivery).status == 200)
        }
        #expect(daemon.stop() == 0)
      }
      let database = path(Self.name)
      var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: database)))
      var range = try #require(bytes.firstRange(of: Array("the end of p1".utf8)))
      bytes.replaceSubrange(range, with: Array(repeating: 0, count: range.count))
      try Data(bytes).write(to: URL(fileURLWithPath: database))
      let daemon = try Daemon(in: folder)
      let answer = try daemon.fetch("/jobs/p1")
      #expect(answer.status == 503 && answer.code == "store_unavailable")
      #expect(answer.text.contains("the stored body is damaged") && answer.fields["etag"] == nil)
      #expect(try daemon.job("p2")["logs_tail"] as? String == String(("\(logs)the end of p2").suffix(4096)))
      // Routes that do not show the body, and a delivery that replaces it.
      #expect(try daemon.fetch("/jobs").status == 200)
      #expect(try daemon.fetch("/jobs/p1/history").status == 200)
      #expect(daemon.logAfterStop().contains("the stored body is damaged"))
      #expect(try check().contains("the bodies of 1 job(s) are not what was stored, the first of p1"))
      // One letter for another, which only the digest detects.
      range = try #require(bytes.firstRange(of: Array("the end of p2".utf8)))
      bytes[range.lowerBound] ^= 0x20
      try Data(bytes).write(to: URL(fileURLWithPath: database))
      #expect(try check().contains("the bodies of 2 job(s)"))
    }

    /// The problem that `check` reports.
    private func check() throws -> String {
      let result = try Program.run(
        ["check"],
        environment: [
          "REPLICATE_WEBHOOK_SECRET": Daemon.secret, "DATABASE_URL": "sqlite:\(path(Self.name))",
        ])
      #expect(result.status == 1 && result.error.split(separator: "\n").count == 1, "\(result.error)")
      return result.error
    }

    /// A clean stop checkpoints the WAL, even a deleted one.
    @Test func aStopAfterTheWALWasDeletedLosesNothing() throws {
      let daemon = try Daemon(in: folder)
      #expect(try post("p1", to: daemon).status == 200)
      try files.removeItem(atPath: path(Self.name + "-wal"))
      #expect(try post("p2", to: daemon).status == 503)
      #expect(daemon.stop() == 0)
      let again = try Daemon(in: folder)
      #expect(try again.job("p1")["state"] as? String == "succeeded")
    }

    @Test func aCopyInTheDatabasesPlaceIsLeftAloneByTheDaemonThatLostIt() throws {
      let first = try Daemon(in: folder)
      #expect(try post("p1", to: first).status == 200)
      let database = path(Self.name)
      let copied = try Program.run(
        ["backup", path("copy")], environment: ["DATABASE_URL": "sqlite:\(database)"])
      #expect(copied.status == 0)
      try files.moveItem(atPath: database, toPath: path("aside"))
      try files.moveItem(atPath: path("copy"), toPath: database)
      #expect(try post("p2", to: first).status == 503)
      #expect(try first.fetch("/readyz").status == 503)
      // The WAL is still there, and would damage the copy.
      let early = try serve(database)
      #expect(early.status == 78 && early.error.contains("another daemon serves this database"))
      for suffix in ["-wal", "-shm"] {
        try files.moveItem(atPath: database + suffix, toPath: path("aside" + suffix))
      }
      let second = try Daemon(in: folder)
      #expect(try post("p3", to: second).status == 200)
      // Its end must not delete the second daemon's WAL.
      #expect(first.stop() == 0)
      #expect(try post("p4", to: second).status == 200)
      second.killAtOnce()
      let third = try Daemon(in: folder)
      for prediction in ["p1", "p3", "p4"] {
        #expect(try third.job(prediction)["state"] as? String == "succeeded", "\(prediction) is lost")
      }
      #expect(first.logAfterStop().contains("is not the file that was opened"))
    }

    /// The steps of deploy/failures.md.
    @Test(arguments: [[""], ["", "-wal"], ["", "-wal", "-shm"]])
    func aDeletedDatabaseIsCopiedOutOfTheRunningDaemon(_ deleted: [String]) throws {
      let daemon = try Daemon(in: folder)
      #expect(try post("p1", to: daemon).status == 200)
      let database = path(Self.name)
      for suffix in deleted { try files.removeItem(atPath: database + suffix) }
      #expect(try post("p2", to: daemon).status == 503)
      let script = """
        for suffix in "" -wal; do
          for open in /proc/$0/fd/*; do
            case "$(readlink "$open")" in
              "$1$suffix" | "$1$suffix (deleted)") cp "$open" "$2$suffix"; break ;;
            esac
          done
        done
        """
      let rescue = try Program.run(
        ["-c", script, "\(daemon.process.processIdentifier)", database, path("rescued")],
        executable: "/bin/bash")
      #expect(rescue.status == 0 && rescue.error.isEmpty, "\(rescue.error)")
      #expect(daemon.stop() == 0)
      for suffix in ["", "-wal"] {
        // The stop may have left an empty WAL.
        try? files.removeItem(atPath: database + suffix)
        try files.moveItem(atPath: path("rescued" + suffix), toPath: database + suffix)
      }
      let again = try Daemon(in: folder)
      #expect(try again.job("p1")["state"] as? String == "succeeded")
      #expect(try post("p2", to: again).status == 200)
    }
  }
}
