import Console
import Testing

/// Workflows as lines for a terminal, and definitions as they are sent.
@Suite struct WorkflowTreeTests {
  private static func tree(_ text: String) throws -> WorkflowTree {
    WorkflowTree(of: try #require(JSONDocument(Array(text.utf8))))
  }

  /// Single spaces, because names are padded.
  private static func squeezed(_ line: String) -> String {
    line.split(separator: " ").joined(separator: " ")
  }

  @Test func `each step is below the last one that it needs`() throws {
    let tree = try Self.tree(
      #"""
      {"id":"poster-7","state":"running","attempt":1,"steps":[
       {"name":"grid","state":"waiting","needs":["caption","upscale"]},
       {"name":"image","state":"succeeded"},
       {"name":"upscale","state":"running","needs":["image"],"progress":0.4000},
       {"name":"caption","state":"pending","needs":["upscale","image"]},
       {"name":"sound","state":"running","stale":true,"used":"acme/small"}]}
      """#)
    #expect(tree.lines[0] == "poster-7  running")
    #expect(
      tree.lines.map(Self.squeezed) == [
        "poster-7 running", "├─ image succeeded", "│ └─ upscale running 40 %", "│ └─ caption pending",
        "│ └─ grid waiting", "└─ sound running with acme/small stale",
      ])
    // The states are in one column.
    #expect(
      tree.lines[1].hasPrefix("├─ image          succeeded") && tree.lines[4] == "│        └─ grid  waiting")
  }

  @Test(arguments: [
    (
      #"{"name":"scene","state":"running","items":{"total":4,"succeeded":2,"failed":1}}"#,
      "scene running 2 of 4 1 failed"
    ),
    (
      #"{"name":"a","state":"skipped","because":"upstream_failed"}"#, "a skipped because of upstream_failed"
    ),
    (
      #"{"name":"a","state":"failed","error":{"code":"unknown","message":"no\nreason","step":"a"}}"#,
      "a failed unknown: no·reason"
    ),
    (#"{"name":"a","state":"failed","optional":true,"error":{"code":"e"}}"#, "a failed optional e"),
    (#"{"name":"a","state":"succeeded","optional":true}"#, "a succeeded"),
    (#"{"name":"a\u001b[2J"}"#, "a·[2J unknown"), ("{}", "- unknown"),
    // A document of another version may name what is not there, and itself.
    (#"{"name":"a","state":"waiting","needs":["none"]}"#, "a waiting"),
  ])
  func `a step is its state and the reason`(_ step: String, _ words: String) throws {
    let lines = try Self.tree(#"{"id":"w","state":"running","steps":[\#(step)]}"#).lines
    #expect(lines.map(Self.squeezed) == ["w running", "└─ " + words])
  }

  @Test(arguments: [
    (#""state":"failed","error":{"code":"deadline","message":"after 30m"}"#, "w failed deadline: after 30m"),
    // Its step shows it.
    (#""state":"failed","error":{"code":"unknown","message":"m","step":"a"}"#, "w failed"),
    (#""state":"running","attempt":2,"stopping":"limit""#, "w running attempt 2 stopping: limit"),
    (#""state":"succeeded","output_error":"too_large""#, "w succeeded no output: too_large"),
  ])
  func `the first line is the workflow`(_ members: String, _ words: String) throws {
    #expect(Self.squeezed(try Self.tree(#"{"id":"w",\#(members),"steps":[]}"#).lines[0]) == words)
  }

  @Test func `steps that need each other do not end the program`() throws {
    let tree = try Self.tree(
      #"""
      {"id":"w","steps":[{"name":"a","needs":["b"]},{"name":"b","needs":["a"]},
       {"name":"c","needs":["c"]}]}
      """#)
    #expect(tree.lines.count >= 1 && tree.states.count == 3)
  }

  @Test func `a list has the steps that are over`() throws {
    let page = try #require(
      JSONDocument(
        Array(
          #"""
          {"workflows":[{"id":"b","state":"running","updated_at":"2026-12-01T04:00:00.000Z","steps":[
            {"state":"succeeded"},{"state":"skipped"},{"state":"running"}]},{"id":"a\u001b"}],"next":"17.a"}
          """#.utf8)))
    let rows = WorkflowTree.list(page).split(separator: "\n").map { Self.squeezed(String($0)) }
    #expect(
      rows == [
        "ID STATE STEPS UPDATED", "b running 2 of 3 2026-12-01T04:00:00.000Z", "a· - 0 of 0 -",
        "more: --after 17.a",
      ])
    #expect(WorkflowTree.list(try #require(JSONDocument(Array("{}".utf8)))) == "no workflows")
  }
}

/// Files of definitions, with what arguments change of them.
@Suite struct WorkflowFileTests {
  @Test(arguments: [
    // Without arguments no byte changes, so that the digest stays.
    (#" { "steps" : [ 1.50 ] } "#, "{}", nil, nil, #" { "steps" : [ 1.50 ] } "#),
    (#"{"steps":[1.50]}"#, "{}", "w", nil, #"{"id":"w","steps":[1.50]}"#),
    (
      #"{"id":"old","deadline":"1h","input":{"a":1}}"#, "{}", "w", "30m",
      #"{"id":"w","deadline":"30m","input":{"a":1}}"#
    ),
    (#"{"steps":[]}"#, #"{"a":"x"}"#, nil, nil, #"{"steps":[],"input":{"a":"x"}}"#),
    (
      #"{"input":{"a":1e400,"b":0.10},"steps":[]}"#, #"{"b":2,"c":null}"#, nil, nil,
      #"{"steps":[],"input":{"a":1e400,"b":2,"c":null}}"#
    ),
    (#"{"input":[],"steps":[]}"#, #"{"b":2}"#, nil, nil, nil), ("[]", "{}", "w", nil, nil),
    ("{", "{}", nil, nil, nil), ("", "{}", nil, nil, nil),
  ])
  func `arguments replace members`(
    _ text: String, _ fields: String, _ id: String?, _ deadline: String?, _ result: String?
  ) {
    let definition = WorkflowFile.definition(
      Array(text.utf8), input: Array(fields.utf8), replacing: ["id": id, "deadline": deadline])
    #expect(definition.map { String(decoding: $0, as: UTF8.self) } == result)
  }
}
