import Foundation
import LiveDaemon
import Testing

extension ProcessTests {
  /// What a token for one job opens, on both listeners, over real sockets.
  @Suite struct BrowserTests {
    private static let apiToken = "0123456789abcdef-api"
    private static let bearer = "Authorization: Bearer \(apiToken)"
    private static let origin = "https://app.example.com"
    private static let json = "Content-Type: application/json"

    private static let environment = [
      "API_TOKENS": apiToken, "BROWSER_ORIGINS": "\(origin),http://localhost:5173",
      "PUBLIC_URL": "https://hooks.example.com", "REPLICATE_API_TOKEN": "r8_0123456789",
      "REPLICATE_API_URL": "http://127.0.0.1:1", "LOG_LEVEL": "debug",
    ]

    /// A daemon with the jobs `lamp-1` and `lamp-2`.
    private static func daemon(_ changes: [String: String] = [:]) throws -> Daemon {
      let daemon = try Daemon(in: try TemporaryFolder(), environment: environment.merging(changes) { $1 })
      for id in ["lamp-1", "lamp-2"] {
        let body = #"{"id":"\#(id)","model":"a/b","input":{"prompt":"p"},"metadata":{"user":"secret-7"}}"#
        #expect(try daemon.post(body, fields: [json, bearer]).status == 202)
      }
      return daemon
    }

    private static func token(
      for id: String, ttl: String = "1h", of daemon: Daemon
    ) throws -> (token: String, document: [String: Any]) {
      let answer = try daemon.post(#"{"ttl":"\#(ttl)"}"#, to: "/jobs/\(id)/tokens", fields: [json, bearer])
      #expect(answer.status == 200 && answer.fields["cache-control"] == "no-store")
      let document = try #require(
        JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any])
      return (try #require(document["token"] as? String), document)
    }

    private enum Listener: CaseIterable { case webhooks, api }

    private static func connect(to listener: Listener, of daemon: Daemon) throws -> HTTPConnection {
      listener == .webhooks
        ? try HTTPConnection(host: "127.0.0.1", port: daemon.webhookPort)
        : try HTTPConnection(host: "127.0.0.2", port: daemon.apiPort)
    }

    private static func send(
      _ line: String, to listener: Listener, of daemon: Daemon, _ fields: [String] = []
    ) throws -> HTTPAnswer {
      let connection = try connect(to: listener, of: daemon)
      let fields = ["Host: hooks.example.com"] + fields
      let request = "\(line) HTTP/1.1\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n"
      try connection.send(Array(request.utf8))
      return try connection.receive(isHead: line.hasPrefix("HEAD"))
    }

