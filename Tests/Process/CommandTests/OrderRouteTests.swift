import Foundation
import LiveDaemon
import Testing

extension ProcessTests {
  /// `POST /jobs` without a reachable provider: orders stay queued.
  @Suite struct OrderRouteTests {
    private static let provider = [
      "REPLICATE_API_TOKEN": "r8_0123456789", "REPLICATE_API_URL": "http://127.0.0.1:1",
      "PUBLIC_URL": "https://hooks.example.com",
    ]
    private static let order = #"{"model":"owner/name","input":{"prompt":"a fox"},"id":"one"}"#
    private static let json = "Content-Type: application/json"

    @Test func anOrderIsAPendingJobThatSurvivesAKill() throws {
      let folder = try TemporaryFolder()
      do {
        let daemon = try Daemon(in: folder, environment: Self.provider)
        let answer = try daemon.post(Self.order)
        #expect(answer.status == 202 && answer.fields["location"] == "/jobs/one")
        #expect(answer.fields["etag"] != nil)
        daemon.killAtOnce()
      }
      let daemon = try Daemon(in: folder, environment: Self.provider)
      let job = try daemon.job("one")
      #expect(job["state"] as? String == "pending" && job["model"] as? String == "owner/name")
      #expect((job["input"] as? [String: String]) == ["prompt": "a fox"])
      #expect(job["prediction_id"] == nil && (job["order"] as? [String: Any])?["stage"] != nil)
      let known = try daemon.post(Self.order)
      #expect(known.status == 200)
      let other = try daemon.post(Self.order.replacingOccurrences(of: "fox", with: "dog"))
      #expect(other.status == 409 && other.code == "conflict")
    }

