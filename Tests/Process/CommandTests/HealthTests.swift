import HTTPWire
import LiveDaemon
import Stubs
import Testing

extension ProcessTests {
  /// `health` and `--version`.
  @Suite struct HealthTests {
    @Test func `health needs no token, and its status says whether the daemon is ready`() throws {
      let daemon = try Daemon(
        in: try TemporaryFolder(), environment: ["API_TOKENS": "first-token-0123456789"])
      let environment = ["API_LISTEN": "127.0.0.2:\(daemon.apiPort)"]
      let ready = try Program.run(["health"], environment: environment)
      #expect(ready.status == 0 && ready.output == "ready\n" && ready.error.isEmpty, "\(ready)")
      #expect(daemon.stop() == 0)
      let stopped = try Program.run(["health"], environment: environment)
      #expect(stopped.status == 69 && stopped.error.contains("127.0.0.2:\(daemon.apiPort)"), "\(stopped)")
    }

    @Test func `a daemon that is not ready is unhealthy`() throws {
      let draining = try StubAPI { _, _ in .problem(.serviceUnavailable, "draining") }
      let result = try Program.run(["health", "--api", draining.url])
      #expect(result.status == 69 && result.error.contains("503 draining"), "\(result)")
    }

    /// Scripts and reports of problems read it.
    @Test func `the version names program, commit and libraries`() throws {
      let result = try Program.run(["--version"])
      let lines = result.output.split(separator: "\n")
      #expect(result.status == 0 && lines.count == 2, "\(result)")
      #expect(lines.first?.wholeMatch(of: /replicate-webhookd \d+\.\d+\.\d+ \(commit [a-z0-9-]+\)/) != nil)
      let libraries = /SQLite 3\.\d+\.\d+, OpenSSL 3\.\d+\.\d+, libcurl \d+\.\d+\.\d+.*, libpq \d+\.\d+/
      #expect(lines.last?.wholeMatch(of: libraries) != nil, "\(result.output)")
    }
  }
}
