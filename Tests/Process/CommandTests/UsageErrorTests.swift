import Foundation
import LiveDaemon
import Stubs
import Testing

extension ProcessTests {
  /// Commands with usage errors, and `send` with the daemon's settings.
  @Suite struct UsageErrorTests {
    @Test(
      .timeLimit(.minutes(1)),
      arguments: [
        ["job", ""], ["job", "", "--follow"], ["job", "", "--history"], ["job", "."], ["job", ".."],
        ["job", "a/history"], ["job", "a\nb"], ["cancel", ""], ["cancel", ".."], ["run", "a/b", "--id", ""],
        ["listen"], ["listen", "--forward-to", "localhost:3000"],
        ["listen", "--forward-to", "http://127.1/"],
        ["listen", "--forward-to", "http://a/", "--filter", "a"],
        ["listen", "--forward-to", "http://a/", "--filter", "after=now"],
        ["listen", "--forward-to", "http://a/", "--event", "failed"], ["backup", ""],
        ["help", "nope"], ["help", "jobz", "--version"], ["nope"],
      ])
    func itExitsWith64AndSendsNoRequest(_ arguments: [String]) throws {
      let stub = try StubAPI { _, _ in .json(#"{"jobs":[]}"#) }
      let folder = try TemporaryFolder()
      let words = ["help", "nope", "backup"].contains(arguments[0]) ? [] : ["--api", stub.url]
      let process = ["-C", folder.url.path, Program.path] + arguments + words
      let result = try Program.run(process, executable: "/usr/bin/env")
      #expect(result.status == 64 && result.error.hasPrefix("Error: "), "\(result)")
      #expect(stub.lines.isEmpty)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path).isEmpty)
    }

    @Test(arguments: [
      ["help"], ["help", "jobs"], ["help", "serve"], ["help", "check", "--help"], ["help", "help"],
    ])
    func helpOfAKnownVerbIsNoError(_ arguments: [String]) throws {
      let result = try Program.run(arguments)
      #expect(result.status == 0 && !result.output.isEmpty, "\(result)")
    }

    @Test func sendFindsTheDaemonAndFetchesItsSecret() throws {
      let daemon = try Daemon(in: try TemporaryFolder())
      let provider = try StubAPI { _, _ in .json(#"{"key":"\#(Daemon.secret)"}"#) }
      let settings = [
        "WEBHOOK_LISTEN": "unix:/none/x, 127.0.0.1:1 proxy_protocol, 127.0.0.1:\(daemon.webhookPort)",
        "TRUSTED_PROXIES": "loopback", "REPLICATE_API_TOKEN": "r8_0123456789",
        "REPLICATE_API_URL": provider.url,
      ]
      let sent = try Program.run(["send"], environment: settings)
      #expect(sent.status == 0 && sent.output.contains("  200  "), "\(sent)")
      #expect(provider.lines == ["GET /v1/webhooks/default/secret"])
      let unreached = try Program.run(
        ["send"], environment: settings.merging(["REPLICATE_API_URL": "http://127.0.0.1:1"]) { $1 })
      #expect(unreached.status == 69 && unreached.error.contains("could not be fetched"))
      for (name, value) in [("WEBHOOK_LISTEN", "unix:/none/x"), ("TLS_CERTIFICATE", "/none")] {
        let without = try Program.run(["send"], environment: settings.merging([name: value]) { $1 })
        #expect(without.status == 78 && without.error.contains("\(name) "), "\(without)")
      }
    }

    /// A mistake in a webhook's URL shows only in the log.
    @Test func aPathThatLeadsNowhereIsInTheLogWithoutItsQuery() throws {
      let folder = try TemporaryFolder()
      let daemon = try Daemon(in: folder)
      let connection = try HTTPConnection(host: "127.0.0.1", port: daemon.webhookPort)
      let paths = [
        "/webhooks/replicate/webhooks/replicate?job=secret", "/\(String(repeating: "x", count: 4000))",
        "/a%1b%0a/b".replacingOccurrences(of: "%1b%0a", with: "%c2%9b"),
      ]
      for path in paths {
        let delivery = try SignedDelivery(id: "m", prediction: "p", status: "succeeded")
        let text = String(decoding: delivery.request, as: UTF8.self)
        let other = try HTTPConnection(host: "127.0.0.1", port: daemon.webhookPort)
        try other.send(Array(text.replacingOccurrences(of: "/webhooks/replicate ", with: "\(path) ").utf8))
        #expect(try other.receive().status == 404)
      }
      for path in ["//webhooks/replicate", "/webhooks//replicate"] {
        let delivery = try SignedDelivery(id: path, prediction: "p", status: "succeeded")
        let text = String(decoding: delivery.request, as: UTF8.self)
        try connection.send(
          Array(text.replacingOccurrences(of: "/webhooks/replicate ", with: "\(path) ").utf8))
        #expect(try connection.receive().status == 200)
      }
      let log = daemon.logAfterStop()
      #expect(log.contains("method=POST path=/webhooks/replicate/webhooks/replicate reason="), "\(log)")
      #expect(!log.contains("job=secret") && !log.contains(String(repeating: "x", count: 101)))
      #expect(!log.unicodeScalars.contains("\u{9B}"))
      let database = folder.url.resolvingSymlinksInPath().appendingPathComponent("replicate-webhookd.db").path
      #expect(log.contains("notice  store opened path=\(database)\n"))
      #expect(log.contains("stopping grace_seconds=10\n"))
    }
  }
}
