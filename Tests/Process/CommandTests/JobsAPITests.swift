import Foundation
import LiveDaemon
import Testing

extension ProcessTests {
  @Suite struct JobsAPITests {
    private func filled(_ count: Int, environment: [String: String] = [:]) throws -> Daemon {
      let daemon = try Daemon(in: try TemporaryFolder(), environment: environment)
      let connection = try HTTPConnection(host: "127.0.0.1", port: daemon.webhookPort)
      for number in 0..<count {
        let status = ["succeeded", "failed", "processing"][number % 3]
        try connection.send(
          SignedDelivery(id: "m\(number)", prediction: "p\(number)", status: status).request)
        #expect(try connection.receive().status == 200)
      }
      return daemon
    }

    @Test func aJobHasATagThatChangesWithIt() throws {
      let daemon = try filled(3)
      let first = try daemon.fetch("/jobs/p2")
      let tag = try #require(first.fields["etag"])
      // The number of the change, and the epoch of the store.
      let epoch = try #require(tag.wholeMatch(of: /"3\.([0-9a-f]{12})"/)).1
      #expect(first.status == 200)
      let unchanged = try daemon.fetch("/jobs/p2", fields: ["If-None-Match: \(tag)"])
      #expect(unchanged.status == 304 && unchanged.body.isEmpty && unchanged.fields["etag"] == tag)
      // A repeated delivery, and another job's, change nothing.
      _ = try daemon.post(SignedDelivery(id: "m2", prediction: "p2", status: "processing"))
      _ = try daemon.post(SignedDelivery(id: "y", prediction: "p9", status: "processing"))
      #expect(try daemon.fetch("/jobs/p2", fields: ["If-None-Match: \(tag)"]).status == 304)
      _ = try daemon.post(SignedDelivery(id: "x", prediction: "p2", status: "succeeded"))
      let changed = try daemon.fetch("/jobs/p2", fields: ["If-None-Match: \(tag)"])
      #expect(changed.status == 200 && changed.fields["etag"] == "\"5.\(epoch)\"")
    }

    @Test func headHasTheFieldsOfGet() throws {
      let daemon = try filled(1)
      let get = try daemon.fetch("/jobs/p0")
      let head = try daemon.fetch("/jobs/p0", method: "HEAD")
      #expect(head.status == 200 && head.fields["content-length"] == get.fields["content-length"])
      #expect(head.fields["etag"] == get.fields["etag"])
    }

    @Test func listsArePagedAndFiltered() throws {
      let daemon = try filled(10)
      var (ids, path): ([String], String?) = ([], "/jobs?limit=4")
      while let page = path {
        let document = try #require(
          JSONSerialization.jsonObject(with: Data(daemon.fetch(page).body)) as? [String: Any])
        let jobs = try #require(document["jobs"] as? [[String: Any]])
        ids += jobs.compactMap { $0["id"] as? String }
        path = (document["next"] as? String).map { "/jobs?limit=4&after=\($0)" }
      }
      #expect(ids == (0..<10).reversed().map { "p\($0)" })
      let failed = try daemon.fetch("/jobs?state=failed").text
      #expect(failed.contains("\"p1\"") && failed.contains("\"p4\"") && !failed.contains("\"p0\""))
    }

    @Test(arguments: [
      ("GET", "/jobs/none", 404, "job_not_found"), ("GET", "/jobs/none/history", 404, "job_not_found"),
      ("GET", "/jobs/none/logs", 404, "job_not_found"),
      ("GET", "/jobs/p0/logs?x=1", 400, "invalid_parameter"),
      ("GET", "/jobs?state=dancing", 400, "invalid_parameter"),
      ("GET", "/jobs?limit=0", 400, "invalid_parameter"),
      ("GET", "/jobs?limit=501", 400, "invalid_parameter"),
      ("GET", "/jobs?limit=x", 400, "invalid_parameter"),
      ("GET", "/jobs?states=failed", 400, "invalid_parameter"),
      ("GET", "/jobs?limit=1&limit=2", 400, "invalid_parameter"),
      ("GET", "/jobs?after=-1", 400, "invalid_parameter"),
      ("GET", "/jobs?state=%zz", 400, "invalid_parameter"),
      ("GET", "/jobs/p0?x=1", 400, "invalid_parameter"), ("GET", "/none", 404, "not_found"),
      ("GET", "/webhooks/replicate", 404, "not_found"), ("GET", "/jobs/%2e%2e", 400, "malformed_request"),
    ])
    func everyRefusalIsAProblemWithACode(_ method: String, _ path: String, _ status: Int, _ code: String)
      throws
    {
      let daemon = try filled(1)
      let answer = try daemon.fetch(path, method: method)
      #expect(answer.status == status && answer.code == code)
      #expect(answer.fields["content-type"] == "application/problem+json")
    }

