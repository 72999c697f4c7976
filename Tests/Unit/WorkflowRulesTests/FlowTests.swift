import Testing
import WorkflowDefinitions
import WorkflowGraphs
import WorkflowRules

/// How failures, conditions and limits spread from step to step.
@Suite struct FlowTests {
  private static func step(_ name: String, _ input: String = "{}", _ rest: String = "") -> String {
    #"{"name":"\#(name)","model":"acme/\#(name)","input":\#(input)\#(rest)}"#
  }

  private static func script(_ steps: String..., rest: String = "") throws -> WorkflowScript {
    try WorkflowScript(#"{"steps":[\#(steps.joined(separator: ","))]\#(rest)}"#)
  }

  // MARK: - Failures

  @Test func `a failure skips what needs it, and nothing else`() throws {
    let script = try Self.script(
      Self.step("a"), Self.step("b", #"{"x":{"$from":"a"}}"#), Self.step("c", #"{"x":{"$from":"b"}}"#),
      Self.step("d", #"{"x":{"$from":"a","default":7}}"#), Self.step("e", "{}", #","after":["a"]"#),
      Self.step("f"), Self.step("g", "{}", #","when":{"$from":"a","exists":false}"#))
    #expect(script.ordered == ["w-w-a-0-1", "w-w-f-0-1"])
    script.end { $0.model == "acme/a" ? .failure("unknown") : .output("1") }
    #expect(
      script.states == [
        "a": "failed", "b": "skipped", "c": "skipped", "d": "succeeded", "e": "skipped", "f": "succeeded",
        "g": "skipped",
      ])
    #expect(script.run.steps[2].because == .upstreamFailed)
    #expect(try script.input(of: "w-w-d-0-1") == #"{"x":7}"#)
    #expect(script.run.state == .failed)
    #expect(
      script.run.error == WorkflowError(code: "unknown", message: "it failed", step: "a", jobID: "w-w-a-0-1"))
    #expect(script.output == nil)
    #expect(script.output(of: "f") == "1")
  }

  @Test func `the error is that of the step that failed first`() throws {
    let script = try Self.script(Self.step("a"), Self.step("b"))
    script.end("w-w-b-0-1", .failure("out_of_memory"))
    #expect(script.run.state == .running)
    script.end("w-w-a-0-1", .failure("unknown"))
    #expect(script.run.error?.step == "b")
  }

  @Test func `a step that needs a failed optional one cannot be left out`() throws {
    let script = try Self.script(
      Self.step("a", "{}", #","optional":true"#), Self.step("b", #"{"x":{"$from":"a"}}"#))
    script.end("w-w-a-0-1", .failure("unknown"))
    #expect(script.run.state == .failed)
    #expect(script.run.error?.code == "upstream_failed")
    #expect(script.run.error?.step == "b")
  }

  @Test func `on_failure cancel cancels three running siblings`() throws {
    let script = try Self.script(
      Self.step("a"), Self.step("b"), Self.step("c"), Self.step("d"), Self.step("e", #"{"x":{"$from":"b"}}"#),
      rest: #","on_failure":"cancel""#)
    script.end("w-w-a-0-1", .failure("unknown"))
    #expect(script.canceled == ["w-w-b-0-1", "w-w-c-0-1", "w-w-d-0-1"])
    #expect(script.states["e"] == "canceled")
    #expect(script.run.state == .running)
    script.end("w-w-b-0-1", .output("1"))
    script.end { _ in .canceled }
    #expect(script.states["b"] == "succeeded")
    #expect(script.states["c"] == "canceled")
    #expect(script.run.state == .failed)
    #expect(script.run.error?.step == "a")
    #expect(script.ordered.count == 4)
  }

  @Test func `a step without its reference fails before anything is sent`() throws {
    let script = try Self.script(Self.step("a"), Self.step("b", #"{"x":{"$from":"a#/3"}}"#))
    script.end("w-w-a-0-1", .output("[1]"))
    #expect(script.ordered.count == 1)
    #expect(script.run.error?.code == "unresolved_reference")
    #expect(script.run.error?.message == "a#/3: output is an array of 1")
  }

  @Test func `an input that is too large fails its step`() throws {
    let script = try Self.script(
      Self.step("a"), Self.step("b", #"{"x":{"$from":"a"},"y":{"$from":"a"}}"#),
      Self.step("c", #"{"x":{"$from":"a#/1"}}"#))
    let uri = "data:image/png;base64,\(String(repeating: "A", count: 400_000))"
    script.end("w-w-a-0-1", .output(#"["\#(String(repeating: "x", count: 3_000_000))","\#(uri)"]"#))
    #expect(script.states == ["a": "succeeded", "b": "failed", "c": "failed"])
    #expect(script.run.steps.map { $0.error?.code } == [nil, "input_too_large", "input_too_large"])
  }

  @Test func `an output that is too large leaves the workflow succeeded`() throws {
    let script = try Self.script(
      Self.step("a"), rest: #","output":[{"$from":"a"},{"$from":"a"},{"$from":"a"}]"#)
    script.end("w-w-a-0-1", .output(#""\#(String(repeating: "x", count: 3_000_000))""#))
    #expect(script.run.state == .succeeded)
    #expect(script.run.outputError == "too_large")
    #expect(script.document.contains(#""output_error":"too_large""#))
  }

  @Test func `an order whose id is taken fails its step`() throws {
    let script = try Self.script(Self.step("a"), Self.step("b", #"{"x":{"$from":"a"}}"#))
    let id = try #require(WorkflowJobID("w-w-a-0-1"))
    script.decide([.idTaken(id)])
    #expect(script.run.state == .failed)
    #expect(script.run.error?.code == "conflict")
    #expect(script.run.steps[0].items[0].tries.isEmpty)
  }

  @Test func `the first of two ends decides`() throws {
    let script = try Self.script(Self.step("a"), Self.step("b", #"{"x":{"$from":"a"}}"#))
    let id = try #require(WorkflowJobID("w-w-a-0-1"))
    script.end("w-w-a-0-1", .output("1"))
    let before = script.run
    script.decide([.jobEnded(id, WorkflowJobEnd(.canceled)), .jobStarted(id)])
    #expect(script.run == before)
    #expect(try script.input(of: "w-w-b-0-1") == #"{"x":1}"#)
  }

  // MARK: - Bytes

  @Test(arguments: [
    "1e400", "0.10", "12345678901234567890", "-0.0", #""\u0041\/""#, "{ \"a\" : [ ] }", "null",
  ])
  func `a value passes unchanged`(_ value: String) throws {
    let script = try Self.script(
      Self.step("a"), Self.step("b", #"{"x":{"$from":"a#/0"}}"#), rest: #","output":{"$from":"b"}"#)
    script.end("w-w-a-0-1", .output("[\(value)]"))
    #expect(try script.input(of: "w-w-b-0-1") == #"{"x":\#(value)}"#)
    script.end("w-w-b-0-1", .output(value))
    #expect(script.output == value)
  }

  @Test(arguments: ["1e400", "0.10", "12345678901234567890"])
  func `a number in a text keeps its digits`(_ value: String) throws {
    let script = try Self.script(Self.step("a"), Self.step("b", #"{"x":{"$text":["n=",{"$from":"a"}]}}"#))
    script.end("w-w-a-0-1", .output(value))
    #expect(try script.input(of: "w-w-b-0-1") == #"{"x":"n=\#(value)"}"#)
  }

  // MARK: - Limits

  @Test(arguments: [(2, false), (3, true)])
  func `the limit of predictions is reached exactly at its number`(_ limit: Int, _ succeeds: Bool) throws {
    let script = try Self.script(
      Self.step("a"), Self.step("b", #"{"x":{"$from":"item"}}"#, #","for_each":[1,2],"after":["a"]"#),
      rest: #","limits":{"predictions":\#(limit)}"#)
    script.end { _ in .output("1") }
    #expect(script.run.state == (succeeds ? .succeeded : .failed))
    // Counted before the first item starts.
    #expect(script.ordered.count == (succeeds ? 3 : 1))
    #expect(script.run.error?.code == (succeeds ? nil : "limit_reached"))
    #expect(script.run.error?.step == (succeeds ? nil : "b"))
  }

  @Test func `a limit cancels what runs`() throws {
    let script = try Self.script(
      Self.step("a"), Self.step("b"), Self.step("c", "{}", #","after":["a"]"#),
      rest: #","limits":{"predictions":2}"#)
    script.end("w-w-a-0-1", .output("1"))
    #expect(script.canceled == ["w-w-b-0-1"])
    script.end("w-w-b-0-1", .canceled)
    #expect(script.run.state == .failed)
    #expect(script.run.error?.code == "limit_reached")
    #expect(script.states == ["a": "succeeded", "b": "canceled", "c": "canceled"])
  }

  @Test func `no job starts once the predict time is spent`() throws {
    let script = try Self.script(
      Self.step("a", "{}", #","for_each":[1,2,3],"parallel":1"#), rest: #","limits":{"predict_seconds":2}"#)
    script.end { _ in .output("1") }
    #expect(script.ordered.count == 2)
    #expect(script.run.error?.code == "limit_reached")
    #expect(script.run.steps[0].items.map(\.state) == [.succeeded, .succeeded, .canceled])
  }

  @Test func `a deadline cancels, and names itself`() throws {
    let script = try Self.script(Self.step("a"), rest: #","deadline":"30m""#)
    script.advance(minutes: 29)
    script.decide([.deadlinePassed])
    #expect(script.canceled.isEmpty)
    script.advance(minutes: 1)
    script.decide([.deadlinePassed, .deadlinePassed])
    #expect(script.canceled == ["w-w-a-0-1"])
    script.end("w-w-a-0-1", .canceled)
    #expect(script.run.state == .failed)
    #expect(script.run.error?.code == "deadline")
  }

  // MARK: - Cancel

  @Test(arguments: 0...3)
  func `a cancel at every state`(_ ended: Int) throws {
    let script = try WorkflowScript(WorkflowExample.chain.body)
    for _ in 0..<ended { script.end(try #require(script.open.first).id.text, .output(#"["x"]"#)) }
    let before = script.run
    script.decide([.cancelRequested])
    #expect(script.canceled.count == (ended < 3 ? 1 : 0))
    script.end { _ in .canceled }
    #expect(script.run.state == (ended < 3 ? .canceled : .succeeded))
    if ended == 3 { #expect(script.run == before) }
    #expect(script.run.steps.count { $0.state == .succeeded } == ended)
    #expect(script.ordered.count == min(ended + 1, 3))
  }

  @Test func `the cancel of one job fails its step`() throws {
    let script = try Self.script(Self.step("a"), Self.step("b", #"{"x":{"$from":"a"}}"#))
    script.end("w-w-a-0-1", .canceled)
    #expect(script.states == ["a": "canceled", "b": "skipped"])
    #expect(script.run.state == .failed)
    #expect(script.run.error?.code == "canceled")
  }

  // MARK: - Fan-out

  @Test(arguments: [
    (
      "101 items", "[\((0...100).map(String.init).joined(separator: ","))]", "too_many_items",
      "for_each has 101 items, and max_items is 100"
    ),
    ("an object", #"{"a":1}"#, "unresolved_reference", "for_each is an object, and must be an array"),
    ("null", "null", "unresolved_reference", "for_each is null, and must be an array"),
  ])
  func `a list that cannot be expanded starts no item`(
    _ name: String, _ list: String, _ code: String, _ message: String
  ) throws {
    let script = try Self.script(
      Self.step("a", "{}", #","for_each":{"$from":"input#/list"},"max_items":100"#),
      rest: #","input":{"list":\#(list)}"#)
    #expect(script.ordered.isEmpty)
    #expect(script.run.state == .failed)
    #expect(script.run.error?.code == code)
    #expect(script.run.error?.message == message)
  }

  @Test func `a list of a million items is counted, and nothing more`() throws {
    let script = try Self.script(Self.step("a"), Self.step("b", "{}", #","for_each":{"$from":"a"}"#))
    script.end("w-w-a-0-1", .output("[1" + String(repeating: ",1", count: 999_999) + "]"))
    #expect(script.run.error?.message == "for_each has 1000000 items, and max_items is 16")
    #expect(script.run.steps[1].items.isEmpty)
  }

  @Test func `an empty list succeeds at once`() throws {
    let script = try Self.script(Self.step("a", "{}", #","for_each":[]"#))
    #expect(script.run.state == .succeeded)
    #expect(script.output == "[]")
    #expect(script.ordered.isEmpty)
  }

  @Test func `a failed item cancels the others of its step`() throws {
    let script = try Self.script(
      Self.step("a", #"{"x":{"$from":"item"}}"#, #","for_each":[1,2,3,4],"parallel":3"#), Self.step("b"))
    script.end("w-w-a-1-1", .failure("unknown"))
    #expect(script.canceled == ["w-w-a-0-1", "w-w-a-2-1"])
    script.end("w-w-a-0-1", .output("1"))
    #expect(script.states["a"] == "running")
    script.end("w-w-a-2-1", .canceled)
    #expect(script.run.steps[0].items.map(\.state) == [.succeeded, .failed, .canceled, .canceled])
    #expect(script.states["a"] == "failed")
    script.end("w-w-b-0-1", .output("1"))
    #expect(script.run.error?.jobID == "w-w-a-1-1")
  }

  @Test func `a reference that fails for one item starts none`() throws {
    let script = try Self.script(
      Self.step("a", #"{"x":{"$from":"item#/s"}}"#, #","for_each":[{"s":1},{}]"#))
    #expect(script.ordered.isEmpty)
    #expect(script.run.error?.message == "item#/s: item is an object without `s`")
  }

  @Test func `an item that fails may be left out`() throws {
    let script = try Self.script(
      Self.step("a", #"{"x":{"$from":"item#/s"}}"#, #","for_each":[{"s":1},{}],"on_item_failure":"skip""#))
    script.end { _ in .output("[2]") }
    #expect(script.output == "[[2],null]")
    #expect(script.document.contains(#""errors":[{"item":1,"code":"unresolved_reference"}]"#))
  }

  @Test func `items run in order, as many as allowed at once`() throws {
    let script = try Self.script(
      Self.step(
        "a", #"{"x":{"$from":"index"}}"#, #","for_each":{"$from":"input#/l"},"max_items":100,"parallel":20"#),
      rest: #","input":{"l":[\#(Array(repeating: "0", count: 100).joined(separator: ","))]}"#)
    var most = 0
    script.end { order in
      most = max(most, script.open.count)
      return .output(String(order.id.item))
    }
    #expect(most == 20)
    #expect(script.ordered == (0..<100).map { "w-w-a-\($0)-1" })
    #expect(script.output == "[\((0..<100).map(String.init).joined(separator: ","))]")
  }
}
