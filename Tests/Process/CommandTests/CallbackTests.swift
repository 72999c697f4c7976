import FaultyDisk
import Foundation
import HTTPWire
import LiveDaemon
import PostgreSQLServer
import StandardWebhooks
import Stubs
import TLSClient
import Testing

extension ProcessTests {
  /// What a daemon sends to an app: its settings, its routes, its verb, and kills in between.
  @Suite struct CallbackTests {
    private static func daemon(
      _ stub: StubAPI, in folder: TemporaryFolder, _ more: [String: String] = [:]
    ) throws -> Daemon {
      try Daemon(in: folder, environment: ["CALLBACK_URL": stub.url + "/hook"].merging(more) { $1 })
    }

    private static func end(_ prediction: String, of daemon: Daemon) throws {
      let delivery = try SignedDelivery(id: "end-\(prediction)", prediction: prediction, status: "succeeded")
      #expect(try daemon.post(delivery).status == 200)
    }

    private static func run(_ daemon: Daemon, _ arguments: [String]) throws -> Program.Result {
      try Program.run(["callbacks"] + arguments + ["--api", "http://127.0.0.2:\(daemon.apiPort)"])
    }

    private static func callbacks(_ daemon: Daemon, _ query: String = "") throws -> [[String: Any]] {
      let answer = try daemon.fetch("/callbacks\(query)")
      #expect(answer.status == 200)
      let page = try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any]
      return try #require(page?["callbacks"] as? [[String: Any]])
    }

    @Test func `an end reaches the app, and the verb's secret verifies it`() throws {
      let stub = try StubAPI { _, _ in .json("{}") }
      let daemon = try Self.daemon(stub, in: try TemporaryFolder())
      try Self.end("p1", of: daemon)
      try wait("the callback") { !stub.requests.isEmpty }
      let request = try #require(stub.requests.first)
      #expect(request.line == "POST /hook" && request.fields["content-type"] == "application/json")
      #expect(request.body.hasPrefix(#"{"type":"job.succeeded","timestamp":""#))
      #expect(request.body.contains(#""data":{"id":"p1","prediction_id":"p1","state":"succeeded""#))
      let secret = try Self.run(daemon, ["secret"])
      #expect(secret.status == 0)
      let text = try #require(secret.output.split(separator: "\n").first)
      let verifier = try #require(Verifier(secrets: [try Secret(String(text))], toleranceSeconds: 300))
      let headers = SignatureHeaders(
        id: request.fields["webhook-id"] ?? "", timestamp: request.fields["webhook-timestamp"] ?? "",
        signature: request.fields["webhook-signature"] ?? "")
      _ = try verifier.verify(
        headers, body: Array(request.body.utf8).span, now: Int64(Date().timeIntervalSince1970))
      try wait("the result") { try Self.callbacks(daemon, "?state=delivered").count == 1 }
      let shown = try #require(try Self.callbacks(daemon).first)
      #expect(shown["id"] as? String == request.fields["webhook-id"] && shown["job"] as? String == "p1")
      #expect(try Self.run(daemon, []).output.contains(#""state":"delivered""#))
      let metrics = try daemon.fetch("/metrics").text
      #expect(metrics.contains(#"replicate_webhookd_callbacks_total{outcome="delivered"} 1"#))
      #expect(!daemon.logAfterStop().contains("/hook"))
    }

