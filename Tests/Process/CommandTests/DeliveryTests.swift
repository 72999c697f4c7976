import Foundation
import LiveDaemon
import Testing

extension ProcessTests {
  /// Deliveries to a real daemon, and the jobs API afterwards.
  @Suite struct DeliveryTests {
    private static let payloads = Program.root.appendingPathComponent("Tests/Unit/ReplicateTests/Payloads")

    @Test(
      arguments: [
        ("happy", "succeeded"), ("failed", "failed"), ("canceled", "canceled"), ("duplicate", "succeeded"),
        ("out-of-order", "succeeded"), ("late", "succeeded"), ("unknown-status", "succeeded"),
        ("bad-signature", nil),
        ("stale-timestamp", nil),
      ] as [(String, String?)])
    func everyScenarioEndsAsItShould(_ scenario: String, _ state: String?) throws {
      let folder = try TemporaryFolder()
      let daemon = try Daemon(in: folder)
      let sent = try Program.run(
        [
          "send", "http://127.0.0.1:\(daemon.webhookPort)/webhooks/replicate/", "--scenario", scenario,
          "--id", "p1",
        ],
        environment: ["REPLICATE_WEBHOOK_SECRET": Daemon.secret])
      #expect(sent.status == 0, "\(sent.error)")
      if let state {
        #expect(try daemon.job("p1")["state"] as? String == state)
      } else {
        #expect(try daemon.fetch("/jobs/p1").status == 404)
      }
      #expect(daemon.stop() == 0)
      #expect(!daemon.logAfterStop().contains("C2FVsBQI"))
    }

    @Test func everyRealBodyEndsInItsStateWithItsOutput() throws {
      var daemon = try Daemon(in: try TemporaryFolder())
      var seen: Set<String> = []
      let states = [
        "starting": "pending", "processing": "running", "succeeded": "succeeded", "failed": "failed",
        "canceled": "canceled",
        "aborted": "canceled",
      ]
      let files = try FileManager.default.contentsOfDirectory(
        at: Self.payloads, includingPropertiesForKeys: nil)
      #expect(files.count == 17)
      for file in files {
        let data = try Data(contentsOf: file)
        let sent = try #require(JSONSerialization.jsonObject(with: data) as? [String: NSObject])
        let id = try #require(sent["id"] as? String)
        // Some are of the same prediction at different times; each gets a daemon of its own.
        if !seen.insert(id).inserted { daemon = try Daemon(in: try TemporaryFolder()) }
        #expect(try daemon.post(SignedDelivery(id: "m-\(id)", body: Array(data))).status == 200)
        let job = try daemon.job(id)
        #expect(
          job["state"] as? String == states[try #require(sent["status"] as? String)],
          "\(file.lastPathComponent)")
        for name in ["input", "output", "metrics"] {
          let expected = sent[name].flatMap { $0 is NSNull ? nil : $0 }
          #expect(job[name] as? NSObject == expected, "\(name) of \(file.lastPathComponent)")
        }
      }
    }

    @Test func numbersFieldsAndUnicodeComeBackByteForByte() throws {
      let daemon = try Daemon(in: try TemporaryFolder())
      let input =
        #"{"big":12345678901234567890123,"tiny":2e-06,"exact":1.10,"#
        + #""é😀":"\u00e9\ud83d\ude00<\/>","nested":[[],{"a":null}] }"#
      let body =
        #"{"id":"p1","status":"succeeded","input":\#(input),"output":[1.0,  -0,1E5],"of_tomorrow":{"x":1}}"#
      #expect(try daemon.post(SignedDelivery(id: "m", body: Array(body.utf8))).status == 200)
      let text = try daemon.fetch("/jobs/p1").text
      #expect(text.contains(#""input":\#(input),"#))
      #expect(text.contains(#""output":[1.0,  -0,1E5]"#))
    }

