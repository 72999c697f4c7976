import Foundation
import LiveDaemon
import Testing

extension ProcessTests {
  /// `GET /jobs/{id}/logs`, and the command that prints it.
  @Suite struct LogsRouteTests {
    /// One line of logs. The tests repeat it beyond the tail in the job's document.
    private static let line = #"<script> 42%|\u2588é \\ \"x\"\t"#
    private static let decoded = "<script> 42%|█é \\ \"x\"\t"

    private func daemon(withLogsOf lines: Int) throws -> Daemon {
      let daemon = try Daemon(in: TemporaryFolder())
      let logs = Array(repeating: Self.line, count: lines).joined(separator: #"\n"#)
      let delivery = try SignedDelivery(id: "m", prediction: "p", status: "processing", logs: logs)
      #expect(try daemon.post(delivery).status == 200)
      return daemon
    }

    @Test func allLogsAreServedAsPlainText() throws {
      let daemon = try daemon(withLogsOf: 2000)
      let answer = try daemon.fetch("/jobs/p/logs")
      #expect(answer.status == 200)
      #expect(answer.text == Array(repeating: Self.decoded, count: 2000).joined(separator: "\n"))
      #expect(answer.fields["content-type"] == "text/plain; charset=utf-8")
      #expect(answer.fields["x-content-type-options"] == "nosniff")
      let job = try daemon.fetch("/jobs/p")
      #expect(answer.fields["etag"] == job.fields["etag"] && answer.fields["etag"] != nil)
      #expect(try #require(try daemon.job("p")["logs_tail"] as? String).utf8.count <= 4096)
    }

    @Test func logsAnswerHeadAndIfNoneMatch() throws {
      let daemon = try daemon(withLogsOf: 3)
      let get = try daemon.fetch("/jobs/p/logs")
      let head = try daemon.fetch("/jobs/p/logs", method: "HEAD")
      #expect(head.status == 200 && head.fields["content-length"] == get.fields["content-length"])
      #expect(head.fields["content-length"] == "\(get.body.count)")
      let tag = try #require(get.fields["etag"])
      #expect(try daemon.fetch("/jobs/p/logs", fields: ["If-None-Match: \(tag)"]).status == 304)
    }

    @Test func aJobWithoutLogsHasEmptyOnes() throws {
      let daemon = try Daemon(in: TemporaryFolder())
      let body = Array(#"{"id":"p","status":"starting","logs":null}"#.utf8)
      #expect(try daemon.post(SignedDelivery(id: "m", body: body)).status == 200)
      let answer = try daemon.fetch("/jobs/p/logs")
      #expect(answer.status == 200 && answer.body.isEmpty)
    }

    @Test func theCommandPrintsThemAsTheyAre() throws {
      let daemon = try daemon(withLogsOf: 500)
      let api = "http://127.0.0.2:\(daemon.apiPort)"
      let result = try Program.run(["job", "p", "--logs", "--api", api])
      #expect(result.status == 0)
      #expect(result.output == Array(repeating: Self.decoded, count: 500).joined(separator: "\n"))
      #expect(try Program.run(["job", "p", "--logs", "--json", "--api", api]).status == 64)
      #expect(try Program.run(["job", "none", "--logs", "--api", api]).status == 1)
    }

    /// No control byte of the logs reaches a terminal, which script(1) provides.
    @Test func theCommandKeepsControlsFromATerminal() throws {
      let daemon = try Daemon(in: TemporaryFolder())
      let logs = #"a\u001b[2Jb\rc\u0007d"#
      #expect(
        try daemon.post(SignedDelivery(id: "m", prediction: "p", status: "processing", logs: logs)).status
          == 200)
      let command = "'\(Program.path)' job p --logs --api http://127.0.0.2:\(daemon.apiPort)"
      let result = try Program.run(["-qec", command, "/dev/null"], executable: "/usr/bin/script")
      #expect(result.output.contains("a·[2Jb\r\nc·d"), "\(result.output.debugDescription)")
      #expect(!result.output.contains("\u{1B}") && !result.output.contains("\u{7}"))
    }
  }
}