    /// A known order is answered all the same.
    @Test func beyondMaxQueuedOrdersAJobIsRefusedUntilThereIsRoom() throws {
      let environment = Self.provider.merging(["MAX_QUEUED_ORDERS": "2"]) { $1 }
      let daemon = try Daemon(in: try TemporaryFolder(), environment: environment)
      func order(_ id: String) -> String { #"{"model":"owner/name","input":{},"id":"\#(id)"}"# }
      // An order in flight is not queued, so a few more may be accepted; the provider is unreachable.
      var taken = 0
      var refused: HTTPAnswer?
      while refused == nil, taken < 50 {
        let answer = try daemon.post(order("j\(taken)"))
        if answer.status == 202 { taken += 1 } else { refused = answer }
      }
      #expect(taken >= 2 && taken < 50)
      #expect(refused?.status == 429 && refused?.code == "queue_full")
      #expect(refused?.fields["retry-after"] == "60")
      #expect(try daemon.post(order("j0")).status == 200)
    }

    /// With the provider unreachable, the job shows reason and next try.
    @Test func anOrderThatWaitsShowsWhy() throws {
      let daemon = try Daemon(in: try TemporaryFolder(), environment: Self.provider)
      #expect(try daemon.post(Self.order).status == 202)
      for _ in 0..<3000 {
        let order = try daemon.job("one")["order"] as? [String: Any]
        if order?["reason"] as? String == "unreachable" {
          return #expect(order?["stage"] as? String == "queued" && order?["next_try_at"] is String)
        }
        poll(nil, 0, 10)
      }
      Issue.record("no reason is shown")
    }

    /// The provider is unreachable, so the wait passes.
    @Test func `Prefer: wait answers after the wait with the present state`() throws {
      let daemon = try Daemon(in: try TemporaryFolder(), environment: Self.provider)
      let fields = [Self.json, "Prefer: respond-async, wait=1"]
      let start = ContinuousClock.now
      let created = try daemon.post(Self.order, fields: fields)
      #expect(created.status == 202 && created.fields["preference-applied"] == "wait=1")
      #expect(created.fields["location"] == "/jobs/one" && created.fields["etag"] != nil)
      #expect(created.text.contains("\"pending\""))
      #expect((.seconds(1)...(.seconds(20))).contains(ContinuousClock.now - start))
      let known = try daemon.post(Self.order, fields: fields)
      #expect(known.status == 200 && known.fields["preference-applied"] == "wait=1")
      let refused = try daemon.post("{}", fields: fields)
      #expect(refused.status == 422 && refused.code == "invalid_request")
      #expect(try daemon.post(Self.order, fields: ["Prefer: wait=1"]).status == 415)
    }

    @Test(arguments: ["wait=0", "wait=x", "wait=-1", "waits=5", "handling=lenient", ""])
    func `a preference that is no wait is ignored`(_ preference: String) throws {
      let daemon = try Daemon(in: try TemporaryFolder(), environment: Self.provider)
      let created = try daemon.post(Self.order, fields: [Self.json, "Prefer: \(preference)"])
      #expect(created.status == 202 && created.fields["preference-applied"] == nil)
    }

    @Test func aKeyNamesOneRequest() throws {
      let daemon = try Daemon(in: try TemporaryFolder(), environment: Self.provider)
      let fields = [Self.json, "Idempotency-Key: k-1"]
      let body = #"{"model":"owner/name","input":{}}"#
      let first = try daemon.post(body, fields: fields)
      let second = try daemon.post(body, fields: fields)
      #expect(first.status == 202 && second.status == 200)
      #expect(first.fields["location"] == second.fields["location"])
      #expect(try daemon.post(#"{"input": {}, "model":"owner\u002Fname"}"#, fields: fields).status == 200)
      let other = try daemon.post(#"{"model":"owner/other","input":{}}"#, fields: fields)
      #expect(other.status == 422 && other.code == "idempotency_mismatch")
      #expect(other.text.contains("`model` differs") && !other.text.contains("owner/other"))
      let without = try daemon.post(body)
      #expect(without.status == 202 && without.fields["location"] != first.fields["location"])
    }

    @Test(arguments: [
      (#"{"model":"owner/name","input":{}"#, json, 400, "malformed_json"),
      (#"{"model":"owner/name"}"#, json, 422, "invalid_request"),
      (#"{"model":"owner/name","input":[]}"#, json, 422, "invalid_request"),
      (#"{"model":"owner","input":{}}"#, json, 422, "invalid_request"),
      (#"{"model":"owner/name","version":"x","input":{}}"#, json, 422, "invalid_request"),
      (#"{"model":"owner/name","input":{},"archive":"on"}"#, json, 422, "invalid_request"),
      (#"{"model":"owner/name","input":{},"archive":"required"}"#, json, 422, "invalid_request"),
      (#"{"model":"owner/name","input":{},"inputs":{}}"#, json, 422, "invalid_request"),
      (#"{"model":"owner/name","input":{},"id":"a.b"}"#, json, 422, "invalid_request"),
      (#"{"model":"owner/name","input":{},"expect":{"kind":"x"}}"#, json, 422, "invalid_request"),
      (#"{"model":"owner/name","input":{}}"#, "Content-Type: text/plain", 415, "unsupported_media_type"),
      (#"{"model":"owner/name","input":{}}"#, "X: y", 415, "unsupported_media_type"),
    ])
    func anInvalidOrderIsRejectedAndNotStored(
      _ body: String, _ field: String, _ status: Int, _ code: String
    ) throws {
      let daemon = try Daemon(in: try TemporaryFolder(), environment: Self.provider)
      let answer = try daemon.post(body, fields: [field])
      #expect(answer.status == status && answer.code == code)
      #expect(answer.fields["content-type"] == "application/problem+json")
      #expect(try daemon.fetch("/jobs").text.contains(#""jobs":[]"#))
    }

    /// RFC 9110 section 15.5.16.
    @Test(arguments: [
      ("gzip", 415), ("Identity, br", 415), ("identity", 202), ("Identity, ", 202), ("x-unknown", 415),
    ])
    func aCompressedBodyIsRefusedBeforeItIsRead(_ coding: String, _ status: Int) throws {
      let daemon = try Daemon(in: try TemporaryFolder(), environment: Self.provider)
      let order = try daemon.post(Self.order, fields: [Self.json, "Content-Encoding: \(coding)"])
      let delivery = try SignedDelivery(id: "m", prediction: "p", status: "succeeded")
      let connection = try HTTPConnection(host: "127.0.0.1", port: daemon.webhookPort)
      let head = [
        "POST /webhooks/replicate HTTP/1.1", "Host: a", "Content-Length: \(delivery.body.count)",
        "Content-Encoding: \(coding)",
      ]
      try connection.send(Array(((head + delivery.fields).joined(separator: "\r\n") + "\r\n\r\n").utf8))
      if status == 202 { try connection.send(delivery.body) }
      let answer = try connection.receive()
      #expect(order.status == status && answer.status == (status == 202 ? 200 : 415))
      guard status == 415 else { return }
      for answer in [order, answer] {
        #expect(answer.code == "unsupported_media_type" && answer.fields["accept-encoding"] == "identity")
      }
    }

    @Test func withoutATokenForTheProviderItIsNotImplemented() throws {
      let daemon = try Daemon(in: try TemporaryFolder())
      for path in ["/jobs", "/jobs/one/cancel"] {
        let answer = try daemon.post(Self.order, to: path)
        #expect(answer.status == 501 && answer.code == "not_configured")
      }
    }

    @Test func requestsWithAnOriginOrWithoutATokenAreRejected() throws {
      let open = try Daemon(in: try TemporaryFolder(), environment: Self.provider)
      let page = try open.post(Self.order, fields: [Self.json, "Origin: https://evil.example"])
      #expect(page.status == 403 && page.code == "origin_not_allowed")
      let token = "0123456789abcdef0123"
      let closed = try Daemon(
        in: try TemporaryFolder(), environment: Self.provider.merging(["API_TOKENS": token]) { $1 })
      #expect(try closed.post(Self.order).status == 401)
      let bearer = "Authorization: Bearer \(token)"
      #expect(try closed.post(Self.order, fields: [Self.json, bearer]).status == 202)
    }

    @Test func anUnsentOrderIsCanceledAtOnce() throws {
      let daemon = try Daemon(in: try TemporaryFolder(), environment: Self.provider)
      _ = try daemon.post(Self.order)
      // It is queued, or the call that fails is in flight.
      let answer = try daemon.post("", to: "/jobs/one/cancel", fields: [])
      #expect([200, 202].contains(answer.status))
      let limit = Date().addingTimeInterval(20)
      while try daemon.job("one")["state"] as? String != "canceled", Date() < limit {}
      #expect(try daemon.job("one")["state"] as? String == "canceled")
      #expect(try daemon.post("", to: "/jobs/none/cancel", fields: []).code == "job_not_found")
      #expect(try daemon.fetch("/usage").text.contains(#""canceled":1"#))
    }

    @Test(arguments: [
      "?from=yesterday", "?from=2026-02-30", "?to=1969-12-31", "?days=3", "?from=2026-02-02&to=2026-02-01",
    ])
    func usageRejectsInvalidDays(_ query: String) throws {
      let daemon = try Daemon(in: try TemporaryFolder())
      let answer = try daemon.fetch("/usage\(query)")
      #expect(answer.status == 400 && answer.code == "invalid_parameter")
    }

    /// Predictions created elsewhere have other parameters in their webhook's URL.
    @Test func aForeignQueryIsShownAndNotCounted() throws {
      let daemon = try Daemon(in: try TemporaryFolder(), environment: Self.provider)
      let query = "job=abc&tenant=%37"
      let url = "https://hooks.example.com/webhooks/replicate?\(query)"
      let delivery = try SignedDelivery(
        id: "m", body: Array(#"{"id":"p","status":"processing","webhook":"\#(url)"}"#.utf8))
      let connection = try HTTPConnection(host: "127.0.0.1", port: daemon.webhookPort)
      let request = String(decoding: delivery.request, as: UTF8.self)
        .replacingOccurrences(of: "POST /webhooks/replicate ", with: "POST /webhooks/replicate?\(query) ")
      try connection.send(Array(request.utf8))
      #expect(try connection.receive().status == 200)
      #expect(try daemon.job("p")["webhook_query"] as? String == query)
      #expect(try daemon.fetch("/metrics").text.contains(#"unbound_deliveries_total{reason="bad_token"} 0"#))
    }

    /// A wrong token is counted, and is stored nowhere in the clear.
    @Test func aWrongTokenBindsNothing() throws {
      let folder = try TemporaryFolder()
      let daemon = try Daemon(in: folder, environment: Self.provider)
      _ = try daemon.post(Self.order)
      let token = String(repeating: "0123456789abcdef", count: 2)
      let url = "https://hooks.example.com/webhooks/replicate?job=one.\(token)"
      let delivery = try SignedDelivery(
        id: "m", body: Array(#"{"id":"p","status":"processing","webhook":"\#(url)"}"#.utf8))
      let connection = try HTTPConnection(host: "127.0.0.1", port: daemon.webhookPort)
      let request = String(decoding: delivery.request, as: UTF8.self)
        .replacingOccurrences(
          of: "POST /webhooks/replicate ", with: "POST /webhooks/replicate?job=one.\(token) ")
      try connection.send(Array(request.utf8))
      #expect(try connection.receive().status == 200)
      #expect(
        try daemon.job("one")["prediction_id"] == nil && daemon.job("p")["state"] as? String == "running")
      let metrics = try daemon.fetch("/metrics").text
      #expect(metrics.contains(#"unbound_deliveries_total{reason="bad_token"} 1"#))
      #expect(daemon.stop() == 0)
      for name in try FileManager.default.contentsOfDirectory(atPath: folder.url.path) {
        let bytes = try Data(contentsOf: folder.url.appendingPathComponent(name))
        #expect(bytes.range(of: Data(token.utf8)) == nil, "\(name)")
      }
    }
  }
}