    /// `succeeded` guarantees a usable output.
    @Test(arguments: ["", #","output":null"#, #","output":"""#, #","output":[]"#, #","output":{}"#])
    func aSuccessWithoutAnOutputIsAFailure(_ output: String) throws {
      let daemon = try Daemon(in: try TemporaryFolder())
      let body = Array(#"{"id":"p1","status":"succeeded"\#(output)}"#.utf8)
      #expect(try daemon.post(SignedDelivery(id: "m", body: body)).status == 200)
      let job = try daemon.job("p1")
      #expect(job["state"] as? String == "failed" && job["provider_status"] as? String == "succeeded")
      #expect((job["error"] as? [String: String])?["code"] == "invalid_output")
    }

    @Test func oneDeliveryAHundredTimesFromTwentyConnectionsHasOneEffect() async throws {
      let daemon = try Daemon(in: try TemporaryFolder())
      let delivery = try SignedDelivery(id: "m1", prediction: "p1", status: "processing")
      let port = daemon.webhookPort
      let answers = try await withThrowingTaskGroup(of: [String].self) { group in
        for _ in 0..<20 {
          group.addTask {
            let connection = try HTTPConnection(host: "127.0.0.1", port: port)
            return try (0..<5).map { _ in
              try connection.send(delivery.request)
              let answer = try connection.receive()
              return "\(answer.status) \(answer.text)"
            }
          }
        }
        return try await group.reduce(into: []) { $0 += $1 }
      }
      #expect(answers.count == 100)
      #expect(answers.filter { $0 == #"200 {"received":true,"duplicate":false}"# }.count == 1)
      #expect(answers.filter { $0 == #"200 {"received":true,"duplicate":true}"# }.count == 99)
      #expect(try daemon.job("p1")["revision"] as? Int == 1)
    }

    @Test(arguments: [
      ("", "malformed_json"), ("[]", "malformed_json"), (#"{"id":"a"}"#, "missing_field"),
      (#"{"id":5,"status":"x"}"#, "missing_field"),
      (String(repeating: "[", count: 100_000), "malformed_json"),
      ("{\"id\":\"a\",\"status\":\"\u{0}\"}", "malformed_json"),
      (#"{"id":"a\u0000","status":"starting"}"#, "missing_field"), ("not json", "malformed_json"),
    ])
    func aSignedBodyThatIsNoPredictionIsRefusedWithItsReason(_ body: String, _ code: String) throws {
      let daemon = try Daemon(in: try TemporaryFolder())
      let answer = try daemon.post(SignedDelivery(id: "m", body: Array(body.utf8)))
      #expect(answer.status == 400 && answer.code == code)
      #expect(answer.fields["content-type"] == "application/problem+json")
      #expect(try daemon.fetch("/metrics").text.contains("refusals_total{code=\"\(code)\"} 1"))
    }

    /// A flipped bit in a signed body is answered 401.
    @Test func oneBitChangedAnywhereIsRefused() throws {
      let daemon = try Daemon(in: try TemporaryFolder())
      let delivery = try SignedDelivery(id: "m1", prediction: "p1", status: "processing")
      let headEnd = delivery.request.count - delivery.body.count
      for index in delivery.body.indices {
        var request = delivery.request
        request[headEnd + index] ^= 1 << UInt8(index % 8)
        let connection = try HTTPConnection(host: "127.0.0.1", port: daemon.webhookPort)
        try connection.send(request)
        let answer = try connection.receive()
        #expect(answer.status == 401 && answer.code == "signature_mismatch", "byte \(index) of the body")
      }
      #expect(try daemon.fetch("/jobs/p1").status == 404)
      #expect(try daemon.post(delivery).status == 200)
    }

    @Test func aMissingRepeatedOrForeignSignatureIsA401WithAChallenge() throws {
      let daemon = try Daemon(in: try TemporaryFolder())
      let valid = String(
        decoding: try SignedDelivery(id: "m", prediction: "p", status: "starting").request, as: UTF8.self)
      for (request, code) in [
        (valid.replacing("webhook-id:", with: "other-id:"), "missing_signature"),
        (
          valid.replacing("webhook-signature:", with: "webhook-id: x\r\nwebhook-signature:"),
          "missing_signature"
        ),
        (valid.replacing("v1,", with: "v2,"), "signature_mismatch"),
        (valid.replacing("webhook-timestamp: ", with: "webhook-timestamp: 0"), "timestamp_out_of_range"),
      ] {
        let connection = try HTTPConnection(host: "127.0.0.1", port: daemon.webhookPort)
        try connection.send(Array(request.utf8))
        let answer = try connection.receive()
        #expect(answer.status == 401 && answer.code == code)
        #expect(answer.fields["www-authenticate"]?.hasPrefix("StandardWebhooks") == true)
      }
      let foreign = try SignedDelivery(
        id: "m", body: Array(#"{"id":"a","status":"starting"}"#.utf8),
        secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
      #expect(try daemon.post(foreign).code == "signature_mismatch")
    }
  }
}
