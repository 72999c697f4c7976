import Testing
import WorkflowDefinitions

/// When a condition holds, and what is said where it does not.
@Suite struct ConditionTests {
  /// Why `condition` does not hold over the output of step `a`.
  private static func violation(of condition: String, a output: String) throws -> String? {
    let body = #"""
      {"steps":[{"name":"a","model":"x/y","input":{}},
      {"name":"b","model":"x/y","input":{},"require":\#(condition)}]}
      """#
    let definition = try WorkflowDefinition(body: Array(body.utf8))
    var scope = Scope(definition: definition.text, input: try #require(SourceText(Array("{}".utf8))))
    scope.steps[0] = .output(try #require(SourceText(Array(output.utf8))))
    var evaluator = ConditionEvaluator(scope, member: "require")
    return try evaluator.violation(of: try #require(definition.steps[1].require))
  }

  private static func test(_ place: String, _ test: String) -> String { #"{"$from":"\#(place)",\#(test)}"# }

  @Test(arguments: [
    (test("a#/x", #""equals":1"#), #"{"x":1.0}"#), (test("a#/x", #""not_equals":1"#), #"{"x":2}"#),
    (test("a#/x", #""in":[1,"b",null]"#), #"{"x":"b"}"#), (test("a#/x", #""exists":true"#), #"{"x":null}"#),
    (test("a#/x", #""exists":false"#), "{}"), (test("a#/x", #""less_than":1e400"#), #"{"x":1e399}"#),
    (test("a#/x", #""greater_than":-1"#), #"{"x":0}"#), (test("a", #""contains":"HERON""#), #""two herons""#),
    (test("a", #""contains":{"k":1}"#), #"[0,{"k":1.0}]"#),
    (test("a", #""equals":{"p":[1],"q":2}"#), #"{"q":2,"p":[1]}"#),
    (#"{"all":[\#(test("a", #""exists":true"#)),\#(test("a#/0", #""equals":1"#))]}"#, "[1]"),
    (#"{"any":[\#(test("a#/9", #""exists":true"#)),\#(test("a#/0", #""equals":1"#))]}"#, "[1]"),
    (#"{"not":{"not":{"not":\#(test("a", #""equals":1"#))}}}"#, "2"),
  ])
  func `a condition holds`(_ condition: String, _ output: String) throws {
    #expect(try Self.violation(of: condition, a: output) == nil)
  }

  @Test(arguments: [
    (
      test("a#/flagged", #""equals":false"#), #"{"flagged":true}"#,
      "a#/flagged is true → false"
    ),
    (
      test("a#/x", #""not_equals":1"#), #"{"x":1.0}"#,
      "a#/x is 1.0 → another value than 1"
    ),
    (test("a#/x", #""in":[1, 2]"#), #"{"x":3}"#, "a#/x is 3 → one of [1, 2]"),
    (test("a#/x", #""exists":true"#), "{}", "a#/x does not exist → it"),
    (test("a", #""exists":false"#), "{}", "a exists → its absence"),
    (
      test("a#/x", #""not_equals":1"#), "{}", "a#/x does not exist → another value than 1"
    ),
    (test("a", #""less_than":5"#), "5", "a is 5 → less than 5"),
    (test("a", #""greater_than":5"#), #""6""#, #"a is "6" → more than 5"#),
    (
      test("a", #""contains":"x""#), #""abc""#, #"a is "abc" → a value that contains "x""#
    ),
    (#"{"not":\#(test("a", #""equals":1"#))}"#, "1", "require excludes a condition that holds"),
    (
      #"{"any":[\#(test("a", #""equals":1"#)),\#(test("a", #""equals":2"#))]}"#, "3",
      "a is 3 → 1, and no other condition of any holds"
    ),
    (
      #"{"all":[\#(test("a", #""exists":true"#)),\#(test("a", #""equals":2"#))]}"#, "3",
      "a is 3 → 2"
    ),
  ])
  func `a condition that does not hold is explained`(_ condition: String, _ output: String, _ reason: String)
    throws
  {
    let text = reason.replacing(" → ", with: ", and require asks for ")
    #expect(try Self.violation(of: condition, a: output) == text)
  }

  @Test func `an explanation shows the start of a long value`() throws {
    let long = "\"" + String(repeating: "é", count: 500) + "\""
    let reason = try #require(try Self.violation(of: Self.test("a", #""equals":1"#), a: long))
    #expect(reason.utf8.count < 160)
    #expect(reason.contains("…"))
  }

  @Test func `a hundred thousand operands end in time`() throws {
    let operands = Array(repeating: "[1]", count: 60_000).joined(separator: ",")
    let output = "[" + Array(repeating: "1", count: 1_000_000).joined(separator: ",") + "]"
    #expect(throws: Never.self) { try Self.violation(of: Self.test("a", #""in":[\#(operands)]"#), a: output) }
  }
}
