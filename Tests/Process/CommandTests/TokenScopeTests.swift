import Foundation
import LiveDaemon
import Testing

extension ProcessTests {
  /// Tokens with a name and a scope.
  @Suite struct TokenScopeTests {
    private static let shop = "shop-token-0123456789"
    private static let support = "support-token-0123456789"
    private static let grafana = "grafana-token-0123456789"
    private static let setting =
      "shop[read+write]=\(shop) support[read]=\(support) grafana[metrics]=\(grafana)"
    private static let json = "Content-Type: application/json"

    private static func daemon() throws -> Daemon {
      let daemon = try Daemon(in: try TemporaryFolder(), environment: ["API_TOKENS": setting])
      let delivery = try SignedDelivery(id: "m", prediction: "p", status: "succeeded")
      #expect(try daemon.post(delivery).status == 200)
      return daemon
    }

    @Test func `each route requires its scope, and the log names the token`() throws {
      let daemon = try Self.daemon()
      let routes = [
        ("GET", "/metrics", [200, 200, 200]), ("GET", "/jobs", [200, 200, 403]),
        ("GET", "/jobs/p", [200, 200, 403]),
        ("GET", "/events", [200, 200, 403]),  // There is no token for the provider.
        ("POST", "/jobs/p/cancel", [501, 403, 403]),
        ("DELETE", "/jobs/p", [204, 403, 403]),
      ]
      // The token that may do most comes last, because it deletes the job.
      for (index, token) in [Self.shop, Self.support, Self.grafana].enumerated().reversed() {
        for (method, path, statuses) in routes {
          let answer = try daemon.fetch(path, method: method, fields: ["Authorization: Bearer \(token)"])
          #expect(answer.status == statuses[index], "\(method) \(path) with \(token)")
          guard answer.status == 403 else { continue }
          #expect(answer.code == "insufficient_scope")
          let scope = method == "GET" ? "read" : "read+write"
          #expect(
            answer.fields["www-authenticate"]
              == #"Bearer realm="jobs", error="insufficient_scope", scope="\#(scope)""#)
        }
      }
      let metrics = try daemon.fetch("/metrics", fields: ["Authorization: Bearer \(Self.grafana)"]).text
      for (name, count) in [("shop", 6), ("support", 6), ("grafana", 7)] {
        #expect(metrics.contains(#"api_token_requests_total{token="\#(name)"} \#(count)"#), "\(name)")
      }
      let log = daemon.logAfterStop()
      for line in [
        "change requested method=POST path=/jobs/p/cancel token=shop",
        "change requested method=DELETE path=/jobs/p token=shop", "token=support", "token=grafana",
      ] {
        #expect(log.contains(line), "\(line)")
      }
      #expect(!log.contains("/jobs/p token=support") && !log.contains("token-0123"))
    }

    @Test func `a session has the scope of its token`() throws {
      let daemon = try Self.daemon()
      func signIn(_ token: String) throws -> HTTPAnswer {
        try daemon.post(#"{"token":"\#(token)"}"#, to: "/session", fields: [Self.json])
      }
      #expect(try signIn(Self.grafana).code == "insufficient_scope")
      for (token, scope, status) in [(Self.support, "read", 403), (Self.shop, "read+write", 204)] {
        let signedIn = try signIn(token)
        #expect(signedIn.status == 200 && signedIn.text.contains(#""scope":"\#(scope)""#))
        let cookie = try #require(signedIn.fields["set-cookie"]?.prefix { $0 != ";" })
        let fields = ["Cookie: \(cookie)", "Sec-Fetch-Site: same-origin"]
        #expect(try daemon.fetch("/session", fields: fields).text.contains(#""scope":"\#(scope)""#))
        #expect(try daemon.fetch("/jobs/p", fields: fields).status == 200)
        #expect(try daemon.fetch("/jobs/p", method: "DELETE", fields: fields).status == status)
      }
      #expect(daemon.logAfterStop().contains("change requested method=DELETE path=/jobs/p token=shop"))
    }

    @Test(arguments: [
      ("shop[read]=\(shop) support[write]=\(support)", 78, "API_TOKENS: token 2: write [read+write]"),
      (
        "\(setting) \(shop)x", 0,
        "4 API token(s), shop [read+write], support [read], grafana [metrics], 1 unnamed"
      ),
    ])
    func `check describes the tokens without them`(_ setting: String, _ status: Int32, _ text: String) throws
    {
      let folder = try TemporaryFolder()
      let result = try Program.run(
        ["check"],
        environment: [
          "REPLICATE_WEBHOOK_SECRET": Daemon.secret, "API_TOKENS": setting,
          "WEBHOOK_LISTEN": "127.0.0.1:0", "API_LISTEN": "127.0.0.2:0",
          "DATABASE_URL": "sqlite:\(folder.url.path)/jobs.db",
        ])
      #expect(result.status == status)
      #expect((result.output + result.error).contains(text), "\(result.output)\(result.error)")
      #expect(!(result.output + result.error).contains("token-0123"))
    }
  }
}
