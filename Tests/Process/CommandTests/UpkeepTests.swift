import Foundation
import LiveDaemon
import Testing

extension ProcessTests {
  /// `restore`, `compact`, `export` and `backup -`.
  @Suite struct UpkeepTests {
    private static let database = "replicate-webhookd.db"

    private func run(_ arguments: [String], in folder: TemporaryFolder) throws -> Program.Result {
      try Program.run(
        arguments, environment: ["DATABASE_URL": "sqlite:\(folder.url.path)/\(Self.database)"])
    }

    private func deliver(_ range: ClosedRange<Int>, to daemon: Daemon) throws {
      for number in range {
        let delivery = try SignedDelivery(id: "m-\(number)", prediction: "p\(number)", status: "succeeded")
        let answer = try daemon.post(delivery)
        #expect(answer.status == 200)
      }
    }

    @Test func `a backup is restored, and what was there is kept`() throws {
      let folder = try TemporaryFolder()
      let copy = folder.url.appendingPathComponent("copy.db").path
      let path = "\(folder.url.path)/\(Self.database)"
      let daemon = try Daemon(in: folder)
      try deliver(1...3, to: daemon)
      #expect(try run(["backup", copy], in: folder).status == 0)
      try deliver(4...5, to: daemon)
      let served = try run(["restore", copy, "--force"], in: folder)
      #expect(served.status == 1 && served.error.contains("stop it first"), "\(served.error)")
      #expect(daemon.stop() == 0)
      let refused = try run(["restore", copy], in: folder)
      #expect(refused.status == 1 && refused.error.contains("let --force do that"), "\(refused.error)")
      #expect(try run(["restore", "\(copy).none", "--force"], in: folder).status == 66)
      let damaged = try folder.write("no database", to: "damaged.db")
      #expect(try run(["restore", damaged, "--force"], in: folder).status == 1)
      let before = try Data(contentsOf: URL(fileURLWithPath: path))
      let result = try run(["restore", copy, "--force"], in: folder)
      #expect(result.status == 0 && result.output.contains("holds 3 job(s)"), "\(result.error)")
      #expect(result.output.contains("start the daemon"))
      let names = try FileManager.default.contentsOfDirectory(atPath: folder.url.path)
      let kept = try #require(names.first { $0.hasPrefix("\(Self.database).before-") })
      #expect(try Data(contentsOf: folder.url.appendingPathComponent(kept)) == before)
      #expect(!names.contains { $0.contains(".restored-") })
      let restored = try Daemon(in: folder, environment: ["LOG_LEVEL": "notice"])
      #expect(try restored.job("p3")["state"] as? String == "succeeded")
      #expect(try restored.fetch("/jobs/p4").status == 404)
      #expect(restored.logAfterStop().contains("restored backup"))
    }

    @Test func `a database that is kept is whole without its WAL`() throws {
      let folder = try TemporaryFolder()
      let copy = folder.url.appendingPathComponent("copy.db").path
      let daemon = try Daemon(in: folder)
      try deliver(1...2, to: daemon)
      #expect(try run(["backup", copy], in: folder).status == 0)
      try deliver(3...5, to: daemon)
      daemon.killAtOnce()
      let result = try run(["restore", copy, "--force"], in: folder)
      #expect(result.status == 0 && result.output.contains("holds 2 job(s)"), "\(result)")
      let names = try FileManager.default.contentsOfDirectory(atPath: folder.url.path)
      let kept = try #require(
        names.first { $0.hasPrefix("\(Self.database).before-") && !$0.hasSuffix("shm") })
      let checked = try Program.run(
        ["backup", "\(folder.url.path)/kept.db"],
        environment: ["DATABASE_URL": "sqlite:\(folder.url.path)/\(kept)"])
      #expect(checked.status == 0 && checked.output.contains("5 job"), "\(checked)")
    }

    @Test func `a backup on standard output is the database, and leaves no file`() throws {
      let folder = try TemporaryFolder()
      let daemon = try Daemon(in: folder)
      try deliver(1...2, to: daemon)
      let copy = "\(folder.url.path)/copy.db"
      let result = try Program.run(
        ["-c", "\"$0\" backup - > \(copy)", Program.path],
        environment: ["DATABASE_URL": "sqlite:\(folder.url.path)/\(Self.database)"], executable: "/bin/sh")
      #expect(result.status == 0 && result.error.isEmpty, "\(result.error)")
      let names = try FileManager.default.contentsOfDirectory(atPath: folder.url.path)
      #expect(!names.contains { $0.contains("backup") }, "\(names)")
      let checked = try Program.run(
        ["check"],
        environment: [
          "DATABASE_URL": "sqlite:\(copy)", "REPLICATE_WEBHOOK_SECRET": Daemon.secret,
          "WEBHOOK_LISTEN": "127.0.0.1:0", "API_LISTEN": "127.0.0.2:0",
        ])
      #expect(checked.status == 0 && checked.output.contains("holds 2 job(s)"), "\(checked)")
    }

    @Test func `a file with free pages shrinks, once no daemon uses it`() throws {
      let folder = try TemporaryFolder()
      let path = "\(folder.url.path)/\(Self.database)"
      let daemon = try Daemon(in: folder)
      for number in 1...20 {
        let body =
          #"{"id":"p\#(number)","status":"succeeded","output":"\#(String(repeating: "x", count: 50_000))"}"#
        #expect(try daemon.post(SignedDelivery(id: "m-\(number)", body: Array(body.utf8))).status == 200)
      }
      let served = try run(["compact"], in: folder)
      #expect(served.status == 1 && served.error.contains("daemon"), "\(served.error)")
      for number in 2...20 {
        #expect(try daemon.fetch("/jobs/p\(number)", method: "DELETE").status == 204)
      }
      #expect(daemon.stop() == 0)
      let size = { try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0 }
      let before = try size()
      let result = try run(["compact"], in: folder)
      #expect(result.status == 0 && result.error.isEmpty, "\(result.error)")
      #expect(try size() < before / 2)
      let again = try Daemon(in: folder)
      #expect(try again.job("p1")["state"] as? String == "succeeded")
      #expect(try run(["compact"], in: try TemporaryFolder()).status == 66)
    }

    @Test func `an export has each job once, and goes on after its cursor`() throws {
      let folder = try TemporaryFolder()
      let daemon = try Daemon(in: folder)
      try deliver(1...7, to: daemon)
      let api = ["--api", "http://127.0.0.2:\(daemon.apiPort)"]
      let cursor = "\(folder.url.path)/cursor"
      let first = try run(["export", "--cursor-file", cursor] + api, in: folder)
      #expect(first.status == 0 && first.error.contains("7 line(s)"), "\(first.error)")
      let lines = first.output.split(separator: "\n")
      #expect(lines.count == 7 && lines.allSatisfy { $0.contains(#""output":"#) }, "\(first.output)")
      let none = try run(["export", "--cursor-file", cursor] + api, in: folder)
      #expect(none.status == 0 && none.output.isEmpty)
      try deliver(8...8, to: daemon)
      let second = try run(["export", "--cursor-file", cursor] + api, in: folder)
      #expect(second.output.split(separator: "\n").count == 1 && second.output.contains(#""p8""#))
      #expect(try run(["export", "--after", "nonsense"] + api, in: folder).status == 65)
    }
  }
}