    /// RFC 9110 section 10.2.1: `Allow` lists the methods of the path.
    @Test(arguments: [
      ("PUT", "/jobs", "GET, HEAD, POST, DELETE"), ("PATCH", "/jobs", "GET, HEAD, POST, DELETE"),
      ("PUT", "/jobs/p0", "GET, HEAD, DELETE"), ("POST", "/jobs/p0", "GET, HEAD, DELETE"),
      ("DELETE", "/jobs/p0/retry", "POST"),
      ("GET", "/jobs/p0/cancel", "POST"), ("HEAD", "/jobs/p0/cancel", "POST"),
      ("POST", "/jobs/p0/history", "GET, HEAD"), ("POST", "/jobs/p0/logs", "GET, HEAD"),
      ("POST", "/usage", "GET, HEAD"),
      ("POST", "/metrics", "GET, HEAD"), ("POST", "/readyz", "GET, HEAD"), ("POST", "/healthz", "GET, HEAD"),
    ])
    func anUnsupportedMethodIsAnsweredWithTheAllowedOnes(
      _ method: String, _ path: String, _ allowed: String
    ) throws {
      let answer = try filled(1).fetch(path, method: method)
      #expect(answer.status == 405 && answer.fields["allow"] == allowed)
      #expect(answer.fields["content-type"] == "application/problem+json")
      if method != "HEAD" { #expect(answer.code == "method_not_allowed") }
    }

    @Test func theWebhookListenerShowsNoJobs() throws {
      let daemon = try filled(1)
      for (request, status) in [
        ("GET /jobs HTTP/1.1", 404), ("GET /metrics HTTP/1.1", 404), ("GET /healthz HTTP/1.1", 200),
        ("GET /webhooks/replicate HTTP/1.1", 405), ("POST /webhooks/replicate HTTP/1.1", 411),
      ] {
        let connection = try HTTPConnection(host: "127.0.0.1", port: daemon.webhookPort)
        try connection.send(Array("\(request)\r\nHost: a\r\n\r\n".utf8))
        let answer = try connection.receive()
        #expect(answer.status == status, "\(request)")
        if status == 405 { #expect(answer.fields["allow"] == "POST") }
      }
    }

    @Test func withoutTokensOnlyThisMachineByNameIsAnswered() throws {
      let daemon = try filled(1)
      for (host, status) in [
        ("localhost", 200), ("127.0.0.1:9", 200), ("evil.example", 403), ("127.0.0.1.evil.example", 403),
      ] {
        let connection = try HTTPConnection(host: "127.0.0.2", port: daemon.apiPort)
        try connection.send(Array("GET /jobs/p0 HTTP/1.1\r\nHost: \(host)\r\n\r\n".utf8))
        #expect(try connection.receive().status == status, "\(host)")
      }
    }

    @Test func withTokensOneOfThemMustBePresented() throws {
      let tokens = ["API_TOKENS": "first-token-0123456789 second-token-0123456789"]
      let daemon = try filled(1, environment: tokens)
      #expect(try daemon.fetch("/readyz").status == 200)
      for path in ["/jobs", "/jobs/p0", "/jobs/p0/history", "/jobs/p0/logs", "/metrics"] {
        let refused = try daemon.fetch(path)
        #expect(refused.status == 401 && refused.code == "unauthorized")
        #expect(refused.fields["www-authenticate"] == #"Bearer realm="jobs""#)
        #expect(
          try daemon.fetch(path, fields: ["Authorization: Bearer second-token-0123456789"]).status == 200)
        #expect(
          try daemon.fetch(path, fields: ["Authorization: Bearer third-token-0123456789"]).status == 401)
      }
      #expect(!daemon.logAfterStop().contains("token-0123"))
    }

    @Test func oneAddressForBothAlwaysWantsAToken() throws {
      // The system chooses the port: both settings have port 0 of the same address, and share one.
      let shared = ["API_LISTEN": "127.0.0.1:0", "API_TOKENS": "first-token-0123456789"]
      let daemon = try Daemon(in: try TemporaryFolder(), environment: shared)
      #expect(daemon.apiPort == daemon.webhookPort)
      let connection = try HTTPConnection(host: "127.0.0.1", port: daemon.webhookPort)
      try connection.send(SignedDelivery(id: "m", prediction: "p", status: "succeeded").request)
      #expect(try connection.receive().status == 200)
      try connection.send(Array("GET /jobs/p HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
      #expect(try connection.receive().status == 401)
    }
  }
}
