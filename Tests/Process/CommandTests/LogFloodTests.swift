import LiveDaemon
import Foundation
import Testing

extension ProcessTests {
  /// Repeated causes write a bounded number of log lines.
  ///
  /// Every occurrence is counted.
  @Suite struct LogFloodTests {
    /// The number of lines with `parts`, and of their occurrences.
    private func count(_ log: String, _ parts: [String]) -> (lines: Int, times: Int) {
      let lines = log.split(separator: "\n").filter { line in parts.allSatisfy { line.contains($0) } }
      let times = lines.map { line in
        line.split(separator: " ").first { $0.hasPrefix("suppressed=") }.flatMap { Int($0.dropFirst(11)) }
          ?? 1
      }
      return (lines.count, times.reduce(0, +))
    }

    @Test func aFloodOfUnsignedRequestsIsTenLinesASecondAndACount() throws {
      let daemon = try Daemon(in: try TemporaryFolder())
      let unsigned = Array(
        "POST /webhooks/replicate HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}".utf8)
      let start = Date()
      for _ in 0..<300 {
        let connection = try HTTPConnection(host: "127.0.0.1", port: daemon.webhookPort)
        try connection.send(unsigned)
        #expect(try connection.receive().code == "missing_signature")
      }
      // Another code has its own limit.
      #expect(try daemon.fetch("/jobs/none").status == 404)
      // The count comes a second later, even without further lines.
      try daemon.waitForLog("suppressed=")
      let seconds = Int(Date().timeIntervalSince(start)) + 2
      #expect(try daemon.fetch("/metrics").text.contains(#"refusals_total{code="missing_signature"} 300"#))
      let log = daemon.logAfterStop()
      let refused = count(log, [" refused ", "code=missing_signature"])
      #expect(refused.times == 300)
      #expect(refused.lines >= 11 && refused.lines <= 11 * seconds, "\(refused.lines) in \(seconds) s")
      #expect(count(log, [" refused ", "code=job_not_found"]) == (1, 1))
    }

    @Test func aPendingSuppressedCountIsLoggedAtTheEnd() throws {
      let daemon = try Daemon(in: try TemporaryFolder())
      for _ in 0..<15 { #expect(try daemon.fetch("/none").status == 404) }
      #expect(count(daemon.logAfterStop(), [" refused ", "code=not_found"]).times == 15)
    }

    @Test func aLostStoreIsLoggedOnceInTenSecondsWithACount() throws {
      let folder = try TemporaryFolder()
      let daemon = try Daemon(in: folder)
      let (database, aside) = (folder.url.path + "/replicate-webhookd.db", folder.url.path + "/aside")
      let start = Date()
      // The store fails and recovers repeatedly, without a line each time.
      for round in 0..<4 {
        try FileManager.default.moveItem(atPath: database, toPath: aside)
        for number in 0..<30 {
          let delivery = try SignedDelivery(id: "m", prediction: "p\(round)-\(number)", status: "succeeded")
          #expect(try daemon.post(delivery).code == "store_unavailable")
        }
        try FileManager.default.moveItem(atPath: aside, toPath: database)
        #expect(try daemon.fetch("/readyz").status == 200)
      }
      let seconds = Int(Date().timeIntervalSince(start)) + 1
      #expect(try daemon.fetch("/metrics").text.contains("commit_failures_total 120\n"))
      let log = daemon.logAfterStop()
      let failures = count(log, ["error   store write failed", "was moved or deleted"])
      #expect(failures.times == 120)
      #expect(failures.lines <= 3 + 2 * seconds / 10, "\(failures.lines) in \(seconds) s")
      #expect(count(log, ["store writes succeed again"]).times == 4)
      #expect(count(log, [" refused ", "code=store_unavailable"]).times == 120)
    }
  }
}
