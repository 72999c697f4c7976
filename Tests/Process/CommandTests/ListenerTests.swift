import Foundation
import LiveDaemon
import Testing

extension ProcessTests {
  /// The daemon's listeners and its shutdown.
  @Suite struct ListenerTests {
    @Test func itListensAtSeveralAddressesOfAllKinds() throws {
      let folder = try TemporaryFolder()
      let daemon = try Daemon(
        in: folder,
        environment: [
          "WEBHOOK_LISTEN": "unix:hooks, 127.0.0.1:0, [::1]:0"
            .replacing("unix:hooks", with: "unix:\(folder.url.path)/hooks mode=0640")
        ])
      var information = stat()
      #expect(stat("\(folder.url.path)/hooks", &information) == 0)
      #expect(information.st_mode & 0o777 == 0o640)
      let urls = daemon.addresses(of: "webhooks").map {
        $0.hasPrefix("unix:") ? "http://hooks" : "http://\($0)"
      }
      #expect(urls.count == 3)
      for url in urls {
        let unix = url == "http://hooks" ? ["--unix-socket", "\(folder.url.path)/hooks"] : []
        let result = try Program.run(
          ["-sS", "--max-time", "20", "\(url)/healthz"] + unix, executable: "/usr/bin/curl")
        #expect(result.output == #"{"status":"ok"}"#, "\(url): \(result.error)")
      }
      #expect(daemon.stop() == 0)
    }

    /// Dripping and idle connections delay no stop beyond the grace.
    ///
    /// They do not make it unclean.
    @Test func openConnectionsDoNotDelayAStopBeyondTheGrace() throws {
      let daemon = try Daemon(in: TemporaryFolder(), environment: ["SHUTDOWN_GRACE": "2s"])
      let connections = try ["", "GET /healthz HTTP/1.1\r\n", "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"].map
      {
        bytes in
        let connection = try HTTPConnection(host: "127.0.0.1", port: daemon.webhookPort)
        try connection.send(Array(bytes.utf8))
        return connection
      }
      let start = ContinuousClock.now
      #expect(daemon.stop() == 0)
      #expect(ContinuousClock.now - start < .seconds(3))
      for connection in connections { connection.waitForEnd() }
    }

    @Test func aSecondSignalEndsItAtOnce() throws {
      let daemon = try Daemon(in: TemporaryFolder(), environment: ["SHUTDOWN_GRACE": "60s"])
      let open = try HTTPConnection(host: "127.0.0.1", port: daemon.webhookPort)
      try open.send(Array("GET /healthz HTTP/1.1\r\n".utf8))
      // Answered, so that the daemon has accepted the connection above.
      _ = try daemon.post(SignedDelivery(id: "m", prediction: "p", status: "succeeded"))
      let start = ContinuousClock.now
      kill(daemon.process.processIdentifier, SIGTERM)
      try daemon.waitForLog("stopping")
      #expect(daemon.stop() == 1)
      #expect(ContinuousClock.now - start < .seconds(5))
    }

    @Test func readinessReportsDrainingWhileDeliveriesFinish() throws {
      let daemon = try Daemon(in: TemporaryFolder(), environment: ["SHUTDOWN_GRACE": "30s"])
      let delivery = try SignedDelivery(id: "m", prediction: "p", status: "succeeded")
      let unfinished = try HTTPConnection(host: "127.0.0.1", port: daemon.webhookPort)
      try unfinished.send(delivery.request.dropLast(1))
      _ = try daemon.post(SignedDelivery(id: "n", prediction: "q", status: "succeeded"))
      #expect(try daemon.fetch("/readyz").status == 200)
      kill(daemon.process.processIdentifier, SIGTERM)
      try daemon.waitForLog("stopping")
      let readiness = try daemon.fetch("/readyz")
      #expect(readiness.status == 503 && readiness.code == "draining")
      try unfinished.send(delivery.request.suffix(1))
      let answer = try unfinished.receive()
      #expect(answer.status == 200 && answer.fields["connection"] == "close")
      daemon.process.waitUntilExit()
      #expect(daemon.process.terminationStatus == 0)
    }

    @Test func atTheLimitOfDescriptorsItRecoversByItself() throws {
      let folder = try TemporaryFolder()
      let daemon = try Daemon(in: folder, descriptorLimit: 64)
      // More than it can accept; none of them sends anything.
      let connections = try (0..<100).map { _ in
        try HTTPConnection(host: "127.0.0.1", port: daemon.webhookPort)
      }
      for number in 0..<5 {
        let delivery = try SignedDelivery(id: "m\(number)", prediction: "p\(number)", status: "succeeded")
        #expect(try daemon.post(delivery).status == 200)
      }
      withExtendedLifetime(connections) {}
      // Once or twice, because a slow machine takes longer than the period that counts as one.
      #expect(try !daemon.fetch("/metrics").text.contains("replicate_webhookd_accept_errors_total 0\n"))
      #expect(daemon.logAfterStop().contains("Too many open files"))
    }
  }
}
