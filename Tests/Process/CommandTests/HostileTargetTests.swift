import LiveDaemon
import Foundation
import JSONText
import Testing

extension ProcessTests {
  /// Hostile targets and queries of the jobs API.
  @Suite struct HostileTargetTests {
    private static let long = String(repeating: "a", count: 5000)

    /// Targets, and the status and the code of their answers.
    ///
    /// The code is nil for 200.
    private static let paths: [(target: String, status: Int, code: String?)] =
      [
        "%00", "a%00b", "%2e%2e", "%2E", ".", "..", "a%2fb", "%2F", "%", "%1", "%zz", "%0g", "a%", "%ff",
        "%c0%ae",
        "%ed%a0%80", "%f4%90%80%80", "%7f", "%0d%0aX:%20y", "%1b[2J", "a#b",
      ].map { ("/jobs/\($0)", 400, "malformed_request") }
      + [
        long, String(repeating: "%61", count: 2600), "'%20OR%201=1%20--", "%22;DROP%20TABLE%20jobs;--",
        "%F0%9F%92%A9",
        "%E2%80%AE", "a+b", "*", "~", "%25%30%30", "a;b=c", "a%5cb", "%3f",
      ].map { ("/jobs/\($0)", 404, "job_not_found") }
      + [
        ("/jobs/\(long)\(long)", 414, "malformed_request"), ("/jobs/\(long)/history", 404, "job_not_found"),
        ("/jobs/a/history/b", 404, "not_found"), ("/jobs/a/b", 404, "not_found"),
        ("/jobs//history", 404, "not_found"),
        ("//jobs", 200, nil), ("/jobs//", 200, nil), ("/JOBS", 404, "not_found"),
        ("/jobs/", 200, nil),
        ("/%6aobs", 200, nil), ("/jobs%00", 400, "malformed_request"), ("jobs", 400, "malformed_request"),
        ("http://127.0.0.1/jobs", 200, nil), ("ftp://127.0.0.1/jobs", 400, "malformed_request"),
        ("/" + String(repeating: "a/", count: 2500), 404, "not_found"),
      ]

    private static let queries: [(query: String, status: Int)] =
      [
        "state='", "state=", "state", "state=failed%00", "state=Failed", "state=failed&state=failed",
        "limit=1e3", "limit=+5",
        "limit=-1", "limit=0x10", "limit=5;limit=6", "limit=%D9%A3", "limit=99999999999999999999", "limit=",
        "limit=5%20",
        "after=9223372036854775808", "after=0", "after=1.5", "=1", "=", "%00=1", "state=%", "model=%f",
        "model=%ff",
        "model=%zz", "Model=a", "model[]=a", "model=a&x", "__proto__=1", long, "\(long)=\(long.prefix(3000))",
      ].map { ($0, 400) }
      + [
        ("", 200), ("&&&", 200), ("limit=%31", 200), ("limit=0005", 200), ("after=9223372036854775807", 200),
        ("model=", 200), ("model", 200), ("model=\(long)", 200), ("model=%00", 200), ("model=a=b=c", 200),
        ("model='%20OR%201=1%20--", 200), ("model=%25", 200), ("model=*", 200), ("?", 400), ("model=?", 200),
      ]

    @Test func everyTargetAndQueryHasItsAnswer() throws {
      let daemon = try Daemon(in: try TemporaryFolder())
      let body = #"{"id":"p","status":"failed","model":"' OR 1=1 --"}"#
      #expect(try daemon.post(SignedDelivery(id: "m1", body: Array(body.utf8))).status == 200)
      #expect(try daemon.post(SignedDelivery(id: "m2", prediction: "q", status: "failed")).status == 200)
      var refusals = 0
      func expect(_ target: String, _ status: Int, _ code: String?) throws {
        let answer = try daemon.fetch(target)
        #expect(
          answer.status == status && answer.code == code,
          "\(target.prefix(60)): \(answer.status) \(answer.text.prefix(300))")
        #expect(throws: Never.self, "\(target.prefix(60))") { try JSONScanner.validate(answer.body.span) }
        // No answer echoes the target.
        if status != 200 {
          refusals += 1
          #expect(answer.body.count < 400, "\(target.prefix(60))")
        }
      }
      for (target, status, code) in Self.paths { try expect(target, status, code) }
      for (query, status) in Self.queries {
        try expect("/jobs?\(query)", status, status == 200 ? nil : "invalid_parameter")
      }
      for query in ["wait=1", "limit=1", "%", "x"] {
        try expect("/jobs/p?\(query)", 400, "invalid_parameter")
      }
      for query in ["after=-1", "limit=0", "limit=1001", "after='", "state=failed"] {
        try expect("/jobs/p/history?\(query)", 400, "invalid_parameter")
      }
      // The filter matches only the model that is written exactly so.
      let found = try daemon.fetch("/jobs?model=%27%20OR%201=1%20--").text
      #expect(found.contains(#""id":"p""#) && !found.contains(#""id":"q""#))
      #expect(try daemon.fetch("/jobs?state=failed").text.contains(#""id":"q""#))
      let counted = try daemon.fetch("/metrics").text.split(separator: "\n")
        .filter { $0.hasPrefix("replicate_webhookd_refusals_total") }
        .compactMap { $0.split(separator: " ").last.flatMap { Int($0) } }
      #expect(counted.reduce(0, +) == refusals)
      let log = daemon.logAfterStop()
      // It shows the beginning of a path, with escapes, and no query.
      #expect(log.utf8.allSatisfy { $0 == UInt8(ascii: "\n") || $0 >= 0x20 } && !log.contains("__proto__"))
      #expect(!log.contains(String(repeating: "a", count: 101)))
    }
  }
}
