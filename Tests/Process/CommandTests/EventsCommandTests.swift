import Foundation
import LiveDaemon
import Testing

extension ProcessTests {
  /// `replicate-webhookd events` at a daemon.
  @Suite struct EventsCommandTests {
    private let folder: TemporaryFolder
    private let daemon: Daemon

    init() throws {
      folder = try TemporaryFolder()
      daemon = try Daemon(in: folder)
      for number in 1...3 { try deliver("p\(number)", "processing", to: daemon) }
    }

    private func deliver(_ prediction: String, _ status: String, to daemon: Daemon) throws {
      let delivery = try SignedDelivery(id: "\(prediction)-\(status)", prediction: prediction, status: status)
      #expect(try daemon.post(delivery).status == 200)
    }

    private func events(_ arguments: String...) throws -> Program.Result {
      try Program.run(["events", "--api", "http://127.0.0.2:\(daemon.apiPort)"] + arguments)
    }

    @Test func `each change is a line of JSON, and the cursor of a line resumes`() throws {
      let all = try events()
      let lines = try Line.all(in: all.output)
      #expect(all.status == 0 && lines.map(\.id) == ["p1", "p2", "p3"])
      #expect(lines.allSatisfy { $0.event == "job" && $0.state == "running" })
      let rest = try events("--after", lines[1].cursor)
      #expect(try Line.all(in: rest.output).map(\.id) == ["p3"])
      let now = try events("--after", "now")
      #expect(now.status == 0 && now.output.isEmpty)
    }

    @Test func `a filter is the daemon's`() throws {
      try deliver("p2", "failed", to: daemon)
      #expect(try Line.all(in: try events("--state", "failed").output).map(\.id) == ["p2"])
      let wrong = try events("--state", "dancing")
      #expect(wrong.status == 65 && wrong.error.contains("invalid_parameter"))
    }

    @Test func `the cursor file continues where the last run ended`() throws {
      let file = folder.url.appendingPathComponent("cursor").path
      #expect(try Line.all(in: try events("--cursor-file", file).output).count == 3)
      try deliver("p1", "succeeded", to: daemon)
      let second = try Line.all(in: try events("--cursor-file", file).output)
      #expect(second.map(\.id) == ["p1"] && second.map(\.state) == ["succeeded"])
      #expect(try events("--cursor-file", file).output.isEmpty)
      try String(repeating: "x", count: 300).write(toFile: file, atomically: true, encoding: .utf8)
      let damaged = try events("--cursor-file", file)
      #expect(damaged.status == 66 && damaged.error.contains("holds no cursor"))
      #expect(try events("--cursor-file", "/none/cursor").status == 66)
    }

    @Test(arguments: ["1.000000000000", "x"])
    func `a cursor that is refused ends the command`(_ cursor: String) throws {
      let result = try events("--after", cursor)
      #expect(result.status == 65 && result.output.isEmpty)
      #expect(result.error.contains(cursor == "x" ? "invalid_parameter" : "Leave out --after"))
    }

    @Test func `without a daemon the command fails at once`() throws {
      let result = try Program.run(["events", "--follow", "--api", "http://127.0.0.1:1"])
      #expect(result.status == 69 && result.error.contains("Is the daemon running"))
    }

    /// The follower survives a kill, misses nothing, and ends with SIGINT.
    @Test func `a follower goes on after a restart`() throws {
      let ports = try FreePorts.choose(2)
      let addresses = [
        "WEBHOOK_LISTEN": "127.0.0.1:\(ports[0])", "API_LISTEN": "127.0.0.2:\(ports[1])",
      ]
      let folder = try TemporaryFolder()
      var daemon = try Daemon(in: folder, environment: addresses)
      try deliver("q1", "processing", to: daemon)
      let output = URL(fileURLWithPath: try folder.write("", to: "output"))
      let process = ChildProcess()
      process.executableURL = URL(fileURLWithPath: Program.path)
      process.arguments = ["events", "--follow", "--api", "http://127.0.0.2:\(ports[1])"]
      process.environment = ["PATH": "/usr/bin:/bin"]
      process.standardOutput = try FileHandle(forWritingTo: output)
      process.standardError = FileHandle.nullDevice
      try process.run()
      defer { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }
      func states(of id: String) throws -> [String?] {
        try Line.all(in: String(contentsOf: output, encoding: .utf8)).filter { $0.id == id }.map(\.state)
      }
      try wait("the first line") { try states(of: "q1") == ["running"] }
      try deliver("q2", "processing", to: daemon)
      try wait("a change") { try states(of: "q2") == ["running"] }
      daemon.killAtOnce()
      daemon = try Daemon(in: folder, environment: addresses)
      try deliver("q1", "succeeded", to: daemon)
      try wait("a change after the restart") { try states(of: "q1") == ["running", "succeeded"] }
      #expect(try states(of: "q2") == ["running"])
      kill(process.processIdentifier, SIGINT)
      try wait("the end of the command") { !process.isRunning }
      #expect(process.terminationStatus == 0)
    }
  }
}

/// A line that the command has printed.
private struct Line {
  let event: String
  let cursor: String
  let id: String
  let state: String?

  /// The complete lines.
  static func all(in output: String) throws -> [Line] {
    try output.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map { line in
      let object = try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      let data = try #require(object["data"] as? [String: Any])
      return Line(
        event: try #require(object["event"] as? String), cursor: try #require(object["cursor"] as? String),
        id: try #require(data["id"] as? String), state: data["state"] as? String)
    }
  }
}
