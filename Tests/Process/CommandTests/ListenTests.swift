import Foundation
import HTTPWire
import LiveDaemon
import StandardWebhooks
import Stubs
import Testing

extension ProcessTests {
  /// `listen` between a daemon and an app.
  @Suite struct ListenTests {
    /// The command, with its output in a file.
    private final class Listener {
      private let process = ChildProcess()
      private let folder: TemporaryFolder
      private let output: URL

      init(
        _ arguments: [String], api: String, state: TemporaryFolder, until lineCount: Int = 1
      ) throws {
        folder = try TemporaryFolder()
        output = URL(fileURLWithPath: try folder.write("", to: "output"))
        let command = StartingThread.killedWithUs + [Program.path, "listen", "--api", api] + arguments
        process.executableURL = URL(fileURLWithPath: command[0])
        process.arguments = Array(command.dropFirst())
        process.environment = ["PATH": "/usr/bin:/bin", "XDG_STATE_HOME": state.url.path]
          .merging(sanitizers) { own, _ in own }
        let file = try FileHandle(forWritingTo: output)
        process.standardOutput = file
        process.standardError = file
        process.standardInput = FileHandle.nullDevice
        try StartingThread.run(process)
        _ = try lines(lineCount)
      }

      deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
      }

      /// Waits for that many lines, and returns them.
      func lines(_ count: Int) throws -> [String] {
        func lines() throws -> [String] {
          String(decoding: try Data(contentsOf: output), as: UTF8.self).split(separator: "\n").map(
            String.init)
        }
        try wait("\(count) lines of listen") { try lines().count >= count || !process.isRunning }
        return try lines()
      }

      func interrupt() throws -> Int32 {
        kill(process.processIdentifier, SIGINT)
        try wait("the end of listen") { !process.isRunning }
        return process.terminationStatus
      }

      private let sanitizers = ProcessInfo.processInfo.environment.filter {
        ["ASAN_OPTIONS", "TSAN_OPTIONS"].contains($0.key)
      }
    }

    private static func url(of daemon: Daemon) -> String { "http://127.0.0.2:\(daemon.apiPort)" }

    private static func deliver(_ status: String, of job: String, to daemon: Daemon) throws {
      let id = "msg_\(UUID().uuidString)"
      let answer = try daemon.post(
        try SignedDelivery(id: id, prediction: job, status: status, logs: "of \(id)"))
      try #require(answer.status == 200)
    }

    @Test func `each end is posted once, signed, with the job as the API shows it`() throws {
      let (daemon, state) = (try Daemon(in: try TemporaryFolder()), try TemporaryFolder())
      let app = try StubAPI { _, _ in Response(status: .noContent) }
      try Self.deliver("succeeded", of: "before", to: daemon)
      let listener = try Listener(
        ["--forward-to", app.url + "/hook"], api: Self.url(of: daemon), state: state)
      let secretLine = try #require(try listener.lines(1).first)
      #expect(secretLine.hasPrefix("secret  whsec_"))
      // The first request for changes may come after the secret's line.
      try wait("the listener's stream") { try daemon.fetch("/metrics").text.contains("open_streams 1\n") }
      for status in ["starting", "processing", "processing", "succeeded"] {
        try Self.deliver(status, of: "j1", to: daemon)
      }
      try Self.deliver("failed", of: "j2", to: daemon)
      #expect(try listener.lines(3).dropFirst() == ["job.succeeded  j1  204", "job.failed  j2  204"])
      #expect(app.lines == ["POST /hook", "POST /hook"])

      let request = try #require(app.requests.first)
      let document = try daemon.fetch("/jobs/j1").text.split(separator: "\n")[0]
      let time = try #require(try daemon.job("j1")["updated_at"] as? String)
      #expect(request.body == #"{"type":"job.succeeded","timestamp":"\#(time)","data":\#(document)}"#)
      #expect(request.fields["content-type"] == "application/json")
      let secret = try Secret(String(secretLine.dropFirst("secret  ".count)))
      let verifier = try #require(Verifier(secrets: [secret], toleranceSeconds: 300))
      let fields = SignatureHeaders(
        id: request.fields["webhook-id"] ?? "", timestamp: request.fields["webhook-timestamp"] ?? "",
        signature: request.fields["webhook-signature"] ?? "")
      let body = Array(request.body.utf8)
      #expect(throws: Never.self) {
        try verifier.verify(fields, body: body.span, now: Int64(Date().timeIntervalSince1970))
      }
      #expect(try listener.interrupt() == 0)

