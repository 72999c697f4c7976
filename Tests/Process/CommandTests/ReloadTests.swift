import Foundation
import LiveDaemon
import Testing

extension ProcessTests {
  /// SIGHUP to a daemon whose settings are in a file.
  @Suite struct ReloadTests {
    private static let first = "first-token-0123456789"
    private static let second = "second-token-0123456789"

    private let folder: TemporaryFolder
    private let daemon: Daemon

    init() throws {
      folder = try TemporaryFolder()
      try Self.write(["API_TOKENS=old[read]=\(Self.first)"], in: folder)
      daemon = try Daemon(in: folder, arguments: ["--env-file", "env"])
    }

    private static func write(_ lines: [String], in folder: TemporaryFolder) throws {
      _ = try folder.write(lines.joined(separator: "\n") + "\n", to: "env")
    }

    private func reload(_ lines: [String], until line: String) throws {
      try Self.write(lines, in: folder)
      kill(daemon.process.processIdentifier, SIGHUP)
      try daemon.waitForLog(line)
    }

    private func status(_ token: String, _ path: String = "/jobs") throws -> Int {
      try daemon.fetch(path, fields: ["Authorization: Bearer \(token)"]).status
    }

    @Test func `a token is replaced without a restart and connections stay`() throws {
      let open = try HTTPConnection(host: "127.0.0.2", port: daemon.apiPort)
      func request(_ token: String) throws -> Int {
        try open.send(
          Array("GET /jobs HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(token)\r\n\r\n".utf8))
        return try open.receive().status
      }
      #expect(try request(Self.first) == 200)
      #expect(try request(Self.second) == 401)
      try reload(
        [
          "API_TOKENS=new[read+write]=\(Self.second)", "MAX_CONNECTIONS=50", "LOG_LEVEL=debug",
          "RETENTION=7d",
        ],
        until: "pending=RETENTION")
      #expect(try request(Self.first) == 401)
      #expect(try request(Self.second) == 200)
      let metrics = try daemon.fetch("/metrics", fields: ["Authorization: Bearer \(Self.second)"]).text
      #expect(metrics.contains(#"replicate_webhookd_api_token_requests_total{token="new"} 2"#))
      let log = daemon.logAfterStop()
      #expect(log.contains(#"settings reloaded changed="MAX_CONNECTIONS API_TOKENS LOG_LEVEL""#), "\(log)")
      #expect(!log.contains("token-0123"))
    }

    @Test func `a wrong file keeps every old setting`() throws {
      try reload(["API_TOKENS=\(Self.second)", "RETENTON=7d"], until: "problem=\"RETENTON: ")
      #expect(try status(Self.first) == 200 && status(Self.second) == 401)
      try reload(["API_TOKENS=new[write]=\(Self.second)"], until: "problem=\"API_TOKENS: token 1: ")
      #expect(try status(Self.first) == 200 && status(Self.second) == 401)
      try reload(["API_TOKENS=\(Self.second)"], until: "settings reloaded changed=API_TOKENS")
      #expect(try status(Self.first) == 401 && status(Self.second) == 200)
      #expect(!daemon.logAfterStop().contains("token-0123"))
    }

    /// Otherwise a token that was withdrawn would read on for as long as its stream is open.
    @Test func `a stream ends where a token is withdrawn`() throws {
      let stream = try HTTPConnection(host: "127.0.0.2", port: daemon.apiPort)
      try stream.send(
        Array(
          """
          GET /events?after=now HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\
          Authorization: Bearer \(Self.first)\r\nConnection: close\r\n\r\n
          """.utf8))
      #expect(try stream.receive(through: "\r\n\r\n").contains("200 OK"))
      try reload(["API_TOKENS=\(Self.second)"], until: "reloaded")
      // Fails where the stream stays open.
      stream.waitForEnd()
      #expect(try status(Self.second) == 200)
    }

    @Test func `the log's level changes`() throws {
      try Self.write(["API_TOKENS=\(Self.second)", "LOG_LEVEL=error"], in: folder)
      kill(daemon.process.processIdentifier, SIGHUP)
      try wait("the new token opens the API") { try status(Self.second) == 200 }
      let log = daemon.logAfterStop()
      #expect(log.contains("listening") && !log.contains("stopped") && !log.contains("settings reloaded"))
    }

    @Test func `a webhook secret is replaced`() throws {
      let new = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
      // The environment of a process does not change, so a secret that rotates is in a file.
      let folder = try TemporaryFolder()
      _ = try folder.write(Daemon.secret, to: "secret")
      let daemon = try Daemon(
        in: folder,
        environment: ["REPLICATE_WEBHOOK_SECRET": "", "REPLICATE_WEBHOOK_SECRET_FILE": "secret"])
      let delivery = try SignedDelivery(id: "m1", prediction: "p", status: "succeeded")
      #expect(try daemon.post(delivery).status == 200)
      _ = try folder.write(new, to: "secret")
      kill(daemon.process.processIdentifier, SIGHUP)
      try daemon.waitForLog("changed=REPLICATE_WEBHOOK_SECRET")
      let late = try SignedDelivery(id: "m2", prediction: "p", status: "succeeded")
      #expect(try daemon.post(late).status == 401)
      #expect(!daemon.logAfterStop().contains("whsec_"))
    }
  }
}
