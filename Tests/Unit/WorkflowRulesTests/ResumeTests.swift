import Testing
import WorkflowDefinitions
import WorkflowGraphs
import WorkflowRules

/// Which steps another attempt repeats, and what becomes of files that are gone.
@Suite struct ResumeTests {
  private static let url = #""https://replicate.delivery/xezq/a.png""#

  @Test(arguments: 0...2)
  func `a step that has succeeded is kept`(_ failing: Int) throws {
    let script = try WorkflowScript(WorkflowExample.chain.body)
    for step in 0...failing {
      script.end(
        try #require(script.open.first).id.text, step == failing ? .failure("unknown") : .output(#"["x"]"#))
    }
    #expect(script.run.state == .failed)
    let before = script.ordered.count
    _ = script.resume()
    #expect(script.run.attempt == 2)
    #expect(script.run.error == nil)
    script.end { _ in .output(#"["y"]"#) }
    #expect(script.run.state == .succeeded)
    #expect(
      script.ordered.dropFirst(before).map(\.self)
        == (failing...2).map {
          "w-chain-\(script.definition.steps[$0].name)-0-2"
        })
    #expect(script.ends == 2)
    #expect(script.run.usage.predictions == Int64(before + 3 - failing))
  }

  @Test func `only the failed item of a fan-out runs again`() throws {
    let script = try WorkflowScript(
      #"""
      {"steps":[{"name":"a","model":"acme/a","for_each":[1,2,3],"parallel":1,"input":{"x":{"$from":"item"}}}]}
      """#)
    script.end("w-w-a-0-1", .output("1"))
    script.end("w-w-a-1-1", .failure("unknown"))
    #expect(script.run.state == .failed)
    _ = script.resume()
    script.end { .output("\($0.id.item + 1)") }
    #expect(script.ordered == ["w-w-a-0-1", "w-w-a-1-1", "w-w-a-1-2", "w-w-a-2-2"])
    #expect(script.output == "[1,2,3]")
    #expect(script.document.contains(#""jobs":["w-w-a-0-1","w-w-a-1-1","w-w-a-1-2","w-w-a-2-2"]"#))
  }

  @Test func `a list that has changed keeps nothing of its step`() throws {
    let script = try WorkflowScript(
      #"""
      {"steps":[{"name":"s","model":"acme/s","optional":true,"input":{}},
       {"name":"a","model":"acme/a","for_each":{"$from":"s","default":[1,2]},"parallel":1,
         "input":{"x":{"$from":"item"}}}]}
      """#)
    script.end("w-w-s-0-1", .failure("unknown"))
    script.end("w-w-a-0-1", .output("1"))
    script.end("w-w-a-1-1", .failure("unknown"))
    _ = script.resume()
    script.end("w-w-s-0-2", .output("[3,4]"))
    script.end { _ in .output("5") }
    #expect(script.ordered.suffix(2) == ["w-w-a-0-2", "w-w-a-1-2"])
    #expect(script.output == "[5,5]")
  }

  /// Steps `a` → `b` → `c`, of which `c` has failed; `d` needs `a` too.
  private static func failedChain() throws -> WorkflowScript {
    let script = try WorkflowScript(
      #"""
      {"steps":[{"name":"a","model":"acme/a","input":{}},{"name":"b","model":"acme/b",
        "input":{"x":{"$from":"a#/0"}}},
       {"name":"c","model":"acme/c","input":{"x":{"$from":"b"}}},{"name":"d","model":"acme/d","input":{}}]}
      """#)
    script.end("w-w-d-0-1", .output("4"))
    script.end("w-w-a-0-1", .output("[\(url)]"))
    script.end("w-w-b-0-1", .output("2"))
    script.end("w-w-c-0-1", .failure("unknown"))
    return script
  }

  @Test(arguments: [(50, ["c"]), (51, ["a", "b", "c"])])
  func `a step whose files are gone runs again, and what needs it`(_ minutes: Int, _ repeated: [String])
    throws
  {
    let script = try Self.failedChain()
    script.advance(minutes: Int64(minutes))
    _ = script.resume()
    script.end { _ in .output("[\(Self.url)]") }
    #expect(script.run.state == .succeeded)
    #expect(script.ordered.dropFirst(4).map(\.self) == repeated.map { "w-w-\($0)-0-2" })
  }

  @Test func `a strict resume refuses to pay again`() throws {
    let script = try Self.failedChain()
    script.advance(minutes: 51)
    let before = script.run
    guard case .outputExpired(let step) = script.resume(strict: true) else {
      Issue.record("it was resumed")
      return
    }
    #expect(step == "a")
    #expect(script.run == before)
  }

  @Test func `outputs that cannot have expired are not read`() throws {
    let script = try Self.failedChain()
    let before = script.readOutputs
    _ = script.resume()
    // That of `b`, as it was recorded and with the places of its files.
    #expect(script.readOutputs - before <= 2)
  }

  @Test func `a kept output that is gone with its job is made again`() throws {
    let script = try Self.failedChain()
    script.location = { _ in .moved(to: "https://files.example/a") }
    script.deleteOutput(of: "w-w-d-0-1")
    script.advance(minutes: 51)
    _ = script.resume()
    #expect(script.ordered.suffix(2).sorted() == ["w-w-c-0-2", "w-w-d-0-2"])
  }

  @Test func `a kept copy takes the place of a file that is gone`() throws {
    let script = try Self.failedChain()
    script.advance(minutes: 51)
    script.location = { _ in .moved(to: "https://files.example/a?sig=\"1\"") }
    _ = script.resume(strict: true)
    #expect(script.ordered.last == "w-w-c-0-2")
    script.end("w-w-c-0-2", .failure("unknown"))
    // A step that is repeated by itself reads the copy.
    script.location = { FileExpiry.concerns($0) ? .gone : .unchanged }
    _ = script.resume()
    script.location = { _ in .moved(to: "https://files.example/a?sig=\"1\"") }
    script.advance(minutes: 51)
    script.end("w-w-a-0-3", .output("[\(Self.url)]"))
    #expect(try script.input(of: "w-w-b-0-3") == #"{"x":\#(Self.url)}"#)
  }

  @Test(arguments: [(true, "output_expired"), (false, nil)])
  func `a step that starts late reads a copy, or fails with its own code`(_ isGone: Bool, _ code: String?)
    throws
  {
    let script = try WorkflowScript(
      #"""
      {"steps":[{"name":"a","model":"acme/a","input":{}},{"name":"slow","model":"acme/s","input":{}},
       {"name":"b","model":"acme/b","after":["slow"],
         "input":{"x":{"$from":"a"},"y":{"$text":["see ",{"$from":"a#/0"}]}}}]}
      """#)
    script.location = {
      $0.contains("other") ? .unchanged : isGone ? .gone : .moved(to: "https://files.example/1")
    }
    script.end("w-w-a-0-1", .output(#"["https://replicate.delivery/a.png", "https://other.example/b", 3]"#))
    script.advance(minutes: 51)
    script.end("w-w-slow-0-1", .output("1"))
    #expect(script.run.error?.code == code)
    if code == nil {
      #expect(
        try script.input(of: "w-w-b-0-1")
          == #"{"x":["https://files.example/1", "https://other.example/b", 3],"#
          + #""y":"see https://files.example/1"}"#
      )
    } else {
      #expect(script.run.error?.message?.contains("https://replicate.delivery/a.png") == true)
    }
  }

  @Test func `a place without the expired file is still there`() throws {
    let script = try WorkflowScript(
      #"""
      {"steps":[{"name":"a","model":"acme/a","input":{}},{"name":"slow","model":"acme/s","input":{}},
       {"name":"b","model":"acme/b","after":["slow"],"input":{"x":{"$from":"a#/caption"}}}]}
      """#)
    script.end("w-w-a-0-1", .output(#"{"file":\#(Self.url),"caption":"herons"}"#))
    script.advance(minutes: 51)
    script.end("w-w-slow-0-1", .output("1"))
    #expect(try script.input(of: "w-w-b-0-1") == #"{"x":"herons"}"#)
  }

  @Test func `a workflow that runs or has succeeded is not resumed`() throws {
    let script = try WorkflowScript(#"{"steps":[{"name":"a","model":"acme/a","input":{}}]}"#)
    guard case .notEnded = script.resume() else {
      Issue.record("a running workflow was resumed")
      return
    }
    script.end("w-w-a-0-1", .output("1"))
    guard case .succeeded = script.resume() else {
      Issue.record("a workflow that has succeeded was resumed")
      return
    }
  }

  @Test func `a canceled workflow goes on`() throws {
    let script = try WorkflowScript(WorkflowExample.chain.body)
    script.end("w-chain-image-0-1", .output(#"["x"]"#))
    script.decide([.cancelRequested])
    script.end { _ in .canceled }
    #expect(script.run.state == .canceled)
    _ = script.resume()
    #expect(script.ordered.last == "w-chain-upscale-0-2")
    script.end { _ in .output(#"["x"]"#) }
    #expect(script.run.state == .succeeded)
  }

  @Test(arguments: [
    ("https://replicate.delivery/a", true), ("https://pbxt.replicate.delivery/a.png", true),
    ("https://REPLICATE.delivery/a", true), ("https://replicate.delivery.evil.example/a", false),
    ("https://notreplicate.delivery/a", false), ("http://replicate.delivery/a", false), ("data:,a", false),
  ])
  func `files of the provider are known by their host`(_ url: String, _ expected: Bool) {
    #expect(FileExpiry.concerns(url) == expected)
  }
}

@Suite struct WorkflowJobIDTests {
  @Test(arguments: [
    WorkflowJobID(workflow: "a", step: "b", item: 0, attempt: 1),
    WorkflowJobID(workflow: "a-b-0-1", step: "f1", item: 99, attempt: 12, fallback: 3),
    WorkflowJobID(workflow: "-", step: "_", item: 7, attempt: 1, fallback: 1),
    WorkflowJobID(
      workflow: String(repeating: "w", count: 24), step: String(repeating: "s", count: 20), item: 99,
      attempt: 9_999_999_999, fallback: 3),
  ])
  func `an id is read from its text`(_ id: WorkflowJobID) {
    #expect(id.text.utf8.count <= 64)
    #expect(WorkflowJobID(id.text) == id)
  }

  @Test(arguments: [
    "", "w-a", "w-a-b-0", "w-a-b-00-1", "w-a-b-x-1", "x-a-b-0-1", "w-a-b-0-1-f0", "w--b-0-1", "w-a-b-0-1-f",
  ])
  func `another id is no workflow's`(_ text: String) {
    #expect(WorkflowJobID(text) == nil)
  }

  @Test func `a generated workflow id leaves room for its jobs`() {
    var generator = SystemRandomNumberGenerator()
    #expect(WorkflowID.make(using: &generator).utf8.count == 24)
  }
}