      // The secret stays the same.
      let second = try Listener(["--forward-to", app.url], api: Self.url(of: daemon), state: state)
      #expect(try second.lines(1).first == secretLine)
      #expect(try second.interrupt() == 0)
    }

    @Test func `it survives a restart of the daemon`() throws {
      let ports = try FreePorts.choose(2)
      let settings = ["WEBHOOK_LISTEN": "127.0.0.1:\(ports[0])", "API_LISTEN": "127.0.0.2:\(ports[1])"]
      let (folder, state) = (try TemporaryFolder(), try TemporaryFolder())
      var daemon = try Daemon(in: folder, environment: settings)
      let app = try StubAPI { request, _ in
        request.body.contains("job.running") ? .json("{}") : .problem(.internalServerError, "broken")
      }
      let listener = try Listener(
        ["--forward-to", app.url, "--event", "running"],
        api: Self.url(of: daemon), state: state)
      try wait("the listener's stream") { try daemon.fetch("/metrics").text.contains("open_streams 1\n") }
      try Self.deliver("processing", of: "j1", to: daemon)
      #expect(try listener.lines(2).last == "job.running  j1  200")

      daemon.killAtOnce()
      #expect(try listener.lines(3).last == "the daemon does not answer: trying again")
      daemon = try Daemon(in: folder, environment: settings)
      try Self.deliver("succeeded", of: "j1", to: daemon)
      let refused = try #require(try listener.lines(4).last)
      #expect(refused.hasPrefix("job.succeeded  j1  500  {") && refused.contains("broken"))
      #expect(try listener.interrupt() == 0)
    }

    @Test func `an app that is away has a line for each event`() throws {
      let (daemon, state) = (try Daemon(in: try TemporaryFolder()), try TemporaryFolder())
      let listener = try Listener(
        ["--forward-to", "http://127.0.0.1:1/hook"], api: Self.url(of: daemon), state: state)
      try wait("the listener's stream") { try daemon.fetch("/metrics").text.contains("open_streams 1\n") }
      for job in ["j1", "j2"] { try Self.deliver("failed", of: job, to: daemon) }
      let lines = try listener.lines(3).dropFirst()
      #expect(lines.map { $0.prefix(19) } == ["job.failed  j1  -  ", "job.failed  j2  -  "])
      #expect(try listener.interrupt() == 0)
    }

    @Test func `only what the filter selects is posted`() throws {
      let (daemon, state) = (try Daemon(in: try TemporaryFolder()), try TemporaryFolder())
      let app = try StubAPI { _, _ in .json("{}") }
      let listener = try Listener(
        ["--forward-to", app.url, "--filter", "state=failed"], api: Self.url(of: daemon), state: state)
      try wait("the listener's stream") { try daemon.fetch("/metrics").text.contains("open_streams 1\n") }
      try Self.deliver("succeeded", of: "j1", to: daemon)
      try Self.deliver("failed", of: "j2", to: daemon)
      #expect(try listener.lines(2).last == "job.failed  j2  200")
      #expect(app.lines == ["POST /"])
      #expect(try listener.interrupt() == 0)
    }

    @Test func `its failures have their status`() throws {
      let state = try TemporaryFolder()
      func run(_ arguments: [String], _ environment: [String: String]) throws -> Program.Result {
        try Program.run(
          ["listen", "--forward-to", "http://127.0.0.1:1/"] + arguments, environment: environment)
      }
      let environment = ["XDG_STATE_HOME": state.url.path]
      let unreached = try run(["--api", "http://127.0.0.1:1"], environment)
      #expect(unreached.status == 69 && unreached.output.hasPrefix("secret  whsec_"))
      let homeless = try run([], [:])
      #expect(homeless.status == 78 && homeless.error.contains("--secret"), "\(homeless)")
      let file = try state.write("no secret\n", to: "own")
      #expect(try run(["--secret", file], environment).status == 78)
      #expect(try run(["--secret", file + "x"], environment).status == 66)
      let daemon = try Daemon(in: try TemporaryFolder())
      for words in [["--after", "x"], ["--after", "1.ffffffff"], ["--filter", "state=x"]] {
        let rejected = try run(["--api", Self.url(of: daemon)] + words, environment)
        #expect(rejected.status == 65, "\(rejected)")
      }
    }
  }
}
