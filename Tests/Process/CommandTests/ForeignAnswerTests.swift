import Foundation
import HTTPWire
import LiveDaemon
import Stubs
import Testing

extension ProcessTests {
  /// Answers that are not Replicate's own end no job for good.
  ///
  /// A stub in its place answers 404.
  @Suite struct ForeignAnswerTests {
    private static let problem = #"{"detail":"The requested resource could not be found.","status":404}"#

    private static func environment(_ stub: StubAPI) -> [String: String] {
      [
        "REPLICATE_API_TOKEN": "r8_0123456789", "REPLICATE_API_URL": stub.url, "RECONCILE_AFTER": "1s",
        "PUBLIC_URL": "https://hooks.example.com",
      ]
    }

    private func history(_ id: String, _ daemon: Daemon) throws -> [[String: Any]] {
      let answer = try daemon.fetch("/jobs/\(id)/history")
      let page = try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any]
      return page?["deliveries"] as? [[String: Any]] ?? []
    }

    /// A captive portal's page for one prediction, Replicate's 404 for the other.
    @Test func `polls answered 404 end no job and its signed end counts`() throws {
      let stub = try StubAPI { request, _ in
        request.line.hasSuffix("p1")
          ? Response(status: .notFound, fields: [("Content-Type", "text/html")], body: Array("<html>".utf8))
          : .json(Self.problem, .notFound)
      }
      let daemon = try Daemon(in: try TemporaryFolder(), environment: Self.environment(stub))
      for id in ["p1", "p2"] {
        #expect(
          try daemon.post(SignedDelivery(id: "start-\(id)", prediction: id, status: "processing")).status
            == 200)
      }
      try wait("each was polled twice") {
        ["p1", "p2"].allSatisfy { id in stub.lines.filter { $0 == "GET /v1/predictions/\(id)" }.count >= 2 }
      }
      try wait("both 404s are in the history") { try history("p2", daemon).count >= 3 }
      let rows = try history("p2", daemon)
      for row in rows.dropFirst() {
        #expect(row["source"] as? String == "poll" && row["outcome"] as? String == "not_found")
        #expect(row["state"] as? String == "running" && row["provider_status"] == nil)
      }
      #expect(try history("p1", daemon).count == 1)
      for id in ["p1", "p2"] {
        #expect(try daemon.job(id)["state"] as? String == "running")
        _ = try daemon.post(SignedDelivery(id: "end-\(id)", prediction: id, status: "succeeded"))
        let job = try daemon.job(id)
        #expect(job["state"] as? String == "succeeded" && job["output"] as? String == "o")
      }
    }

    /// An order canceled while queued, whose prediction exists.
    ///
    /// Replicate's signed end counts.
    @Test func aSignedEndReplacesOurOwn() throws {
      let stub = try StubAPI { _, _ in .json(Self.problem, .notFound) }
      let daemon = try Daemon(in: try TemporaryFolder(), environment: Self.environment(stub))
      let body = #"{"model":"owner/name","input":{"prompt":"a fox"},"id":"one"}"#
      #expect(try daemon.post(body).status == 202)
      try wait("it was answered 404") { try history("one", daemon).count == 1 }
      try wait("it waits") {
        try (daemon.job("one")["order"] as? [String: Any])?["stage"] as? String == "queued"
      }
      #expect(try daemon.post("", to: "/jobs/one/cancel").status == 200)
      #expect(try daemon.job("one")["state"] as? String == "canceled")
      let created = try JSONSerialization.jsonObject(with: Data(try #require(stub.requests.first).body.utf8))
      let webhook = try #require((created as? [String: Any])?["webhook"] as? String)
      for (id, status) in [("a", "processing"), ("b", "succeeded"), ("c", "failed")] {
        let delivery = try SignedDelivery(id: id, prediction: "p1", status: status)
        let request = String(decoding: delivery.request, as: UTF8.self).replacingOccurrences(
          of: "POST /webhooks/replicate ",
          with: "POST /webhooks/replicate?\(webhook.split(separator: "?")[1]) ")
        let connection = try HTTPConnection(host: "127.0.0.1", port: daemon.webhookPort)
        try connection.send(Array(request.utf8))
        #expect(try connection.receive().status == 200)
      }
      let job = try daemon.job("one")
      #expect(job["state"] as? String == "succeeded" && job["output"] as? String == "o")
      #expect(job["prediction_id"] as? String == "p1" && job["error"] == nil)
      let rows = try history("one", daemon)
      #expect(rows.map { $0["source"] as? String } == ["answer", "daemon", "webhook", "webhook", "webhook"])
      #expect(
        rows.map { $0["outcome"] as? String } == ["not_found", "applied", "applied", "applied", "conflict"])
      #expect(rows[1]["code"] as? String == "canceled" && rows[1]["state"] as? String == "canceled")
      let usage = try daemon.fetch("/usage").text
      #expect(usage.contains(#""canceled":0"#) && usage.contains(#""succeeded":1"#))
      let table = try Program.run(["job", "one", "--history", "--api", "http://127.0.0.2:\(daemon.apiPort)"])
      #expect(table.output.contains("canceled") && table.output.contains("not_found"))
    }

    /// A start that cannot fetch the secret exits with 69.
    ///
    /// It is retried then. After Replicate's own rejection it exits with 78.
    @Test(
      arguments: [
        (.ok, "<html>", 69), (.ok, #"{"key":"no secret"}"#, 69), (.notFound, "<html>", 69),
        (.unauthorized, "<html>", 69), (.unauthorized, #"{"title":"Unauthenticated"}"#, 78),
      ] as [(Status, String, Int32)])
    func aPageInPlaceOfTheSecretIsNoReasonToStayDown(_ status: Status, _ body: String, _ exit: Int32) throws {
      let stub = try StubAPI { _, _ in Response(status: status, body: Array(body.utf8)) }
      let folder = try TemporaryFolder()
      let result = try Program.run(
        ["serve"],
        environment: Self.environment(stub).merging([
          "REPLICATE_WEBHOOK_SECRET": "", "WEBHOOK_LISTEN": "127.0.0.1:0", "API_LISTEN": "127.0.0.2:0",
          "DATABASE_URL": "sqlite:\(folder.url.path)/jobs.db",
        ]) { $1 })
      #expect(result.status == exit && result.error.contains("could not be fetched"), "\(result.error)")
    }
  }
}