    @Test func `a failed callback is listed and retried`() throws {
      let stub = try StubAPI { _, before in .json("{}", before == 0 ? .gone : .ok) }
      let daemon = try Self.daemon(stub, in: try TemporaryFolder())
      try Self.end("p1", of: daemon)
      try wait("the failure") { try Self.callbacks(daemon, "?state=failed").count == 1 }
      let failed = try #require(try Self.callbacks(daemon, "?state=failed").first)
      let id = try #require(failed["id"] as? String)
      #expect(failed["status"] as? Int == 410 && failed["error"] as? String == "answered 410")
      #expect(try Self.run(daemon, ["retry", "--failed", "--host", "example.com"]).output.hasPrefix("0 "))
      #expect(
        try Self.run(daemon, ["retry", "--failed", "--since", "2099-01-01T00:00:00Z"]).output.hasPrefix("0 "))
      let retry = try Self.run(daemon, ["retry", "--failed", "--host", "127.0.0.1"])
      #expect(retry.status == 0 && retry.output.hasPrefix("1 "))
      try wait("the delivery") { try Self.callbacks(daemon, "?state=delivered").count == 1 }
      #expect(Set(stub.requests.map { $0.fields["webhook-id"] }) == [id])
      #expect(try daemon.post("", to: "/callbacks/\(id)/retry").status == 409)
      #expect(try daemon.post("", to: "/callbacks/msg_1_1_00/retry").status == 404)
      #expect(try Self.run(daemon, ["retry", "none"]).status == 1)
      for query in ["?state=lost", "?after=x", "?after=1.1", "?state=failed&after=1.1", "?limit=0", "?x=1"] {
        #expect(try daemon.fetch("/callbacks\(query)").code == "invalid_parameter", "\(query)")
      }
    }

    @Test func `the list has pages`() throws {
      let stub = try StubAPI { _, _ in .json("{}", .gone) }
      let daemon = try Self.daemon(stub, in: try TemporaryFolder())
      for number in 0..<5 { try Self.end("p\(number)", of: daemon) }
      try wait("the failures") { try Self.callbacks(daemon, "?state=failed").count == 5 }
      for state in ["", "state=failed&"] {
        var (jobs, next): ([String], String?) = ([], "")
        while let after = next {
          let query = "?\(state)limit=2" + (after.isEmpty ? "" : "&after=\(after)")
          let page =
            try JSONSerialization.jsonObject(
              with: Data(try daemon.fetch("/callbacks\(query)").body)) as? [String: Any]
          jobs += try #require(page?["callbacks"] as? [[String: Any]]).compactMap { $0["job"] as? String }
          next = page?["next"] as? String
        }
        #expect(jobs.count == 5 && Set(jobs).count == 5)
        if state.isEmpty { #expect(jobs == ["p4", "p3", "p2", "p1", "p0"]) }
      }
    }

    @Test(arguments: PostgreSQLServer.isAvailable ? [false, true] : [false])
    func `the callbacks of one job are listed`(_ isOnServer: Bool) throws {
      let stub = try StubAPI { _, _ in .json("{}", .gone) }
      let database = try isOnServer ? PostgreSQLServer.shared().makeDatabase() : nil
      let daemon = try Self.daemon(
        stub, in: try TemporaryFolder(), database.map { ["DATABASE_URL": $0.url] } ?? [:])
      for number in 0..<3 { try Self.end("p\(number)", of: daemon) }
      try wait("the failures") { try Self.callbacks(daemon, "?state=failed").count == 3 }
      for query in ["?job=p1", "?job=p1&state=failed", "?job=p1&limit=2"] {
        #expect(try Self.callbacks(daemon, query).map { $0["job"] as? String } == ["p1"], "\(query)")
      }
      #expect(try Self.callbacks(daemon, "?job=p1&state=pending").isEmpty)
      #expect(try daemon.fetch("/callbacks?job=none").code == "job_not_found")
      let page = try JSONSerialization.jsonObject(
        with: Data(try daemon.fetch("/callbacks?job=p1&limit=1").body))
      let next = try #require((page as? [String: Any])?["next"] as? String)
      #expect(try Self.callbacks(daemon, "?job=p1&limit=1&after=\(next)").isEmpty)
      // The cursor is of that job, and of no state.
      #expect(try daemon.fetch("/callbacks?job=p2&after=\(next)").code == "invalid_parameter")
      #expect(try daemon.fetch("/callbacks?job=p1&after=1.\(next)").code == "invalid_parameter")
    }

    /// Five seconds pass before the second try.
    @Test func `an untrusted certificate is named as the reason, and the callback is retried`() throws {
      let stub = try StubAPI(tls: try TLSClient.Certificates.ecdsa.context()) { _, _ in .json("{}") }
      let daemon = try Self.daemon(stub, in: try TemporaryFolder())
      try Self.end("p1", of: daemon)
      var shown: [String: Any] = [:]
      for tries in 1...2 {
        try wait("try \(tries)", seconds: 30) {
          shown = try Self.callbacks(daemon, "?state=pending").first ?? [:]
          return shown["tries"] as? Int == tries
        }
        #expect(shown["status"] as? Int == nil)
        #expect((shown["error"] as? String)?.contains("certificate") == true, "\(shown)")
      }
      #expect(stub.requests.isEmpty)
    }

    // MARK: Own callbacks

    private static let provider = [
      "REPLICATE_API_TOKEN": "r8_0123456789", "REPLICATE_API_URL": "http://127.0.0.1:1",
      "PUBLIC_URL": "https://hooks.example.com",
    ]

    private static func order(_ callback: String) -> String {
      #"{"model":"owner/name","input":{},"id":"one","callback":\#(callback)}"#
    }

    @Test func `a request may name its own receiver among the allowed hosts`() throws {
      let stub = try StubAPI { _, _ in .json("{}") }
      let daemon = try Daemon(
        in: try TemporaryFolder(),
        environment: Self.provider.merging(["CALLBACK_HOSTS": "app.example.com 127.0.0.1/32"]) { $1 })
      let refusals = [
        (#"{"url":"https://other.example.com/"}"#, "CALLBACK_HOSTS"),
        (#"{"url":"https://10.0.0.1/"}"#, "CALLBACK_HOSTS"),
        (#"{"url":"ftp://app.example.com/"}"#, "https://"),
        (#"{"url":"https://user@app.example.com/"}"#, "user"),
        (#"{"url":"https://app.example.com/\#(String(repeating: "x", count: 2048))"}"#, "2048"),
        (#"{"url":7}"#, "url"), (#"{}"#, "url"), (#"[]"#, "JSON object"),
        (#"{"url":"https://app.example.com/","event":[]}"#, "`event`"),
        (#"{"url":"https://app.example.com/","events":["succeeded"]}"#, "running, progress"),
      ]
      for (callback, text) in refusals {
        let answer = try daemon.post(Self.order(callback))
        #expect(answer.status == 422 && answer.code == "invalid_request", "\(callback)")
        #expect(answer.text.contains("`callback`") && answer.text.contains(text), "\(answer.text)")
      }
      #expect(try daemon.post(Self.order(#"{"url":"\#(stub.url)/own","events":["running"]}"#)).status == 202)
      let shown = try daemon.job("one")["callback"] as? [String: Any]
      #expect(shown?["url"] as? String == stub.url + "/own")
      #expect(try daemon.post("{}", to: "/jobs/one/cancel").status < 300)
      // Without the provider it stays queued, and ends at once.
      try wait("the callback") { !stub.requests.isEmpty }
      #expect(stub.lines.first == "POST /own" && stub.requests[0].body.contains("job.canceled"))
    }

    @Test func `a callback is refused where no host is allowed`() throws {
      let daemon = try Daemon(in: try TemporaryFolder(), environment: Self.provider)
      let answer = try daemon.post(Self.order(#"{"url":"https://app.example.com/"}"#))
      #expect(answer.status == 422 && answer.text.contains("CALLBACK_HOSTS"))
      #expect(try daemon.fetch("/callbacks").status == 404)
    }

    @Test(arguments: [
      ("CALLBACK_URL", "http://93.184.216.34/"), ("CALLBACK_URL", "hooks.example.org"),
      ("CALLBACK_HOSTS", "https://app.example.com"),
      ("CALLBACK_HOSTS", "10.0.0.1/8"), ("CALLBACK_SECRET", "whsec_%%%"),
      ("CALLBACK_SECRET", "a b c"),
    ])
    func `a wrong setting is named, and its value is not shown`(_ name: String, _ value: String) throws {
      let result = try Program.run(
        ["check"], environment: ["REPLICATE_WEBHOOK_SECRET": Daemon.secret, name: value])
      #expect(result.status == 78 && result.error.contains("\(name): "))
      #expect(!result.error.contains(value))
    }

    // MARK: Kills

    private static let kills =
      ProcessInfo.processInfo.environment["CALLBACK_KILLS"].flatMap { Int($0) } ?? 4

    /// Killed between the commit of an end, its callback, and the commit of the result.
    @Test func `each end arrives with one id, however often the daemon is killed`() throws {
      let stub = try StubAPI { _, _ in .json("{}") }
      let folder = try TemporaryFolder()
      var daemon = try Self.daemon(stub, in: folder)
      var random = SystemRandomNumberGenerator()
      var ends = 0
      for _ in 0..<Self.kills {
        for _ in 0..<Int.random(in: 1...8, using: &random) {
          try Self.end("p\(ends)", of: daemon)
          ends += 1
        }
        poll(nil, 0, Int32.random(in: 0...25, using: &random))
        daemon.killAtOnce()
        daemon = try Self.daemon(stub, in: folder)
      }
      func ids() -> [String: Set<String>] {
        var ids: [String: Set<String>] = [:]
        for request in stub.requests {
          let job = request.body.split(separator: #""data":{"id":""#).last?.prefix { $0 != "\"" } ?? ""
          ids[String(job), default: []].insert(request.fields["webhook-id"] ?? "")
        }
        return ids
      }
      try wait("all callbacks", seconds: 90) { ids().count == ends }
      let twice = ids().values.count { $0.count != 1 }
      #expect(twice == 0)
      try wait("all results") { try Self.callbacks(daemon, "?state=pending").isEmpty }
      ProofRecord.note(
        "kill -9 between an end and its callback", rounds: Self.kills, acknowledged: ends, lost: 0,
        appliedTwice: twice)
    }
  }
}
