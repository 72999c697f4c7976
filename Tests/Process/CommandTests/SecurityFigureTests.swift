import Foundation
import LiveDaemon
import Simulation
import Testing

extension ProcessTests {
  /// The figures of deploy/security.md, each counted here.
  @Suite struct SecurityFigureTests {
    private static let json = "Content-Type: application/json"
    private static let provider = [
      "REPLICATE_API_TOKEN": "r8_0123456789", "REPLICATE_API_URL": "http://127.0.0.1:1",
    ]

    private func send(_ text: String, to port: Int, host: String = "127.0.0.2") throws -> HTTPAnswer {
      let connection = try HTTPConnection(host: host, port: port)
      try connection.send(Array(text.utf8))
      return try connection.receive()
    }

    // MARK: Web pages

    /// Names that DNS may rebind, and lookalikes of loopback names.
    private static let hosts = [
      "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "127.0.0.1.nip.io", "localhost.",
      "127.0.0.1.", "127.1", "127.0.1", "2130706433", "0x7f.0.0.1", "0x7f000001", "0177.0.0.1", "0.0.0.0",
      "[::]", "[::ffff:127.0.0.1]", "[0:0:0:0:0:0:0:1]", "[::1%25lo]", "::1", "localhost:80@evil.example",
      "user@localhost", "127.0.0.256", "10.0.0.1", "xn--lcalhost-c2a",
    ]

    @Test func noOtherHostIsAnswered() throws {
      let daemon = try Daemon(in: try TemporaryFolder(), environment: Self.provider)
      for host in Self.hosts {
        for line in ["GET /jobs", "GET /metrics", "POST /jobs"] {
          let body = line.hasPrefix("POST") ? "Content-Length: 2\r\n\(Self.json)\r\n\r\n{}" : "\r\n"
          let answer = try send("\(line) HTTP/1.1\r\nHost: \(host)\r\n\(body)", to: daemon.apiPort)
          let isRefused =
            answer.status == 403 && answer.code == "host_not_allowed"
            || answer.status == 400 && answer.code == "malformed_request"
          #expect(isRefused, "\(line) of \(host): \(answer.status) \(answer.text)")
        }
      }
      #expect(try daemon.fetch("/jobs").text.contains(#""jobs":[]"#))
      #expect(try SecurityPage.has("\(Set(Self.hosts).count) spellings of `Host`"))
    }

    private static let origins = [
      "https://evil.example", "null", "http://localhost.evil.example", "http://127.0.0.1:1",
      "http://localhost",
      "file://", "http://127.0.0.2",
    ]

    /// Requests of another origin, with and without a preflight.
    @Test func noOtherOriginChangesAnything() throws {
      let daemon = try Daemon(in: try TemporaryFolder(), environment: Self.provider)
      _ = try daemon.post(SignedDelivery(id: "m", prediction: "p", status: "processing"))
      let body = #"{"id":"x","model":"a/b","input":{}}"#
      var count = 0
      for origin in Self.origins {
        for type in ["application/json", "text/plain", "application/x-www-form-urlencoded"] {
          for path in ["/jobs", "/jobs/p/cancel"] {
            count += 1
            let answer = try send(
              "POST \(path) HTTP/1.1\r\nHost: 127.0.0.2:\(daemon.apiPort)\r\nOrigin: \(origin)\r\n"
                + "Content-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)",
              to: daemon.apiPort)
            #expect(
              answer.status == 403 && answer.code == "origin_not_allowed",
              "\(origin) \(type) \(path): \(answer.status) \(answer.text)")
            #expect(answer.fields["access-control-allow-origin"] == nil)
          }
        }
      }
      #expect(try daemon.fetch("/jobs/x").status == 404)
      #expect(try daemon.job("p")["order"] == nil)
      #expect(try SecurityPage.has("\(count) combinations of origin, content type and route"))
    }

    // MARK: Mutated requests

    private static let mutants = 7_500

    private static let fragments = [
      "\r\n", "\n", "\r\n\r\n", "\u{0}", " ", "\t", ":", "%00", "%", "//", "?", "#",
      "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "Host: b\r\n", "HTTP/1.0",
      "Expect: 100-continue\r\n", "é", "-1", "ffffffffffffffff", "{", "\"", "\\u0000",
    ]

    /// Requests cut, duplicated and overwritten by a seed.
    ///
    /// They are answered or closed, never with a 500.
    @Test func noMutatedRequestIsAnInternalError() throws {
      let daemon = try Daemon(in: try TemporaryFolder(), environment: Self.provider)
      let delivery = try SignedDelivery(id: "m", prediction: "p", status: "succeeded")
      // The job that the reads name is there from the start, not from the first mutant that is accepted.
      #expect(try daemon.post(delivery).status == 200)
      let body = #"{"id":"x","model":"a/b","input":{"n":1.5}}"#
      let length = body.utf8.count
      let post = "POST /jobs HTTP/1.1\r\nHost: localhost\r\n\(Self.json)\r\n"
      let requests: [(port: Int, host: String, bytes: [UInt8])] =
        [
          "GET /jobs?limit=5&state=failed HTTP/1.1\r\nHost: localhost\r\n\r\n",
          "GET /jobs/p/history?after=0 HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: \"1\"\r\n\r\n",
          "GET /jobs/p/logs HTTP/1.1\r\nHost: localhost\r\n\r\n"
            + "GET /usage HTTP/1.1\r\nHost: localhost\r\n\r\n",
          "\(post)Content-Length: \(length)\r\n\r\n\(body)",
          "\(post)Transfer-Encoding: chunked\r\n\r\n"
            + "\(String(length, radix: 16))\r\n\(body)\r\n0\r\n\r\n",
        ].map { (daemon.apiPort, "127.0.0.2", Array($0.utf8)) } + [
          (daemon.webhookPort, "127.0.0.1", delivery.request)
        ]
      var mutation = Mutation(seed: 1, fragments: Self.fragments)
      var statuses: [Int: Int] = [:]
      for number in 0..<Self.mutants {
        let request = requests[number % requests.count]
        let connection = try HTTPConnection(host: request.host, port: request.port)
        // It may be rejected, and closed, before all of it was sent.
        try? connection.send(mutation.mutate(request.bytes))
        connection.finishSending()
        let answer = String(decoding: connection.receiveAll(), as: UTF8.self)
        let status = answer.split(separator: " ", maxSplits: 2).dropFirst().first.flatMap { Int($0) } ?? 0
        statuses[status, default: 0] += 1
        #expect(!answer.contains("HTTP/1.1 500 "), "\(number)")
      }
      #expect((statuses[400] ?? 0) > 500 && (statuses[200] ?? 0) > 500, "\(statuses)")
      #expect(try daemon.fetch("/readyz").status == 200)
      #expect(Self.mutants == 7500)
      #expect(try SecurityPage.has("7,500 mutated requests"))
    }
  }
}
