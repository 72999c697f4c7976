import Foundation
import LiveDaemon
import Testing

extension ProcessTests {
  /// A daemon started with standard descriptors closed.
  @Suite struct ClosedDescriptorTests {
    private static let deliveries = 50

    private func waitForSocket(_ path: String, of process: ChildProcess) throws {
      for _ in 0..<6000 where process.isRunning {
        if (try? HTTPConnection(unixSocket: path)) != nil { return }
        poll(nil, 0, 5)
      }
      throw Unusable("nothing listens on \(path)")
    }

    /// open(2) returns the lowest free number, which may become the database's.
    @Test(arguments: ["2>&-", ">&- 2>&-", "<&- >&- 2>&-", "<&- 2>&-"])
    func logLinesNeverReachTheDatabase(_ closed: String) throws {
      let folder = try TemporaryFolder()
      let environment = [
        "REPLICATE_WEBHOOK_SECRET": Daemon.secret, "LOG_LEVEL": "debug", "LOG_FORMAT": "text",
        "WEBHOOK_LISTEN": "unix:\(folder.url.path)/hooks", "API_LISTEN": "unix:\(folder.url.path)/api",
        "DATABASE_URL": "sqlite:\(folder.url.path)/jobs.db",
      ]
      let daemon = ChildProcess()
      let command =
        StartingThread.killedWithUs + ["/bin/sh", "-c", "exec \"$0\" serve \(closed)", Program.path]
      daemon.executableURL = URL(fileURLWithPath: command[0])
      daemon.arguments = Array(command.dropFirst())
      daemon.environment = environment
      try StartingThread.run(daemon)
      defer { if daemon.isRunning { kill(daemon.processIdentifier, SIGKILL) } }
      try waitForSocket("\(folder.url.path)/hooks", of: daemon)
      let connection = try HTTPConnection(unixSocket: "\(folder.url.path)/hooks")
      for number in 0..<Self.deliveries {
        let delivery = try SignedDelivery(id: "m\(number)", prediction: "p\(number)", status: "succeeded")
        try connection.send(delivery.request)
        #expect(try connection.receive().status == 200)
      }
      // Before the WAL is checkpointed, which would write over them.
      for name in try FileManager.default.contentsOfDirectory(atPath: folder.url.path)
      where name.hasPrefix("jobs.db") {
        let bytes = try Data(contentsOf: folder.url.appendingPathComponent(name))
        #expect(bytes.range(of: Data("listening".utf8)) == nil, "\(name)")
      }
      kill(daemon.processIdentifier, SIGTERM)
      for _ in 0..<6000 where daemon.isRunning { poll(nil, 0, 5) }
      try #require(!daemon.isRunning && daemon.terminationStatus == 0)
      let check = try Program.run(["check"], environment: environment)
      #expect(check.status == 0 && check.output.contains("holds \(Self.deliveries) job(s)"), "\(check)")
    }

    @Test(arguments: [
      "replicate-webhookd", "replicate-simulator", "webhook-bench", "webhook-prove", "http-conformance",
    ])
    func everyExecutableOpensThem(_ name: String) throws {
      let file = URL(fileURLWithPath: Program.path(of: name))
      let program = try Data(contentsOf: file, options: .alwaysMapped)
      #expect(program.range(of: Data("clinux_fill_standard_descriptors".utf8)) != nil)
    }
  }
}