    @Test func `a token reads its job on both listeners, without what the app keeps for itself`() throws {
      let daemon = try Self.daemon()
      let (token, document) = try Self.token(for: "lamp-1", of: daemon)
      #expect(document["id"] as? String == "lamp-1")
      #expect(document["url"] as? String == "https://hooks.example.com/jobs/lamp-1")
      #expect((document["expires_at"] as? String)?.hasSuffix(".000Z") == true)
      // An order that waits changes with each try.
      _ = try daemon.post("{}", to: "/jobs/lamp-1/cancel", fields: [Self.json, Self.bearer])
      try wait("the job to end") {
        try daemon.fetch("/jobs/lamp-1", fields: [Self.bearer]).text.contains(#""state":"canceled""#)
      }
      for listener in Listener.allCases {
        for (line, fields) in [
          ("/jobs/lamp-1?token=\(token)", []), ("/jobs/lamp-1", ["Authorization: Bearer \(token)"]),
          ("/jobs/lamp-1/", ["authorization: bearer \(token)"]),
        ] {
          let answer = try Self.send("GET \(line)", to: listener, of: daemon, fields)
          #expect(answer.status == 200 && answer.fields["cache-control"] == "no-store", "\(line)")
          #expect(answer.text.contains(#""prompt":"p""#) && !answer.text.contains("secret-7"))
          #expect(answer.fields["access-control-allow-origin"] == nil)
          let tag = try #require(answer.fields["etag"])
          let again = try Self.send(
            "GET \(line)", to: listener, of: daemon, fields + ["If-None-Match: \(tag)"])
          #expect(again.status == 304 && again.fields["cache-control"] == "no-store")
          #expect(try Self.send("HEAD \(line)", to: listener, of: daemon, fields).status == 200)
        }
      }
      #expect(try daemon.fetch("/jobs/lamp-1", fields: [Self.bearer]).text.contains("secret-7"))
      // The narrower of two credentials decides.
      let both = try daemon.fetch("/jobs/lamp-1?token=\(token)", fields: [Self.bearer])
      #expect(both.status == 200 && !both.text.contains("secret-7"))
      let query = try daemon.fetch("/jobs/lamp-1?token=\(token)&limit=1")
      #expect(query.status == 400 && query.code == "invalid_parameter")
    }

    @Test func `a token opens no other route`() throws {
      let daemon = try Self.daemon()
      let token = try Self.token(for: "lamp-1", of: daemon).token
      let lines = [
        "GET /jobs", "GET /jobs/lamp-1/history", "GET /jobs/lamp-1/logs", "POST /jobs",
        "POST /jobs/lamp-1/cancel",
        "POST /jobs/lamp-1/tokens", "GET /usage", "GET /metrics", "GET /events", "GET /callbacks",
        "DELETE /jobs/lamp-1", "POST /jobs/lamp-1/retry", "PUT /jobs/lamp-1", "POST /jobs/lamp-1",
      ]
      for line in lines {
        let inQuery = line + "?token=\(token)"
        for (line, fields) in [(inQuery, []), (line, ["Authorization: Bearer \(token)"])] {
          let there = try Self.send(line, to: .webhooks, of: daemon, fields)
          #expect([404, 405].contains(there.status) && there.code != "job_not_found", "\(line)")
          let here = try Self.send(line, to: .api, of: daemon, fields)
          #expect([401, 404, 405].contains(here.status) && here.code != "job_not_found", "\(line)")
        }
      }
      // Nor do the API's tokens on the listener that everybody reaches.
      for line in lines + ["GET /jobs/lamp-1"] {
        let answer = try Self.send(line, to: .webhooks, of: daemon, [Self.bearer])
        #expect([404, 405].contains(answer.status), "\(line)")
      }
      let job = try daemon.fetch("/jobs/lamp-1", fields: [Self.bearer])
      #expect(job.status == 200 && !job.text.contains(#""cancel_requested":true"#))
    }

    @Test func `a wrong token and an unknown job are the same 404`() throws {
      let daemon = try Self.daemon()
      let token = try Self.token(for: "lamp-1", of: daemon).token
      let other = try Self.token(for: "lamp-2", of: daemon).token
      let digits = token.split(separator: "_")[1]
      func answer(_ line: String, _ listener: Listener, _ fields: [String] = []) throws -> [String] {
        let answer = try Self.send(line, to: listener, of: daemon, fields)
        let fields = answer.fields.filter { $0.key != "date" }.map { "\($0): \($1)" }.sorted()
        return ["\(answer.status)", answer.text] + fields
      }
      let expected = try answer("GET /jobs/none?token=\(token)", .webhooks)
      #expect(expected[0] == "404" && expected[1].contains(#""code":"job_not_found""#))
      let tokens = [
        "", "x", other, token.dropLast() + "", token + "A", token.lowercased(), String(token.reversed()),
        token.replacingOccurrences(of: digits, with: "1"), String(repeating: "A", count: 4000),
        token.replacingOccurrences(of: digits, with: "9999999999"), Self.apiToken, "%00", "%2E%2E%2F",
      ]
      for listener in Listener.allCases {
        for wrong in tokens {
          for id in ["lamp-1", "none"] {
            #expect(try answer("GET /jobs/\(id)?token=\(wrong)", listener) == expected, "\(id) \(wrong)")
          }
        }
        for id in ["lamp-1", "none"] {
          let twice = try answer("GET /jobs/\(id)?token=\(token)&token=\(other)", listener)
          #expect(id == "none" ? twice == expected : twice[0] == "400")
          let fields = ["Authorization: Bearer \(other)x"]
          #expect(try answer("GET /jobs/\(id)", listener, fields) == expected)
        }
      }
      // Nor can they be distinguished without any token.
      for id in ["lamp-1", "none"] { #expect(try answer("GET /jobs/\(id)", .webhooks) == expected) }
    }

    @Test func `a token ends with its job`() throws {
      let daemon = try Self.daemon()
      let token = try Self.token(for: "lamp-1", of: daemon).token
      let stream = try Self.stream(of: "lamp-1", token, on: .webhooks, of: daemon)
      let deleted = try daemon.fetch("/jobs/lamp-1?cancel=true", method: "DELETE", fields: [Self.bearer])
      #expect([202, 204].contains(deleted.status))
      _ = try stream.receive(through: "\r\n0\r\n\r\n")
      let (expected, line) = ("GET /jobs/none?token=\(token)", "GET /jobs/lamp-1?token=\(token)")
      try wait("the job to be deleted") { try Self.send(line, to: .webhooks, of: daemon).status == 404 }
      let answer = try Self.send(line, to: .webhooks, of: daemon)
      #expect(try answer.text == Self.send(expected, to: .webhooks, of: daemon).text)
    }

    @Test func `an expired token is refused, and its streams and waits end`() throws {
      let daemon = try Self.daemon()
      let token = try Self.token(for: "lamp-1", ttl: "10s", of: daemon).token
      let line = "GET /jobs/lamp-1?token=\(token)"
      let stream = try Self.stream(of: "lamp-1", token, on: .webhooks, of: daemon)
      let waiting = try Self.connect(to: .webhooks, of: daemon)
      try waiting.send(Array("\(line)&wait=5m&until=end HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
      #expect(try Self.send(line, to: .webhooks, of: daemon).status == 200)
      _ = try stream.receive(through: "\r\n0\r\n\r\n")
      #expect(try Self.send(line, to: .webhooks, of: daemon).status == 404)
      // Its connection waits for at most a minute.
      #expect(try waiting.receive().status == 200)
      let again = try Self.send("GET /jobs/lamp-1/events?token=\(token)", to: .webhooks, of: daemon)
      #expect(again.status == 404 && again.code == "job_not_found")
    }

    /// Opens a job's stream, and reads its first state.
    private static func stream(
      of id: String, _ token: String, on listener: Listener, of daemon: Daemon
    ) throws -> HTTPConnection {
      let connection = try connect(to: listener, of: daemon)
      let lines = ["GET /jobs/\(id)/events?token=\(token) HTTP/1.1", "Host: a", "Origin: \(origin)", "", ""]
      try connection.send(Array(lines.joined(separator: "\r\n").utf8))
      let head = try connection.receive()
      #expect(head.status == 200 && head.fields["content-type"] == "text/event-stream")
      #expect(head.fields["access-control-allow-origin"] == origin && head.fields["vary"] == "Origin")
      let state = try connection.receive(through: "\n\n")
      let event = state.contains("event: job") ? state : try connection.receive(through: "\n\n")
      #expect(
        event.contains("event: job") && event.contains(#""id":"\#(id)""#) && !event.contains("secret-7"))
      return connection
    }

    @Test func `a stream shows its job's changes, and a wait ends with one`() throws {
      let daemon = try Self.daemon()
      let token = try Self.token(for: "lamp-1", of: daemon).token
      for listener in Listener.allCases {
        let stream = try Self.stream(of: "lamp-1", token, on: listener, of: daemon)
        let waiting = try Self.connect(to: listener, of: daemon)
        let end = "GET /jobs/lamp-1?token=\(token)&wait=30s&until=end HTTP/1.1\r\nHost: a\r\n\r\n"
        try waiting.send(Array(end.utf8))
        let cancel = try daemon.post("{}", to: "/jobs/lamp-1/cancel", fields: [Self.json, Self.bearer])
        #expect([200, 202].contains(cancel.status))
        let rest = try stream.receive(through: "\r\n0\r\n\r\n")
        #expect(listener == .api || rest.contains(#""state":"canceled""#))
        let answer = try waiting.receive()
        #expect(answer.status == 200 && answer.text.contains(#""state":"canceled""#))
        #expect(!answer.text.contains("secret-7") && answer.fields["cache-control"] == "no-store")
      }
    }

    /// Everybody may be a page's visitor, and deliveries arrive at the same address.
    @Test func `streams leave room for deliveries`() throws {
      let daemon = try Self.daemon(["MAX_CONNECTIONS": "40", "MAX_STREAMS": "20"])
      let token = try Self.token(for: "lamp-1", of: daemon).token
      var streams: [HTTPConnection] = []
      for _ in 0..<20 { streams.append(try Self.stream(of: "lamp-1", token, on: .webhooks, of: daemon)) }
      let line = "GET /jobs/lamp-1/events?token=\(token)"
      let refused = try Self.send(line, to: .webhooks, of: daemon, ["Origin: \(Self.origin)"])
      #expect(refused.status == 503 && refused.code == "too_many_streams")
      #expect(refused.fields["access-control-allow-origin"] == Self.origin)
      var deliveries: [HTTPConnection] = []
      // More connections than there is room for beside the streams, and all of them stay open.
      for number in 0..<30 {
        let connection = try Self.connect(to: .webhooks, of: daemon)
        try connection.send(
          SignedDelivery(id: "m\(number)", prediction: "p\(number)", status: "processing").request)
        #expect(try connection.receive().status == 200, "delivery \(number)")
        deliveries.append(connection)
      }
      // The streams made room, and the connections of the sender were kept.
      try connectionsAreServed(deliveries)
      let metrics = try daemon.fetch("/metrics", fields: [Self.bearer]).text
      #expect(metrics.contains("replicate_webhookd_evicted_connections_total 10"))
    }

    private func connectionsAreServed(_ connections: [HTTPConnection]) throws {
      for (number, connection) in connections.enumerated() {
        try connection.send(
          SignedDelivery(id: "n\(number)", prediction: "q\(number)", status: "processing").request)
        #expect(try connection.receive().status == 200, "delivery \(number) again")
      }
    }

    /// The key is in the store, so a restart, or a restored backup, changes nothing.
    @Test func `a token survives a restart`() throws {
      let folder = try TemporaryFolder()
      let body = #"{"id":"lamp-1","model":"a/b","input":{}}"#
      var token = ""
      do {
        let daemon = try Daemon(in: folder, environment: Self.environment)
        #expect(try daemon.post(body, fields: [Self.json, Self.bearer]).status == 202)
        token = try Self.token(for: "lamp-1", of: daemon).token
        daemon.killAtOnce()
      }
      let daemon = try Daemon(in: folder, environment: Self.environment)
      #expect(try Self.send("GET /jobs/lamp-1?token=\(token)", to: .webhooks, of: daemon).status == 200)
      // Another store has another key.
      let other = try Self.daemon()
      #expect(try Self.send("GET /jobs/lamp-1?token=\(token)", to: .webhooks, of: other).status == 404)
    }

    @Test func `pages of the listed origins may read, refusals included`() throws {
      let daemon = try Self.daemon()
      let token = try Self.token(for: "lamp-1", of: daemon).token
      for listener in Listener.allCases {
        for (path, status) in [("/jobs/lamp-1?token=\(token)", 200), ("/jobs/lamp-1?token=x", 404)] {
          for (origin, isAllowed) in [
            (Self.origin, true), ("http://localhost:5173", true), ("https://evil.example", false),
            ("null", false),
          ] {
            let answer = try Self.send("GET \(path)", to: listener, of: daemon, ["Origin: \(origin)"])
            #expect(answer.status == status && answer.fields["vary"] == "Origin")
            #expect(answer.fields["access-control-allow-origin"] == (isAllowed ? origin : nil))
            #expect(answer.fields["access-control-allow-credentials"] == nil)
            let preflight = try Self.send(
              "OPTIONS \(path)", to: listener, of: daemon,
              [
                "Origin: \(origin)", "Access-Control-Request-Method: GET",
                "Access-Control-Request-Headers: authorization",
              ])
            #expect(preflight.status == (isAllowed ? 204 : 403))
            #expect(preflight.fields["access-control-allow-origin"] == (isAllowed ? origin : nil))
          }
        }
        // A page is not let in where a token of the API, or this machine, is.
        let page = ["Origin: \(Self.origin)"]
        #expect(
          try Self.send("GET /jobs", to: listener, of: daemon, page + [Self.bearer])
            .fields["access-control-allow-origin"] == nil)
        #expect(try Self.send("OPTIONS /jobs", to: listener, of: daemon, page).status != 204)
      }
    }

    /// Otherwise a page of an allowed origin could read every job of the machine that shows it.
    @Test func `without API_TOKENS a page must present the token of a job`() throws {
      let daemon = try Self.daemon(["API_TOKENS": "", "API_LISTEN": "127.0.0.2:0"])
      let answer = try daemon.post("", to: "/jobs/lamp-1/tokens", fields: [])
      let document = try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any]
      let token = try #require(document?["token"] as? String)
      let page = "Origin: \(Self.origin)"
      let ambient = try daemon.fetch("/jobs/lamp-1", fields: [page])
      #expect(ambient.status == 200 && ambient.fields["access-control-allow-origin"] == nil)
      let presented = try daemon.fetch("/jobs/lamp-1?token=\(token)", fields: [page])
      #expect(presented.status == 200 && presented.fields["access-control-allow-origin"] == Self.origin)
      let mint = try daemon.post("", to: "/jobs/lamp-1/tokens", fields: [page])
      #expect(mint.status == 403 && mint.code == "origin_not_allowed")
    }

    @Test func `without BROWSER_ORIGINS the API stays off the listener of deliveries`() throws {
      let daemon = try Self.daemon(["BROWSER_ORIGINS": ""])
      let (token, document) = try Self.token(for: "lamp-1", of: daemon)
      #expect(document["url"] == nil)
      for line in ["GET /jobs/lamp-1?token=\(token)", "OPTIONS /jobs/lamp-1", "GET /jobs"] {
        let answer = try Self.send(line, to: .webhooks, of: daemon, ["Origin: \(Self.origin)"])
        #expect(answer.status == 404 && answer.code == "not_found")
      }
      let here = try Self.send(
        "GET /jobs/lamp-1?token=\(token)", to: .api, of: daemon, ["Origin: \(Self.origin)"])
      #expect(here.status == 200 && here.fields["access-control-allow-origin"] == nil)
      #expect(here.fields["vary"] == nil)
    }

    @Test func `one address serves both`() throws {
      let port = "0.0.0.0:0"
      let daemon = try Self.daemon(["WEBHOOK_LISTEN": port, "API_LISTEN": port])
      let token = try Self.token(for: "lamp-1", of: daemon).token
      let line = "GET /jobs/lamp-1?token=\(token)"
      let page = ["Origin: \(Self.origin)"]
      let answer = try Self.send(line, to: .webhooks, of: daemon, page)
      #expect(answer.status == 200 && answer.fields["access-control-allow-origin"] == Self.origin)
      #expect(try Self.send("OPTIONS /jobs/lamp-1", to: .webhooks, of: daemon, page).status == 204)
      #expect(try Self.send("GET /jobs/lamp-1", to: .webhooks, of: daemon, page).status == 401)
    }

    @Test func `no log line has a token`() throws {
      let daemon = try Self.daemon()
      let token = try Self.token(for: "lamp-1", of: daemon).token
      let secret = try #require(token.split(separator: "_", maxSplits: 2).last)
      for path in [
        "/jobs/lamp-1?token=\(token)", "/jobs/lamp-2?token=\(token)", "/jobs?token=\(token)",
        "/nothing?token=\(token)", "/jobs/lamp-1?token=\(token)&x=1", "/jobs/lamp-1?token=\(token)%zz",
        "/jobs/lamp-1#token=\(token)", "/jobs/lamp-1/events?token=\(token)", "/metrics?token=\(token)",
      ] {
        for listener in Listener.allCases {
          for method in ["GET", "POST", "OPTIONS"] {
            let fields = ["Authorization: Bearer \(token)", "Content-Length: 0", "Origin: null"]
            _ = try Self.send("\(method) \(path)", to: listener, of: daemon, fields)
          }
        }
      }
      let log = daemon.logAfterStop()
      #expect(log.contains("job_not_found") && log.contains("/nothing"))
      #expect(!log.contains(secret) && !log.contains("rwj1_"))
    }

    @Test func `the command prints a token and its URL`() throws {
      let daemon = try Self.daemon()
      let api = "http://127.0.0.2:\(daemon.apiPort)"
      let result = try Program.run(
        ["token", "lamp-1", "--ttl", "10m", "--api", api], environment: ["API_TOKENS": Self.apiToken])
      let lines = result.output.split(separator: "\n")
      #expect(result.status == 0 && lines.count == 2)
      let token = try #require(lines.first)
      #expect(lines.last == "https://hooks.example.com/jobs/lamp-1?token=\(token)")
      #expect(
        try Self.send("GET /jobs/lamp-1?token=\(token)", to: .webhooks, of: daemon).status == 200)
      let unknown = try Program.run(
        ["token", "none", "--api", api], environment: ["API_TOKENS": Self.apiToken])
      #expect(unknown.status == 1 && unknown.error.contains("job_not_found"))
      let wrong = try Program.run(
        ["token", "lamp-1", "--ttl", "1y", "--api", api], environment: ["API_TOKENS": Self.apiToken])
      #expect(wrong.status == 1 && wrong.error.contains("from 10s to 7d"))
    }
  }
}
