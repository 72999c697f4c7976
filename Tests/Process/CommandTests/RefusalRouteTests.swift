import Foundation
import LiveDaemon
import Testing

extension ProcessTests {
  /// `GET /refusals`, its verb, and the fields of the log.
  @Suite struct RefusalRouteTests {
    private func refusals(_ daemon: Daemon, _ query: String = "") throws -> [[String: Any]] {
      let answer = try daemon.fetch("/refusals" + query)
      #expect(answer.status == 200, "\(answer.text)")
      let document = try #require(
        JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any])
      return try #require(document["refusals"] as? [[String: Any]])
    }

    private func send(_ text: String, to daemon: Daemon) throws {
      let connection = try HTTPConnection(host: "127.0.0.1", port: daemon.webhookPort)
      try connection.send(Array(text.utf8))
      _ = try connection.receive()
    }

    @Test func `refused deliveries are listed with their reasons`() throws {
      let daemon = try Daemon(in: try TemporaryFolder(), environment: ["MAX_BODY": "1024"])
      #expect(try refusals(daemon).isEmpty)
      let other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
      let body = Array(#"{"id":"p","status":"starting"}"#.utf8)
      #expect(try daemon.post(SignedDelivery(id: "wrong", body: body, secret: other)).status == 401)
      #expect(try daemon.post(SignedDelivery(id: "old", body: body, age: 4000)).status == 401)
      #expect(try daemon.post(SignedDelivery(id: "new", body: body, age: -4000)).status == 401)
      #expect(try daemon.post(SignedDelivery(id: "fine", body: body)).status == 200)
      try send(
        "POST /webhooks/replicate?a=hidden7 HTTP/1.1\r\nHost: a\r\nWebhook-Id: large\r\n"
          + "Webhook-Timestamp: 1\r\nWebhook-Signature: v1,a\r\nContent-Length: 5000\r\n\r\n", to: daemon)
      try send("POST /hook?token=hidden7 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", to: daemon)
      try send("GET /.env HTTP/1.1\r\nHost: a\r\n\r\n", to: daemon)
      try send("nonsense\r\n\r\n", to: daemon)
      // A refused read is no delivery.
      #expect(try daemon.fetch("/jobs/none").status == 404)

      let rows = try refusals(daemon)
      #expect(
        rows.compactMap { $0["code"] as? String } == [
          "malformed_request", "not_found", "body_too_large", "timestamp_out_of_range",
          "timestamp_out_of_range", "signature_mismatch",
        ])
      #expect(rows.map { $0["webhook_id"] as? String } == [nil, nil, "large", "new", "old", "wrong"])
      #expect(rows.map { $0["clock"] as? String } == [nil, nil, nil, "behind", "ahead", nil])
      #expect(rows[1]["path"] as? String == "/hook" && rows[2]["bytes"] as? Int == 5000)
      #expect(rows[5]["bytes"] as? Int == body.count && rows[5]["client"] as? String == "127.0.0.1")

      let newest = try #require(rows[3]["id"] as? String)
      #expect(try refusals(daemon, "?newer_than=\(newest)").count == 3)
      #expect(try refusals(daemon, "?code=signature_mismatch&limit=1").count == 1)
      for query in ["?code=nonsense", "?limit=0", "?limit=1001", "?newer_than=x", "?after=1"] {
        #expect(try daemon.fetch("/refusals" + query).code == "invalid_parameter", "\(query)")
      }

      let log = daemon.logAfterStop()
      let line = try #require(log.split(separator: "\n").first { $0.contains("code=body_too_large") })
      for field in ["bytes=5000", "method=POST", "path=/webhooks/replicate", "webhook_id=large"] {
        #expect(line.contains(field), "\(field): \(line)")
      }
      #expect(!log.contains("hidden7"))
    }

    @Test func `the verb prints and follows refusals`() throws {
      let folder = try TemporaryFolder()
      let daemon = try Daemon(in: folder)
      let url = "http://127.0.0.2:\(daemon.apiPort)"
      let body = Array(#"{"status":"starting"}"#.utf8)
      #expect(try daemon.post(SignedDelivery(id: "first", body: body)).status == 400)
      let listed = try Program.run(["refusals", "--api", url])
      #expect(listed.status == 0 && listed.output.contains(#""webhook_id":"first""#), "\(listed)")
      let wrong = try Program.run(["refusals", "--code", "nonsense", "--api", url])
      #expect(wrong.status == 1 && wrong.error.contains("invalid_parameter"), "\(wrong)")

      let output = URL(fileURLWithPath: try folder.write("", to: "output"))
      let process = ChildProcess()
      process.executableURL = URL(fileURLWithPath: Program.path)
      process.arguments = ["refusals", "--follow", "--api", url]
      process.environment = ["PATH": "/usr/bin:/bin"]
      process.standardOutput = try FileHandle(forWritingTo: output)
      process.standardError = FileHandle.nullDevice
      try process.run()
      defer { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }
      func ids() throws -> [String?] {
        try String(contentsOf: output, encoding: .utf8).split(separator: "\n").map { line in
          let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
          return object?["webhook_id"] as? String
        }
      }
      try wait("the first refusal") { try ids() == ["first"] }
      for id in ["second", "third"] {
        #expect(try daemon.post(SignedDelivery(id: id, body: body)).status == 400)
      }
      try wait("the next refusals, once each") { try ids() == ["first", "second", "third"] }
      kill(process.processIdentifier, SIGINT)
      try wait("the end of the command") { !process.isRunning }
      #expect(process.terminationStatus == 0)
    }
  }
}
