import Foundation
import LiveDaemon
import PostgreSQLServer
import Testing

extension ProcessTests {
  /// The page and its sessions, over real sockets.
  @Suite struct SessionTests {
    private static let token = "0123456789abcdef-api"
    private static let json = "Content-Type: application/json"
    private static let own = "Sec-Fetch-Site: same-origin"

    private static func daemon(
      in folder: TemporaryFolder? = nil, _ changes: [String: String] = [:]
    ) throws -> Daemon {
      try Daemon(
        in: try folder ?? TemporaryFolder(),
        environment: ["API_TOKENS": "another-token-0123456789 \(token)"].merging(changes) { $1 })
    }

    private static func signIn(
      _ daemon: Daemon, with token: String = token, _ fields: [String] = []
    ) throws -> HTTPAnswer {
      try daemon.post(#"{"token":"\#(token)"}"#, to: "/session", fields: [json] + fields)
    }

    /// The field that a browser sends once it has `answer`.
    private static func cookie(_ answer: HTTPAnswer) throws -> String {
      let field = try #require(answer.fields["set-cookie"])
      return "Cookie: \(field.prefix { $0 != ";" })"
    }

    private static func state(_ daemon: Daemon, _ fields: [String] = []) throws -> [String: Any] {
      let answer = try daemon.fetch("/session", fields: fields)
      #expect(answer.status == 200 && answer.fields["cache-control"] == "no-store")
      return try #require(try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any])
    }

    // MARK: The page

    @Test func `the page is served on the API's listener only, to everybody`() throws {
      let daemon = try Self.daemon()
      for path in ["/", "/?view=health&x=%00", "//"] {
        let page = try daemon.fetch(path)
        #expect(page.status == 200 && page.text.hasPrefix("<!doctype html>"), "\(path)")
        #expect(page.fields["content-type"] == "text/html; charset=utf-8")
        let policy = try #require(page.fields["content-security-policy"])
        #expect(policy.hasPrefix("default-src 'none'; script-src 'sha256-"))
        #expect(
          policy.contains("img-src 'self' data: https://replicate.delivery https://*.replicate.delivery;"))
        #expect(page.fields["referrer-policy"] == "no-referrer")
        #expect(page.fields["x-content-type-options"] == "nosniff")
        let head = try daemon.fetch(path, method: "HEAD")
        #expect(head.status == 200 && head.body.isEmpty)
        #expect(head.fields["content-length"] == "\(page.body.count)")
        let tag = try #require(page.fields["etag"])
        #expect(try daemon.fetch(path, fields: ["If-None-Match: \(tag)"]).status == 304)
      }
      #expect(try daemon.fetch("/", method: "POST").status == 405)
      let webhooks = try HTTPConnection(host: "127.0.0.1", port: daemon.webhookPort)
      for line in ["GET /", "GET /session", "DELETE /session"] {
        try webhooks.send(Array("\(line) HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
        #expect(try webhooks.receive().status == 404, "\(line)")
      }
    }

    @Test func `media may come from where outputs may be`() throws {
      let folder = try TemporaryFolder()
      let rules = try folder.write(
        #"{"a/*":{"kind":"urls","hosts":["files.example.com"]},"*":{"kind":"text"}}"#, to: "rules.json")
      let daemon = try Self.daemon(
        in: folder,
        [
          "OUTPUT_RULES": rules, "REPLICATE_API_URL": "http://127.0.0.1:9000",
          "REPLICATE_API_TOKEN": "r8_0123456789",
        ])
      let page = try daemon.fetch("/")
      let policy = try #require(page.fields["content-security-policy"])
      for source in ["https://files.example.com", "https://*.files.example.com", "http://127.0.0.1:9000"] {
        #expect(policy.contains(" \(source)") && page.text.contains(source))
      }
    }

    // MARK: Signing in and out

    @Test func `a session opens the API until it is signed out`() throws {
      let daemon = try Self.daemon()
      let before = try Self.state(daemon)
      #expect(before["required"] as? Bool == true && before["signed_in"] as? Bool == false)
      #expect(before["expires_at"] is NSNull)
      let answer = try Self.signIn(daemon, ["Origin: http://127.0.0.2", Self.own])
      #expect(answer.status == 200 && answer.fields["cache-control"] == "no-store")
      let field = try #require(answer.fields["set-cookie"])
      #expect(field.hasPrefix("rw_session=rws1."))
      #expect(field.hasSuffix("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict"))
      let cookie = try Self.cookie(answer)
      let state = try Self.state(daemon, [cookie])
      #expect(state["signed_in"] as? Bool == true && (state["expires_at"] as? String)?.hasSuffix("Z") == true)
      for path in ["/jobs", "/metrics", "/usage", "/events"] {
        #expect(try daemon.fetch(path).status == 401, "\(path)")
        #expect(try daemon.fetch(path, fields: [cookie, Self.own]).status == 200, "\(path)")
        #expect(try daemon.fetch(path, fields: [cookie, "Sec-Fetch-Site: cross-site"]).status == 403)
      }
      let body = #"{"id":"j1","model":"a/b","input":{}}"#
      #expect(try daemon.post(body, fields: [Self.json, cookie]).code == "origin_not_allowed")
      // Nothing is configured to create it with: access was granted.
      #expect(try daemon.post(body, fields: [Self.json, cookie, Self.own]).code == "not_configured")
      #expect(
        try daemon.fetch("/session", method: "DELETE", fields: [cookie, "Sec-Fetch-Site: same-site"]).status
          == 403)
      let out = try daemon.fetch("/session", method: "DELETE", fields: [cookie, Self.own])
      #expect(
        out.status == 204 && out.fields["set-cookie"]?.hasPrefix("rw_session=; Path=/; Max-Age=0") == true)
      #expect(try daemon.fetch("/jobs", fields: [cookie, Self.own]).status == 401)
      #expect(try Self.state(daemon, [cookie])["signed_in"] as? Bool == false)
      let log = daemon.logAfterStop()
      #expect(!log.contains("rws1") && !log.contains(Self.token) && !log.contains("rw_session"))
    }

    @Test func `a session outlives the process, and ends with its token`() throws {
      let folder = try TemporaryFolder()
      var daemon = try Self.daemon(in: folder)
      let cookie = try Self.cookie(try Self.signIn(daemon))
      #expect(daemon.stop() == 0)
      daemon = try Self.daemon(in: folder, ["API_TOKENS": Self.token])
      #expect(try daemon.fetch("/jobs", fields: [cookie]).status == 200)
      #expect(daemon.stop() == 0)
      daemon = try Self.daemon(in: folder, ["API_TOKENS": "another-token-0123456789"])
      #expect(try daemon.fetch("/jobs", fields: [cookie]).status == 401)
      // Of another store.
      let other = try Self.daemon()
      #expect(try other.fetch("/jobs", fields: [cookie]).status == 401)
    }

    @Test(.enabled(if: PostgreSQLServer.isAvailable))
    func `a session opens every daemon on the store`() throws {
      let database = try PostgreSQLServer.shared().makeDatabase()
      let daemons = try (0..<2).map { _ in try Self.daemon(in: nil, ["DATABASE_URL": database.url]) }
      let cookie = try Self.cookie(try Self.signIn(daemons[0]))
      for daemon in daemons { #expect(try daemon.fetch("/jobs", fields: [cookie]).status == 200) }
      let out = try daemons[0].fetch("/session", method: "DELETE", fields: [cookie, Self.own])
      #expect(out.status == 204)
      #expect(try daemons[0].fetch("/jobs", fields: [cookie]).status == 401)
    }

    @Test func `wrong tokens are refused, and slowed down`() throws {
      let daemon = try Self.daemon(in: nil, ["TRUSTED_PROXIES": "127.0.0.0/8"])
      for (body, status, code) in [
        ("{", 400, "malformed_json"), ("{}", 422, "invalid_request"),
        (#"{"token":"\#(String(repeating: "a", count: 3000))"}"#, 413, "body_too_large"),
      ] {
        let answer = try daemon.post(body, to: "/session", fields: [Self.json])
        #expect(answer.status == status && answer.code == code, "\(body.prefix(20))")
      }
      #expect(try daemon.post("token=\(Self.token)", to: "/session", fields: []).status == 415)
      let client = "X-Forwarded-For: 192.0.2.1"
      for number in 0..<10 {
        let answer = try Self.signIn(daemon, with: "wrong-token-000000\(number)", [client])
        #expect(answer.status == 401 && answer.code == "unauthorized")
        #expect(answer.fields["set-cookie"] == nil && answer.fields["www-authenticate"] != nil)
      }
      let limited = try Self.signIn(daemon, [client])
      #expect(limited.status == 429 && limited.code == "too_many_attempts")
      #expect((1...6).contains(Int(limited.fields["retry-after"] ?? "") ?? 0))
      // Another client, and the same one with the token itself.
      #expect(try Self.signIn(daemon, ["X-Forwarded-For: 192.0.2.2"]).status == 200)
      #expect(
        try daemon.fetch("/jobs", fields: [client, "Authorization: Bearer \(Self.token)"]).status == 200)
      #expect(!daemon.logAfterStop().contains("wrong-token"))
    }

    @Test(arguments: [
      ["Origin: https://evil.example"], ["Origin: null"], ["Sec-Fetch-Site: cross-site"],
      ["Sec-Fetch-Site: same-site", "Origin: http://127.0.0.2"],
    ])
    func `no other page signs people in`(_ fields: [String]) throws {
      let daemon = try Self.daemon()
      let answer = try Self.signIn(daemon, fields)
      #expect(answer.status == 403 && answer.code == "origin_not_allowed")
      #expect(answer.fields["set-cookie"] == nil)
    }

    // MARK: Other settings

    @Test func `without tokens there is nothing to sign in to`() throws {
      let daemon = try Self.daemon(in: nil, ["API_TOKENS": ""])
      let state = try Self.state(daemon)
      #expect(state["required"] as? Bool == false && state["signed_in"] as? Bool == false)
      #expect(try Self.signIn(daemon).code == "conflict")
      #expect(try daemon.fetch("/").status == 200)
      #expect(try daemon.fetch("/jobs", fields: [Self.own]).status == 200)
      // The page may change something; another page may not.
      let origin = "Origin: http://127.0.0.2"
      #expect(try daemon.post("{}", to: "/jobs/none/cancel", fields: [Self.json, origin]).status == 404)
      for other in ["Origin: http://evil.example", "Origin: null", "\(origin):1"] {
        let answer = try daemon.post("{}", to: "/jobs/none/cancel", fields: [Self.json, other])
        #expect(answer.status == 403 && answer.code == "origin_not_allowed", "\(other)")
      }
    }

    @Test func `over TLS the cookie is sent over TLS only`() throws {
      let port = try FreePorts.choose(1)[0]
      let server = try TLSDaemon(environment: [
        "WEBHOOK_LISTEN": "127.0.0.1:\(port)", "API_LISTEN": "127.0.0.1:\(port)", "API_TOKENS": Self.token,
      ])
      let result = try Program.run(
        [
          "-sS", "-i", "--max-time", "20", "--cacert", server.certificate, "--resolve",
          "hooks.example.com:\(port):127.0.0.1", "-H", Self.json, "-d", #"{"token":"\#(Self.token)"}"#,
          "https://hooks.example.com:\(port)/session",
        ], executable: "/usr/bin/curl")
      #expect(result.output.contains("; HttpOnly; SameSite=Strict; Secure"), "\(result)")
    }

    /// A proxy ends TLS, and the browser names the origin that it has.
    @Test(arguments: [("https://127.0.0.2", true), ("http://127.0.0.2", false)])
    func `behind a proxy the page's origin decides`(_ origin: String, _ isSecure: Bool) throws {
      let answer = try Self.signIn(try Self.daemon(), ["Origin: \(origin)"])
      #expect(answer.status == 200)
      #expect(answer.fields["set-cookie"]?.hasSuffix("; Secure") == isSecure)
    }
  }
}
