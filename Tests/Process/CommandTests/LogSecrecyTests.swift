import Foundation
import LiveDaemon
import Testing

extension ProcessTests {
  /// Secrets, tokens, inputs and outputs stay out of the log.
  ///
  /// At its end, each daemon of the tests is checked for those that it was started with or received.
  @Suite struct LogSecrecyTests {
    private static let secrets = [
      "API_TOKENS": "first-token-0123456789,second-token-0123456789", "CALLBACK_SECRET": "callback-secret-01",
      "DATABASE_URL": "postgresql://app:database-password@127.0.0.1/jobs",
    ]

    private static func forbidden() -> ForbiddenTexts {
      var forbidden = ForbiddenTexts(environment: secrets, folder: FileManager.default.temporaryDirectory)
      forbidden.add(
        body: Array(#"{"model":"owner/a-long-name","input":{"a":["a desk lamp at night"]}}"#.utf8))
      forbidden.add(body: Array(#"{"output":"\"the caption\" of it","logs":"Using seed: 42"}"#.utf8))
      return forbidden
    }

    @Test(arguments: [
      "second-token-0123456789", "callback-secret-01", "database-password", "a desk lamp at night",
      "Using seed: 42",
      "Bearer AAAABBBB", "r8_AAAABBBB", "whsec_AAAABBBB",
    ])
    func `a text that the log shows is found, with its line`(_ text: String) throws {
      let line = "2026 info delivery reason=\"\(text)\""
      let findings = Self.forbidden().findings(in: Data("first\n\(line)\nlast\n".utf8))
      #expect(findings.count == 1 && findings[0].hasSuffix(line), "\(findings)")
    }

    @Test(arguments: ["replicate_token=set", "model=owner/a-long-name", "whsec_…", "r8_", "the first token"])
    func `other texts are not found`(_ text: String) {
      #expect(Self.forbidden().findings(in: Data("first\n\(text)\n".utf8)).isEmpty)
    }

    /// Each way on which a text of a client may reach the log, at its lowest level.
    @Test(arguments: ["text", "json"])
    func `the log shows no secret and no input`(_ format: String) throws {
      let tokens = Self.secrets["API_TOKENS"] ?? ""
      let daemon = try Daemon(
        in: try TemporaryFolder(),
        environment: [
          "API_TOKENS": tokens, "LOG_FORMAT": format, "LOG_LEVEL": "debug",
          "REPLICATE_API_TOKEN": "r8_0123456789abcdef", "REPLICATE_API_URL": "http://127.0.0.1:9",
        ])
      let token = ["Authorization: Bearer second-token-0123456789", "Content-Type: application/json"]
      let body = #"{"id":"j","model":"a/b","input":{"prompt":"a desk lamp in the dark"}}"#
      #expect(try daemon.post(body, fields: token).status == 202)
      #expect(try daemon.post(body.replacing("lamp", with: "chair"), fields: token).status == 409)
      #expect(try daemon.post(body + "}", fields: token).status == 400)
      #expect(try daemon.fetch("/jobs?token=second-token-0123456789").status == 401)
      #expect(try daemon.fetch("/jobs", fields: ["Authorization: Bearer wrong-token-0123456"]).status == 401)
      #expect(try daemon.fetch("/none?prompt=a%20desk%20lamp%20in%20the%20dark", fields: token).status == 404)
      let delivery = #"{"id":"p","status":"succeeded","output":"the caption of it","logs":"Using seed: 42"}"#
      #expect(try daemon.post(SignedDelivery(id: "m", body: Array(delivery.utf8))).status == 200)
      #expect(try daemon.post(SignedDelivery(id: "m", body: Array((delivery + "}").utf8))).status == 400)
      let other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
      #expect(
        try daemon.post(SignedDelivery(id: "n", body: Array(delivery.utf8), secret: other)).status == 401)
      let log = daemon.logAfterStop()
      #expect(log.contains("signature_mismatch") && log.contains("conflict"), "\(log)")
      #expect(daemon.forbiddenTextsInLog.isEmpty)
      #expect(!log.contains("wrong-token") && !log.contains("desk%20lamp"))
    }
  }
}
