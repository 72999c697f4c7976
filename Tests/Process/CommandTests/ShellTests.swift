import Foundation
import HTTPWire
import LiveDaemon
import Stubs
import Testing

extension ProcessTests {
  /// `run`, `cancel`, `usage` and similar commands, against a stub API.
  @Suite struct ShellTests {
    private static let pending = Response.json(#"{"id":"j1","state":"pending","revision":1}"#, .accepted)

    /// A stub that shows `j1` running twice, and then as `end`.
    private static func stub(endingAs end: String) throws -> StubAPI {
      try StubAPI { request, before in
        switch request.line {
        case "POST /jobs": return pending
        case "GET /jobs/j1":
          var answer = Response.json(#"{"id":"j1","state":"running","progress":0.5,"revision":2}"#)
          answer.fields.append(("ETag", "\"2-sent\""))
          return answer
        case "GET /jobs/j1?wait=20s":
          guard before > 0 else { return Response(status: .notModified) }
          return .json(#"{"id":"j1",\#(end),"revision":3}"#)
        default: return .problem(.notFound, "not_found")
        }
      }
    }

    @Test(arguments: [
      (#""state":"succeeded","output":["https://a/1","https://a/2"]"#, 0, "https://a/1\nhttps://a/2\n", ""),
      (#""state":"succeeded","output":"\u001b""#, 0, "\u{1B}\n", ""), (#""state":"succeeded""#, 0, "", ""),
      (
        #""state":"failed","output":"half","error":{"code":"oom","message":"none left"}"#, 1, "",
        "j1 failed: oom: none left"
      ),
      (#""state":"canceled""#, 2, "", "j1 was canceled"),
    ])
    func runFollowsAJobToItsEnd(_ end: String, _ status: Int, _ output: String, _ complaint: String) throws {
      let stub = try Self.stub(endingAs: end)
      let result = try stub.run(["run", "owner/model", "-i", "prompt=x"])
      #expect(result.status == Int32(status) && result.output == output, "\(result)")
      #expect(result.error.hasPrefix("j1  pending\nj1  running  50 %\nj1  "), "\(result.error)")
      #expect(complaint.isEmpty || result.error.contains(complaint))
      let requests = stub.requests
      let reads = ["GET /jobs/j1", "GET /jobs/j1?wait=20s", "GET /jobs/j1?wait=20s"]
      #expect(requests.map(\.line) == ["POST /jobs"] + reads)
      #expect(requests.dropFirst().map { $0.fields["if-none-match"] } == [nil, "\"2-sent\"", "\"2-sent\""])
      #expect(requests.allSatisfy { $0.fields["authorization"] == "Bearer first-token-0123456789" })
    }

    @Test func theWholeJobIsPrintedIfWanted() throws {
      let stub = try Self.stub(endingAs: #""state":"failed""#)
      let result = try stub.run(["run", "owner/model", "--json"])
      #expect(result.status == 1 && result.output == #"{"id":"j1","state":"failed","revision":3}"#)
    }

    /// Arguments, and the body of their request.
    @Test(arguments: [
      (["a/b", "-i", "p=x", "--input", "n:=1.0"], #"{"model":"a/b","input":{"p":"x","n":1.0}}"#),
      (["a/b:c"], #"{"model":"a/b:c","input":{}}"#),
      (["a/b", "--version", "c"], #"{"model":"a/b:c","input":{}}"#),
      (["--version", "c"], #"{"version":"c","input":{}}"#),
      (["--deployment", "a/b", "--id", "x"], #"{"deployment":"a/b","input":{},"id":"x"}"#),
      (
        ["a/b", "--timeout", "15m", "--cancel-after", "5m", "--retries", "2"],
        #"{"model":"a/b","input":{},"timeout":"15m","cancel_after":"5m","retries":2}"#
      ),
      (
        ["a/b", "--expect", #"{"kind":"urls"}"#, "--metadata", #"{"n":1.0}"#],
        #"{"model":"a/b","input":{},"expect":{"kind":"urls"},"metadata":{"n":1.0}}"#
      ),
    ])
    func theRequestHasTheArgumentsAsWritten(_ arguments: [String], _ body: String) throws {
      let stub = try StubAPI { _, _ in Self.pending }
      let result = try stub.run(["run", "--detach", "--idempotency-key", "k-1"] + arguments)
      #expect(result.status == 0 && result.output == "j1\n" && result.error.isEmpty, "\(result)")
      let request = try #require(stub.requests.first)
      #expect(stub.requests.count == 1 && request.line == "POST /jobs" && request.body == body)
      #expect(request.fields["idempotency-key"] == "k-1")
      #expect(request.fields["content-type"] == "application/json")
    }

    @Test(arguments: [
      [], ["a/b", "--deployment", "a/b"], ["a/b:c", "--version", "c"],
      ["--version", "c", "--deployment", "a/b"],
      ["a/b", "-i", "x"], ["a/b", "-i", "x=1", "-i", "x=2"], ["a/b", "-i", "x:=y"],
      ["a/b", "--expect", "urls"],
      ["a/b", "--metadata", "[]"], ["a/b", "--idempotency-key", "a b"],
      ["a/b", "--idempotency-key", "a\r\nX: y"],
    ])
    func aWrongCommandSendsNoRequest(_ arguments: [String]) throws {
      let stub = try StubAPI { _, _ in Self.pending }
      let result = try stub.run(["run"] + arguments)
      #expect(result.status == 64 && stub.requests.isEmpty && !result.error.isEmpty, "\(result)")
    }

    @Test func aFailedRunExitsWithItsReason() throws {
      let refusing = try StubAPI { _, _ in .problem(.unprocessableContent, "invalid_request") }
      let refused = try refusing.run(["run", "a/b"])
      #expect(refused.status == 65 && refused.error.contains("422 invalid_request: the detail"), "\(refused)")
      let full = try StubAPI { _, _ in .problem(.serviceUnavailable, "overloaded") }
      #expect(try full.run(["run", "a/b"]).status == 69 && full.requests.count == 1)
      let absent = try Program.run(["run", "a/b", "--api", "http://127.0.0.1:1"])
      #expect(absent.status == 69 && absent.error.contains("Is the daemon running"))
      #expect(try full.run(["run", "a/b", "-i", "x=@/absent"]).status == 66)
      let silent = try StubAPI { _, _ in .json("[]") }
      #expect(try silent.run(["run", "a/b"]).status == 65)
    }

    /// A restarting daemon is waited for; an error answer is not.
    @Test func anOutageIsWaitedFor() throws {
      let stub = try StubAPI { request, before in
        if request.line == "POST /jobs" { return Self.pending }
        guard before > 0 else { return .problem(.serviceUnavailable, "draining") }
        return before == 1
          ? .json(#"{"id":"j1","state":"running","revision":2}"#) : .problem(.notFound, "job_not_found")
      }
      let result = try stub.run(["run", "a/b"])
      #expect(result.status == 1 && result.error.contains("404 job_not_found"), "\(result)")
      #expect(result.error.contains("j1  the daemon does not answer\nj1  running\n"))
    }

    @Test func jobFollowsAJobThatIsThere() throws {
      let stub = try StubAPI { _, before in
        .json(
          #"{"id":"j 1","state":"\#(before == 0 ? "stale" : "succeeded")","#
            + #""revision":\#(before),"output":"x"}"#
        )
      }
      let result = try stub.run(["job", "j 1", "--follow"])
      #expect(
        result.status == 0 && result.output == "x\n" && result.error == "j 1  stale\nj 1  succeeded\n",
        "\(result)")
      #expect(stub.requests.count == 2 && stub.requests[0].fields["if-none-match"] == nil)
      #expect(try stub.run(["job", "j", "--follow", "--history"]).status == 64)
    }

    @Test(arguments: [
      ("j1", 0, "j1 is being canceled\n"), ("j2", 0, "j2 has ended: failed\n"), ("j3", 1, ""),
      ("a b", 0, "a b is being canceled\n"),
    ])
    func cancelPrintsItsResult(_ id: String, _ status: Int, _ output: String) throws {
      let stub = try StubAPI { request, _ in
        switch request.line {
        case "POST /jobs/j2/cancel": .json(#"{"id":"j2","state":"failed"}"#)
        case "POST /jobs/j3/cancel": .problem(.notFound, "job_not_found")
        default: .json("{}", .accepted)
        }
      }
      let result = try stub.run(["cancel", id])
      #expect(result.status == Int32(status) && result.output == output, "\(result)")
      #expect(stub.lines == ["POST /jobs/\(id)/cancel"])
      #expect(stub.requests.first?.fields["content-type"] == "application/json")
    }

    @Test func `retry sends what changes, and prints the new id`() throws {
      let stub = try StubAPI { request, _ in
        switch request.line {
        case "POST /jobs/open/retry": .problem(.conflict, "conflict")
        case "POST /jobs/bad/retry": .problem(.unprocessableContent, "invalid_request")
        default: .json(#"{"id":"new","retry_of":"old"}"#, .accepted)
        }
      }
      let result = try stub.run(["retry", "old"])
      #expect(result.status == 0 && result.output == "new\n", "\(result)")
      _ = try stub.run([
        "retry", "old", "-i", "seed:=1", "--changes", #"{"timeout": "5m"}"#, "--id", "x", "--idempotency-key",
        "k",
      ])
      #expect(
        stub.requests.map(\.body) == [
          "{}", #"{"timeout":"5m","input":{"seed":1},"id":"x"}"#,
        ])
      #expect(stub.requests.last?.fields["idempotency-key"] == "k")
      #expect(try stub.run(["retry", "open"]).status == 1)
      #expect(try stub.run(["retry", "bad"]).status == 65)
      #expect(try stub.run(["retry", "old", "--changes", "[]"]).status == 64)
    }

    @Test func `delete prints what became of each job`() throws {
      let stub = try StubAPI { request, _ in
        switch request.line {
        case "DELETE /jobs/a", "DELETE /jobs/a?cancel=true": .json("", .noContent)
        case "DELETE /jobs/b?cancel=true": .json("", .accepted)
        default: .problem(.conflict, "conflict")
        }
      }
      let mixed = try stub.run(["delete", "a", "b"])
      #expect(mixed.status == 1 && mixed.output == "a is deleted\n", "\(mixed)")
      let canceling = try stub.run(["delete", "a", "b", "--cancel"])
      #expect(
        canceling.status == 0
          && canceling.output == "a is deleted\nb is being canceled, and deleted at its end\n", "\(canceling)"
      )
    }

    @Test func `delete by a filter needs a confirmation, and goes on to the end`() throws {
      let stub = try StubAPI { _, number in
        .json(
          number == 0
            ? #"{"deleted":5,"canceling":0,"open":1,"complete":false}"#
            : #"{"deleted":2,"canceling":0,"open":1,"complete":true}"#)
      }
      #expect(try stub.run(["delete", "--metadata", "user=7"]).status == 64)
      #expect(try stub.run(["delete", "a", "--state", "failed", "--yes"]).status == 64)
      #expect(try stub.run(["delete"]).status == 64)
      #expect(stub.lines.isEmpty)
      let result = try stub.run(["delete", "--metadata", "user=7", "--state", "failed", "--yes"])
      #expect(
        result.status == 1 && result.output == "7 deleted, 0 being canceled, 1 still open\n", "\(result)")
      #expect(stub.lines == Array(repeating: "DELETE /jobs?metadata.user=7&state=failed", count: 2))
    }

    @Test func usageRequestsItsDays() throws {
      let stub = try StubAPI { _, _ in .json(#"{"days":[],"usage":[]}"#) }
      #expect(try stub.run(["usage"]).output == #"{"days":[],"usage":[]}"#)
      #expect(try stub.run(["usage", "--from", "2026-11-01", "--to", "2026-11-02", "--json"]).status == 0)
      #expect(stub.lines == ["GET /usage", "GET /usage?from=2026-11-01&to=2026-11-02"])
    }
  }
}
