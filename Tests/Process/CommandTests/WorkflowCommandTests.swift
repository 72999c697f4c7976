import Foundation
import HTTPWire
import LiveDaemon
import Stubs
import Testing

extension ProcessTests {
  /// `workflow run`, `show`, `list`, `cancel` and `resume` at a canned API.
  @Suite struct WorkflowCommandTests {
    private static let running = #"""
      {"id":"w1","state":"running","steps":[{"name":"image","state":"running","progress":0.5000},
       {"name":"caption","state":"waiting","needs":["image"]}]}
      """#
    private static let steps = #"""
      "steps":[{"name":"image","state":"succeeded"},
       {"name":"caption","state":"succeeded","needs":["image"]}]
      """#
    private static let succeeded = #"""
      {"id":"w1","state":"succeeded",\#(steps),"output":{"file":"https://a/1.png","n":1.50}}
      """#

    private let folder = Result { try TemporaryFolder() }

    private func file(_ text: String, named name: String = "chain.json") throws -> String {
      try folder.get().write(text, to: name)
    }

    /// Answers a request for a new workflow, and then each poll with the next document.
    private static func stub(_ polls: [String] = [succeeded], _ status: Status = .accepted) throws -> StubAPI
    {
      try StubAPI { request, before in
        guard request.line.hasPrefix("GET") else { return .json(running, status) }
        return .json(polls[min(before, polls.count - 1)])
      }
    }

    @Test func `the steps are shown, and the output is printed`() throws {
      let stub = try Self.stub([Self.running, Self.succeeded])
      let result = try stub.run(["workflow", "run", file(#"{"steps":[]}"#)])
      #expect(result.status == 0 && result.output == #"{"file":"https://a/1.png","n":1.50}"# + "\n")
      #expect(result.error == "w1  image  running\nw1  image  succeeded\nw1  caption  succeeded\n")
      #expect(stub.lines == ["POST /workflows", "GET /workflows/w1", "GET /workflows/w1"])
    }

    @Test(arguments: [
      ([], #"{ "input":{"prompt":"x","n":0.10} }"#),
      (["--id", "w1"], #"{"id":"w1","input":{"prompt":"x","n":0.10}}"#),
      (["-i", "prompt=two herons"], #"{"input":{"n":0.10,"prompt":"two herons"}}"#),
      (
        ["-i", "n:=[1.0]", "--deadline", "30m", "--idempotency-key", "k1"],
        #"{"deadline":"30m","input":{"prompt":"x","n":[1.0]}}"#
      ),
    ])
    func `the definition is sent with what arguments change`(_ arguments: [String], _ body: String) throws {
      let stub = try Self.stub()
      let path = try file(#"{ "input":{"prompt":"x","n":0.10} }"#)
      let result = try stub.run(["workflow", "run", path, "--detach"] + arguments)
      #expect(result.status == 0 && result.output == "w1\n" && result.error.isEmpty, "\(result)")
      let request = try #require(stub.requests.first)
      #expect(request.line == "POST /workflows" && request.body == body)
      #expect(request.fields["idempotency-key"] == (arguments.contains("k1") ? "k1" : nil))
      #expect(request.fields["authorization"] == "Bearer first-token-0123456789")
    }

    @Test func `a hyphen reads standard input`() throws {
      let stub = try Self.stub()
      let path = try file(#"{"steps":[7]}"#)
      let result = try Program.run(
        ["-c", "\"$0\" workflow run - --json --api \(stub.url) < '\(path)'", Program.path],
        executable: "/bin/sh")
      #expect(result.status == 0 && result.output == Self.succeeded, "\(result)")
      #expect(stub.requests.first?.body == #"{"steps":[7]}"#)
    }

    @Test(arguments: [
      (
        #"{"id":"w1","state":"failed","error":{"code":"gate_refused","message":"no","step":"image"}}"#, 1,
        "w1 failed: step image: gate_refused: no; `replicate-webhookd workflow resume w1 --follow` runs"
      ),
      (#"{"id":"w1","state":"failed","error":{"code":"deadline"}}"#, 1, "w1 failed: deadline; "),
      (#"{"id":"w1","state":"canceled"}"#, 2, "w1 was canceled; `replicate-webhookd workflow resume w1"),
      (
        #"{"id":"w1","state":"succeeded","output_error":"too_large"}"#, 0,
        "w1 has no output: too_large; `replicate-webhookd workflow show w1 --json`"
      ),
      (#"{"id":"w1","state":"succeeded","output":["a"," b"]}"#, 0, ""),
    ])
    func `the end is the exit status, and names what to do`(
      _ end: String, _ status: Int32, _ words: String
    ) throws {
      let stub = try Self.stub([end])
      for arguments in [
        ["run", try file("{}")], ["show", "w1", "--follow"], ["resume", "w1", "--follow"],
      ] {
        let result = try stub.run(["workflow"] + arguments)
        #expect(result.status == status, "\(result)")
        #expect(words.isEmpty || result.error.contains("replicate-webhookd: \(words)"), "\(result.error)")
        #expect(result.output == (end.contains(#""output":"#) ? "a b\n" : ""))
      }
    }

    @Test func `a file that is no definition is not sent`() throws {
      let stub = try Self.stub()
      let large = try folder.get().write(String(repeating: " ", count: 256 * 1024 + 1), to: "large.json")
      for (path, arguments, status, words) in [
        ("/none/chain.json", [], 66, "cannot be read: check the path"),
        (large, [], 66, "larger than 256 KiB"),
        (try file("[]", named: "array.json"), [], 65, "deploy/docs/workflows.md has the form"),
        (try file(#"{"input":7}"#, named: "input.json"), [], 65, "its `input` is none"),
        (try file("{}"), ["-i", "a=@/none/x"], 66, "/none/x cannot be read"),
        (try file("{}"), ["-i", "a"], 64, "has no `=`"),
        (try file("{}"), ["--id", ".."], 64, "workflow list"),
        (try file("{}"), ["--idempotency-key", "a b"], 64, "visible ASCII"),
      ] as [(String, [String], Int32, String)] {
        let result = try stub.run(["workflow", "run", path] + arguments)
        #expect(result.status == status && result.error.contains(words), "\(result)")
      }
      #expect(stub.lines.isEmpty)
    }

    @Test func `a refusal names the step and the member`() throws {
      let stub = try StubAPI { _, _ in
        .json(
          #"{"code":"invalid_workflow","detail":"step `image`, `input.x`: unknown step `y`"}"#,
          .unprocessableContent)
      }
      let result = try stub.run(["workflow", "run", file("{}")])
      #expect(result.status == 65 && result.output.isEmpty)
      #expect(result.error.contains("422 invalid_workflow: step `image`, `input.x`: unknown step `y`"))
    }

    @Test func `an outage is shown once, and survived`() throws {
      let stub = try StubAPI { request, before in
        switch request.line {
        case "POST /workflows": .json(Self.running, .accepted)
        default: before < 2 ? .problem(.serviceUnavailable, "draining") : .json(Self.succeeded)
        }
      }
      let result = try stub.run(["workflow", "run", file("{}")])
      #expect(result.status == 0 && result.output.contains("https://a/1.png"), "\(result)")
      #expect(result.error.components(separatedBy: "w1  the daemon does not answer\n").count == 2)
      let absent = try Program.run(["workflow", "run", file("{}"), "--api", "http://127.0.0.1:1"])
      #expect(absent.status == 69 && absent.error.contains("Is the daemon running"))
    }

    @Test func `a workflow that is deleted meanwhile ends the command`() throws {
      let stub = try StubAPI { request, _ in
        request.line == "POST /workflows" ? .json(Self.running, .accepted) : .problem(.notFound, "not_found")
      }
      let result = try stub.run(["workflow", "run", file("{}")])
      #expect(result.status == 1 && result.output.isEmpty && result.error.contains("404 not_found"))
    }

    @Test func `a poll names the document that is shown`() throws {
      let stub = try StubAPI { request, before in
        if request.line == "POST /workflows" { return .json(Self.running, .accepted) }
        var answer = Response.json(before == 0 ? Self.running : Self.succeeded)
        if before == 1 { answer = Response(status: .notModified) }
        answer.fields.append((name: "ETag", value: "\"r\(before)\""))
        return answer
      }
      #expect(try stub.run(["workflow", "run", file("{}")]).status == 0)
      #expect(stub.requests.dropFirst().map { $0.fields["if-none-match"] } == [nil, "\"r0\"", "\"r0\""])
    }

    @Test(arguments: [
      (["show", "w1"], "GET /workflows/w1", Status.ok, 0, succeeded),
      (["show", "w1"], "GET /workflows/w1", .notFound, 1, ""),
      (["list"], "GET /workflows?limit=50", .ok, 0, succeeded),
      (
        ["list", "--state", "failed", "--after", "1.a", "--limit", "2"],
        "GET /workflows?state=failed&after=1.a&limit=2", .ok, 0, succeeded
      ),
      (["list", "--state", "x"], "GET /workflows?state=x&limit=50", .badRequest, 1, ""),
      (["cancel", "w1"], "POST /workflows/w1/cancel", .accepted, 0, "w1 is being canceled\n"),
      (["cancel", "w1"], "POST /workflows/w1/cancel", .ok, 0, "w1 has ended: succeeded\n"),
      (["cancel", "w1"], "POST /workflows/w1/cancel", .notFound, 1, ""),
      (["resume", "w1"], "POST /workflows/w1/resume", .accepted, 0, "w1 goes on\n"),
      (["resume", "w1"], "POST /workflows/w1/resume", .ok, 0, "w1 has ended: succeeded\n"),
      (["resume", "w1", "--strict"], "POST /workflows/w1/resume", .conflict, 1, ""),
      (["resume", "w1", "--follow"], "POST /workflows/w1/resume", .conflict, 1, ""),
    ])
    func `each verb is one request`(
      _ arguments: [String], _ line: String, _ answer: Status, _ status: Int32, _ output: String
    ) throws {
      let stub = try StubAPI { _, _ in
        answer.code < 300 ? .json(Self.succeeded, answer) : .problem(answer, "a_code")
      }
      let result = try stub.run(["workflow"] + arguments)
      #expect(result.status == status && result.output == output, "\(result)")
      #expect(status == 0 ? result.error.isEmpty : result.error.contains("a_code: the detail"))
      #expect(stub.lines == [line])
      guard line.hasSuffix("resume") else { return }
      #expect(stub.requests[0].body == (arguments.contains("--strict") ? #"{"reuse":"strict"}"# : "{}"))
    }

    @Test(arguments: [
      ["show", ""], ["cancel", ".."], ["resume", "a/b"], ["resume", "w1", "--json"], ["run"], ["shows", "x"],
    ])
    func `a usage error sends no request`(_ arguments: [String]) throws {
      let stub = try Self.stub()
      let result = try stub.run(["workflow"] + arguments)
      #expect(result.status == 64 && result.error.hasPrefix("Error: ") && stub.lines.isEmpty, "\(result)")
    }
  }
}
