import JSONText
import Testing
import WorkflowDefinitions

/// How references resolve.
@Suite struct ResolverTests {
  private static let input =
    #"{"prompt":"two \"herons\"","n":1e400,"d":0.10,"big":12345678901234567890,"list":["a","b"]}"#

  /// Resolves `value` as an output over the steps `a`, with an output, and `b`, which was skipped.
  private static func resolve(
    _ value: String, a output: String, maxBytes: Int = 1 << 20, budget: ReadBudget = ReadBudget()
  ) throws -> String {
    let steps = ["a", "b"].map { #"{"name":"\#($0)","model":"x/y","input":{}}"# }.joined(separator: ",")
    let definition = try WorkflowDefinition(
      body: Array(#"{"input":\#(input),"steps":[\#(steps)],"output":\#(value)}"#.utf8))
    var scope = Scope(definition: definition.text, input: try #require(SourceText(Array(Self.input.utf8))))
    scope.steps[0] = .output(try #require(SourceText(Array(output.utf8))))
    scope.steps[1] = .missing(reason: "the step was skipped")
    var resolver = Resolver(scope, maxBytes: maxBytes, budget: budget)
    let text = try resolver.resolve(try #require(definition.output))
    return String(decoding: text.bytes, as: UTF8.self)
  }

  /// The value, the output of `a`, and what results.
  @Test(
    arguments: [
      (#"{"$from":"a"}"#, #"{ "x" : 1.50 }"#, #"{ "x" : 1.50 }"#), (#"{"$from":"a#"}"#, "[1]", "[1]"),
      (#"{"$from":"a#/0"}"#, #"["\u0061\/"]"#, #""\u0061\/""#),
      (
        #"[ {"$from":"input#/n"}, {"$from":"input#/d"},{"$from":"input#/big"} ]"#, "0",
        "[ 1e400, 0.10,12345678901234567890 ]"
      ),
      (#"{"k": {"$from":"b","default":[1, 2]} }"#, "0", #"{"k": [1, 2] }"#),
      (#"{"$from":"a#/x","default":{"$from":"a#/y","default":{"$from":"a#/z"}}}"#, #"{"z":7}"#, "7"),
      (
        #"{"$first":[{"$from":"b"},{"$from":"a#/9"},{"p":{"$from":"b"}},{"p":{"$from":"a#/0"}}]}"#, "[5]",
        #"{"p":5}"#
      ),
      (#"{"$literal":{"$from":"nothing"}}"#, "0", #"{"$from":"nothing"}"#),
      (#"{"$text":["A poster of ",{"$from":"input#/prompt"},"."]}"#, "0", #""A poster of two \"herons\".""#),
      (#"{"$text":[{"$from":"a"}]}"#, #"["to", "\u006b", "en", ""]"#, #""to\u006ben""#),
      (
        #"{"$text":[{"$from":"input#/n"}," ",{"$from":"input#/d"},true,1e5,["x","y"]]}"#, "0",
        #""1e400 0.10true1e5xy""#
      ),
      (#"{"$text":[]}"#, "0", #""""#),
      (#"{"$text":[{"$text":["a",{"$literal":"b"}]},{"$first":[{"$from":"b"},"c"]}]}"#, "0", #""abc""#),
      (#"{"$text":[{"$from":"a"}]}"#, #"["\ud83d","\ude00"]"#, #""\ud83d\ude00""#), ("1.0e0", "0", "1.0e0"),
    ])
  func `a value is put together byte for byte`(_ value: String, _ output: String, _ expected: String) throws {
    #expect(try Self.resolve(value, a: output) == expected)
  }

  @Test(arguments: [
    (#"{"$from":"a#/1"}"#, #"["x"]"#, "a#/1: output is an array of 1"),
    (#"{"$from":"a#/x/y"}"#, #"{"x":{"z":1}}"#, "a#/x/y: output/x is an object without `y`"),
    (#"{"$from":"a#/x/y"}"#, #"{"x":null}"#, "a#/x/y: output/x is null"),
    (#"{"$from":"b#/x"}"#, "0", "b#/x: the step was skipped"),
    (#"{"$from":"input#/nix"}"#, "0", "input#/nix: input is an object without `nix`"),
    (
      #"{"$first":[{"$from":"b"},{"$from":"a#/0"}]}"#, "0",
      "no value of $first resolves: b: the step was skipped; a#/0: output is a number"
    ),
    (
      #"{"$text":[{"$from":"a"}]}"#, "null",
      "a is null, and $text takes strings, arrays of strings, numbers, true and false"
    ),
    (
      #"{"$text":[{"$from":"a"}]}"#, #"["x",1]"#,
      "a is an array with a number, and $text takes strings, arrays of strings, numbers, true and false"
    ),
  ])
  func `an unresolved reference names the value found there`(
    _ value: String, _ output: String, _ message: String
  )
    throws
  {
    let fault = try #require(throws: ResolutionFault.self) { try Self.resolve(value, a: output) }
    #expect(fault == .unresolved(message))
    #expect(fault.code == "unresolved_reference")
  }

  @Test func `twenty thousand tokens become one string`() throws {
    let tokens = Array(repeating: #""tok\n""#, count: 20_000).joined(separator: ",")
    let text = try Self.resolve(#"{"$text":[{"$from":"a"}]}"#, a: "[\(tokens)]")
    #expect(text == "\"" + String(repeating: #"tok\n"#, count: 20_000) + "\"")
  }

  @Test func `a value larger than its limit is not put together`() throws {
    let fault = try #require(throws: ResolutionFault.self) {
      try Self.resolve(#"[{"$from":"a"},{"$from":"a"}]"#, a: "\"\(String(repeating: "x", count: 600_000))\"")
    }
    #expect(fault.code == "input_too_large")
  }

  @Test func `references that read too much are refused`() throws {
    let references = (0..<100).map { #"{"$from":"a#/\#($0)"}"# }.joined(separator: ",")
    let output = "{" + (0..<100).map { #""\#($0)":1"# }.joined(separator: ",") + "}"
    let fault = try #require(throws: ResolutionFault.self) {
      try Self.resolve("[\(references)]", a: output, budget: ReadBudget(20_000))
    }
    #expect(fault.code == "input_too_large")
    #expect(try !Self.resolve("[\(references)]", a: output).isEmpty)
  }

  @Test func `a repeated reference is read once`() throws {
    let references = Array(repeating: #"{"$from":"a#/0"}"#, count: 1000).joined(separator: ",")
    let output = "[1,\"\(String(repeating: "x", count: 10_000))\"]"
    let last = references.replacing("/0", with: "/1", maxReplacements: 1)
    #expect(try !Self.resolve("[\(references)]", a: output, budget: ReadBudget(20_000)).isEmpty)
    #expect(try !Self.resolve("[\(last)]", a: output, budget: ReadBudget(40_000)).isEmpty)
  }

  @Test func `an output that nests as deep as JSON may passes unchanged`() throws {
    let deep = String(repeating: "[", count: 1000) + String(repeating: "]", count: 1000)
    #expect(try Self.resolve(#"[{"$from":"a"}]"#, a: deep) == "[\(deep)]")
  }

  /// Looking at each file for each reference would take half a minute.
  @Test func `many references to an output with many expired files take little time`() throws {
    let (count, files) = (5000, 100_000)
    let references = Array(repeating: #"{"$from":"a#/1"}"#, count: count).joined(separator: ",")
    let definition = try WorkflowDefinition(
      body: Array(
        #"{"steps":[{"name":"a","model":"x/y","input":{}}],"output":[\#(references)]}"#.utf8))
    let bytes = Array("[\(Array(repeating: #""u""#, count: files).joined(separator: ","))]".utf8)
    let expired = (0..<files).map {
      SourceText.ExpiredFile(range: 1 + 4 * $0..<4 + 4 * $0, url: "\($0)")
    }
    var scope = Scope(definition: definition.text, input: try #require(SourceText(Array("{}".utf8))))
    scope.steps[0] = .output(try #require(SourceText(bytes, expired: expired)))
    var resolver = Resolver(scope, maxBytes: 1 << 20)
    let template = try #require(definition.output)
    let start = ContinuousClock.now
    let text = try resolver.resolve(template)
    #expect(ContinuousClock.now - start < .seconds(5))
    #expect(text.expired.map(\.url) == Array(repeating: "1", count: count))
    #expect(text.expired.last?.range == text.bytes.count - 4..<text.bytes.count - 1)
  }
}
