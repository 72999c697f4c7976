import JobRequests
import Testing
import WorkflowDefinitions

/// What `POST /workflows` accepts, and how it names the fault of anything else.
@Suite struct DefinitionTests {
  private static func step(_ name: String, _ members: String = #""input":{}"#) -> String {
    #"{"name":"\#(name)","model":"acme/poster",\#(members)}"#
  }

  private static func body(_ steps: String..., rest: String = "") -> String {
    #"{"steps":[\#(steps.joined(separator: ","))]\#(rest)}"#
  }

  private static func nested(_ depth: Int) -> String {
    String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
  }

  /// The body, the step, the member, and a part of the reason.
  static let faults: [(String, String?, String?, String)] = [
    ("[]", nil, nil, "not a JSON object"),
    ("{}", nil, "steps", "must be an array"),
    (#"{"steps":[]}"#, nil, "steps", "at least one"),
    (body(step("a"), rest: #","colour":1"#), nil, "colour", "not a member of a workflow"),
    (body(step("a"), rest: #","id":"a b""#), nil, "id", "1 to 24"),
    (body(step("a"), rest: #","id":"aaaaaaaaaaaaaaaaaaaaaaaaa""#), nil, "id", "1 to 24"),
    (body(step("a"), rest: #","input":[]"#), nil, "input", "JSON object"),
    (body(step("a"), rest: #","on_failure":"stop""#), nil, "on_failure", #""finish" or "cancel""#),
    (body(step("a"), rest: #","deadline":30"#), nil, "deadline", "with its unit"),
    (body(step("a"), rest: #","deadline":"31d""#), nil, "deadline", "30d"),
    (body(step("a"), rest: #","limits":{"predictions":1001}"#), nil, "limits.predictions", "from 1 to 1000"),
    (body(step("a"), rest: #","limits":{"jobs":1}"#), nil, "limits.jobs", "not a member of `limits`"),
    (body(step("a"), rest: #","callback":{"url":""}"#), nil, "callback", "`url` must be"),
    (body(step("a"), rest: #","metadata":1"#), nil, "metadata", "16 KiB"),
    (body(step("a"), rest: #","output":{"$from":"b"}"#), nil, "output", "names no step; the steps are a"),
    (body(step("a"), rest: #","output":{"$from":"item"}"#), nil, "output", "needs `for_each`"),
    (body("1"), "steps[0]", nil, "JSON object"),
    (body(step("A")), "steps[0]", "name", "lower-case"),
    (body(step("a-b")), "steps[0]", "name", "lower-case"),
    (body(step("index")), "steps[0]", "name", "reserved"),
    (body(step("abcdefghijklmnopqrstu")), "steps[0]", "name", "1 to 20"),
    (body(step("a"), step("a")), "a", "name", "another step has this name"),
    (
      body("{\"steps\":0}", step("b")), "steps[0]", "name", "lower-case"
    ),
    (#"{"steps":[{"name":"a","input":{}}]}"#, "a", "model", "names no model"),
    (body(step("a", #""version":"x","input":{}"#)), "a", "version", "exclude each other"),
    (#"{"steps":[{"name":"a","model":"poster","input":{}}]}"#, "a", "model", "must be \"owner/name\""),
    (body(step("a", #""timeout":"5m""#)), "a", "input", "JSON object"),
    (body(step("a", #""input":{},"timeout":5"#)), "a", "timeout", "duration with its unit"),
    (body(step("a", #""input":{},"retries":6"#)), "a", "retries", "from 0 to 5"),
    (body(step("a", #""input":{},"expect":{"kind":"x"}"#)), "a", "expect", "`kind` must be"),
    (body(step("a", #""input":{},"callback":{}"#)), "a", "callback", "not a member of a step"),
    (body(step("a", #""input":{},"id":"x""#)), "a", "id", "not a member of a step"),
    (body(step("a", #""input":{},"optional":1"#)), "a", "optional", "true or false"),
    (body(step("a", #""input":{},"after":["b"]"#)), "a", "after", "\"b\" names no step"),
    (body(step("a", #""input":{},"after":"a""#)), "a", "after", "array of names"),
    (body(step("a", #""input":{},"parallel":2"#)), "a", "parallel", "only for a step with `for_each`"),
    (body(step("a", #""input":{},"for_each":{}"#)), "a", "for_each", "must be an array"),
    (body(step("a", #""input":{},"for_each":[1],"max_items":101"#)), "a", "max_items", "from 1 to 100"),
    (body(step("a", #""input":{},"for_each":[1],"parallel":21"#)), "a", "parallel", "from 1 to 20"),
    (body(step("a", #""input":{},"for_each":[1],"on_item_failure":1"#)), "a", "on_item_failure", "\"skip\""),
    (body(step("a", #""input":{},"for_each":{"$from":"item"}"#)), "a", "for_each", "needs `for_each`"),
    (body(step("a", #""input":{},"fallback":[]"#)), "a", "fallback", "1 to 3"),
    (body(step("a", #""input":{},"fallback":[{},{},{},{}]"#)), "a", "fallback[0].model", "names no model"),
    (body(step("a", #""input":{},"fallback":[{"model":"x"}]"#)), "a", "fallback[0].model", "owner/name"),
    (
      body(step("a", #""input":{},"fallback":[{"model":"x/y","timeout":"1s"}]"#)), "a", "fallback[0].timeout",
      "not a member of a fallback"
    ),
    (body(step("a", #""input":{},"fallback_on":["x"]"#)), "a", "fallback_on", "only for a step with"),
    (body(step("a", #""input":{"x":{"$form":"a"}}"#)), "a", "input.x", "`$form` is not known"),
    (body(step("a", #""input":{"x":{"\u0024form":"a"}}"#)), "a", "input.x", "`$form` is not known"),
    (body(step("a", #""input":{"x":[1,{"$from":"input","y":1}]}"#)), "a", "input.x[1]", "`y` cannot stand"),
    (body(step("a", #""input":{"x":{"$from":"input","$text":[]}}"#)), "a", "input.x", "exclude each other"),
    (body(step("a", #""input":{"x":{"$text":[],"default":1}}"#)), "a", "input.x", "only for `$from`"),
    (body(step("a", #""input":{"x":{"$text":"a"}}"#)), "a", "input.x", "`$text` must be an array"),
    (body(step("a", #""input":{"x":{"$text":["a",{"b":1}]}}"#)), "a", "input.x[1]", "this is an object"),
    (body(step("a", #""input":{"x":{"$first":[]}}"#)), "a", "input.x", "at least one value"),
    (body(step("a", #""input":{"x":{"$from":1}}"#)), "a", "input.x", "must be a string"),
    (body(step("a", #""input":{"x":{"$from":"b"}}"#)), "a", "input.x", "\"b\" names no step"),
    (body(step("a", #""input":{"x":{"$from":"item"}}"#)), "a", "input.x", "needs `for_each`"),
    (body(step("a", #""for_each":[1],"input":{"x":{"$from":"index#/0"}}"#)), "a", "input.x", "into a number"),
    (body(step("a", #""input":{"x":{"$from":"input#/01"}}"#)), "a", "input.x", "leading zero"),
    (body(step("a", #""input":{"x":{"$from":"input#/~2"}}"#)), "a", "input.x", "tilde"),
    (body(step("a", #""input":{"x":{"$from":"input#x"}}"#)), "a", "input.x", "begin with a slash"),
    (body(step("a", #""input":{"x":\#(nested(32))}"#)), "a", "input", "deeper than 32"),
    (body(step("a"), rest: #","output":\#(nested(33))"#), nil, "output", "deeper than 32"),
    (body(step("a", #""input":{},"when":true"#)), "a", "when", "must be an object"),
    (body(step("a", #""input":{},"when":{"$from":"input"}"#)), "a", "when", "one of equals"),
    (body(step("a", #""input":{},"when":{"$from":"input","is":1}"#)), "a", "when", "one of equals"),
    (body(step("a", #""input":{},"when":{"$from":"input","in":1}"#)), "a", "when", "must be an array"),
    (body(step("a", #""input":{},"when":{"$from":"input","less_than":"1"}"#)), "a", "when", "a number"),
    (body(step("a", #""input":{},"when":{"$from":"input","exists":1}"#)), "a", "when", "true or false"),
    (
      body(step("a", #""input":{},"require":{"$from":"input","equals":{"$from":"input"}}"#)), "a", "require",
      "a plain value"
    ),
    (body(step("a", #""input":{},"when":{"all":[]}"#)), "a", "when", "at least one condition"),
    (
      body(
        step(
          "a",
          #""input":{},"when":{"not":{"not":{"not":{"not":{"not":{"$from":"input","#
            + #""exists":true}}}}}}"#)),
      "a", "when", "deeper than 4"
    ),
    (body(step("a", #""input":{"x":{"$from":"a"}}"#)), "a", "input", "a needs a"),
    (
      body(
        step("z"), step("a", #""input":{"x":{"$from":"b"}}"#), step("b", #""input":{},"after":["c"]"#),
        step("c", #""input":{},"when":{"$from":"a","exists":true}"#)), "a", "input",
      "a needs b needs c needs a"
    ),
    (
      body(step("a", #""input":{"x":{"$from":"b","default":1}}"#), step("b", #""input":{},"after":["a"]"#)),
      "a", "input", "a needs b needs a"
    ),
    (
      #"{"steps":[\#((0...50).map { step("s\($0)") }.joined(separator: ","))]}"#, nil, "steps",
      "more than 50 steps"
    ),
    (
      body(step("a"), rest: #","input":{"x":"\#(String(repeating: "x", count: 262_144))"}"#), nil, nil,
      "256 KiB"
    ),
  ]

  @Test(arguments: faults.indices)
  func `a fault is named with its step and its member`(_ index: Int) throws {
    let (body, step, member, reason) = Self.faults[index]
    let fault = try #require(throws: WorkflowFault.self) { try WorkflowDefinition(body: Array(body.utf8)) }
    #expect(fault.step == step)
    #expect(fault.member == member)
    #expect(fault.reason.contains(reason), "\(fault)")
    if let step { #expect(fault.description.contains("`\(step)`")) }
    if let member { #expect(fault.description.contains("`\(member)`")) }
  }

  /// Every member there is.
  static let everything = #"""
    {"id": "all", "input": {"prompt": "two herons", "n": 1e400},
     "steps": [
      {"name": "check", "deployment": "acme/moderator", "input": {"text": {"$from": "input#/prompt"}},
       "metadata": {"a": 1}, "webhook_events": ["completed"]},
      {"name": "image", "model": "acme/poster", "after": ["check"], "timeout": "5m", "cancel_after": "10m",
       "retries": 2, "expect": {"kind": "urls"}, "input": {"prompt": {"$text": ["A ", {"$from": "item"}]},
       "seed": {"$from": "index"}, "plain": {"$literal": {"$from": "x"}}},
       "when": {"all": [{"$from": "check#/ok", "equals": true},
         {"any": [{"not": {"$from": "input", "exists": false}}]}]},
       "require": {"$from": "check#/score", "less_than": 0.5},
       "for_each": [1, {"$first": [{"$from": "check#/a", "default": null}, 2]}], "max_items": 3,
        "parallel": 2,
       "on_item_failure": "skip", "fallback": [{"version": "acme/p:\#(String(repeating: "a",
        count: 64))", "input": {},
       "expect": {}}], "fallback_on": ["unknown"], "optional": true}],
     "output": {"a": {"$from": "image#/0/0", "default": {"$from": "check"}}}, "on_failure": "cancel",
     "deadline": "1h30m", "limits": {"predictions": 3, "predict_seconds": 120},
     "callback": {"url": "https://app.example/hooks", "events": ["running"]}, "metadata": {"user": "7"}}
    """#

  @Test func `every member is accepted`() throws {
    let definition = try WorkflowDefinition(body: Array(Self.everything.utf8))
    #expect(definition.id == "all")
    #expect(definition.deadline == 5_400_000)
    #expect(definition.limits.predictTime == 120_000)
    #expect(definition.cancelsOnFailure)
    #expect(definition.callback?.url == "https://app.example/hooks")
    #expect(definition.steps.map(\.name) == ["check", "image"])
    #expect(definition.steps[1].sources.map(\.step) == [0])
    #expect(definition.steps[1].sources.map(\.isWeak) == [false])
    #expect(definition.steps[1].sources.map(\.isRead) == [true])
    #expect(
      definition.steps[1].fallbacks.map { $0.members.map(\.name) } == [
        ["version", "expect", "timeout", "cancel_after", "retries"]
      ])
  }

  @Test func `a definition that ends early is rejected, whatever its end`() {
    let body = Array(Self.everything.utf8)
    for end in body.indices {
      #expect(throws: WorkflowFault.self) { try WorkflowDefinition(body: Array(body[..<end])) }
    }
  }

  @Test func `a definition with a changed byte is accepted or rejected in order`() {
    let body = Array(Self.everything.utf8)
    var accepted = 0
    for index in body.indices {
      for byte in [UInt8(ascii: "\""), UInt8(ascii: "{"), UInt8(ascii: "]"), UInt8(ascii: "$"), 0, 0xFF] {
        var changed = body
        changed[index] = byte
        if (try? WorkflowDefinition(body: changed)) != nil { accepted += 1 }
      }
    }
    #expect(accepted > 0)
    #expect(accepted < body.count * 2)
  }

  @Test(arguments: [
    (#"{"steps":[],"id":"a"}"#, #"{ "id" : "\u0061", "steps" : [ ] }"#, true),
    (#"{"id":"a","input":null}"#, #"{"id":"a"}"#, true), (#"{"id":"a"}"#, #"{"id":"b"}"#, false),
    (#"{"input":{"n":1}}"#, #"{"input":{"n":1.0}}"#, false),
  ])
  func `two bodies of one meaning are the same workflow`(_ one: String, _ other: String, _ isSame: Bool) {
    let digests = [one, other].map { WorkflowDefinition.digest(of: Array($0.utf8).span) }
    #expect((digests[0] == digests[1]) == isSame)
  }

  @Test func `ten thousand references are parsed in time`() throws {
    let values = Array(repeating: #"{"$from":"input#/a"}"#, count: 10_000).joined(separator: ",")
    let body = Self.body(Self.step("a", #""input":{"x":[\#(values)]}"#))
    _ = try WorkflowDefinition(body: Array(body.utf8))
  }
}
