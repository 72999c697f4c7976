@testable import JobRequests
import Jobs
@testable import Replicate
import Samples
import Simulation
import Testing

private func rules(_ text: String) throws(OutputRulesError) -> OutputRules {
  let bytes = Array(text.utf8)
  return try OutputRules(text: bytes.span)
}

@Suite struct OutputRulesTests {
  @Test func `the first matching pattern decides`() throws {
    let rules = try rules(
      #"[{"model":"a/b","expect":{"kind":"text"}},{"expect":{"kind":"urls"},"model":"a/*"},"#
        + #"{"model":"c/d","expect":{"kind":"url"}},{"model":"*","expect":{"kind":"json"}}]"#)
    for (model, kind) in [
      ("a/b", .text), ("a/c", .urls), ("a/bc", .urls), ("c/d", .url), ("c/de", .json), ("aa/b", .json),
      (nil, .json),
    ] as [(String?, OutputRule.Kind)] {
      #expect(rules.rule(for: model).kind == kind, "\(model ?? "none")")
    }
  }

  @Test func anObjectHoldsRulesByModel() throws {
    let rules = try rules(#"{"a/b":{"kind":"text"},"a/*":{"kind":"url"}}"#)
    #expect(rules.rule(for: "a/b").kind == .text && rules.rule(for: "a/x").kind == .url)
    #expect(rules.rule(for: "x/y") == OutputRule() && rules.rule(for: nil) == OutputRule())
  }

  @Test(arguments: ["[]", "{}"])
  func noRulesAreTheDefault(_ text: String) throws {
    #expect(try rules(text) == OutputRules())
  }

  @Test(
    arguments: [
      ("", "not JSON"), ("[", "not JSON"), (#""x""#, "must be an array"), ("null", "must be an array"),
      ("[1]", "rule 1 must be"), (#"[{"model":"a/b"}]"#, "rule 1 must be"),
      (#"[{"model":"a/b","expect":{},"note":1}]"#, "rule 1 must be"),
      (#"[{"model":"a/b","expect":{}},{"model":"a/**","expect":{}}]"#, "rule 2: the model"),
      (#"{"a":{}}"#, "rule 1: the model"), (#"{"*/b":{}}"#, "rule 1: the model"),
      (#"{"/*":{}}"#, "rule 1: the model"),
      (#"{"a/b":{},"a/b":{}}"#, "rule 2: an earlier"), (#"{"a/b":{"kind":"x"}}"#, "rule 1: `expect` `kind`"),
      (#"{"a/b":[]}"#, "rule 1: `expect` is not"), (#"{"a/b":null}"#, "rule 1: `expect` is not"),
    ])
  func anErrorNamesItsRule(_ text: String, _ part: String) {
    #expect {
      try rules(text)
    } throws: { error in
      (error as? OutputRulesError)?.description.contains(part) ?? false
    }
  }

  @Test func rulesHaveAMaximum() throws {
    let list = { (count: Int) in
      "{" + (0..<count).map { #""a/m\#($0)":{}"# }.joined(separator: ",") + "}"
    }
    _ = try rules(list(1000))
    #expect(throws: OutputRulesError.tooMany(limit: 1000)) { try rules(list(1001)) }
  }

  @Test(arguments: 0..<4)
  func nothingTraps(_ seed: Int) {
    var mutation = Mutation(seed: UInt64(seed))
    for _ in 0..<1000 {
      let text = mutation.mutate(#"[{"model":"a/*","expect":{"kind":"urls"}},{"model":"*","expect":{}}]"#)
      _ = (try? OutputRules(text: text.span))?.rule(for: "a/b")
    }
  }
}

@Suite struct UsableOutputTests {
  private func snapshot(_ text: String, _ rules: OutputRules) throws -> Snapshot {
    let body = Array(text.utf8)
    return try Prediction(body: body.span).snapshot(
      digest: .repeating(0), rules: rules, body: body.span)
  }

  @Test(
    arguments: [
      ("succeeded", #""output":"x""#, .failed),
      ("succeeded", #""output":"https://replicate.delivery/x""#, .succeeded),
      ("succeeded", #""output":null"#, .failed),
      ("succeeded", #""data_removed":true,"output":null"#, .succeeded),
      ("succeeded", #""error":"""#, .failed), ("processing", #""output":null"#, .running),
      ("processing", #""output":"x""#, .running), ("canceled", #""output":null"#, .canceled),
      ("tomorrow", #""output":null"#, nil),
    ] as [(String, String, Phase?)])
  func `only usable output succeeds`(_ status: String, _ members: String, _ phase: Phase?) throws {
    let snapshot = try snapshot(
      #"{"id":"a","model":"a/b","status":"\#(status)",\#(members)}"#, try rules(#"{"a/b":{"kind":"url"}}"#))
    #expect(snapshot.claimedPhase == phase && snapshot.providerStatus == status)
    if status == "succeeded" {
      #expect((snapshot.ruleViolation?.code == "invalid_output") == (phase == .failed))
    }
  }

  @Test func aFailureOfTheProviderKeepsItsReason() throws {
    let snapshot = try snapshot(#"{"id":"a","status":"failed","error":"OOM","output":null}"#, OutputRules())
    #expect(snapshot.error == JobError(code: "out_of_memory", message: "OOM"))
  }

  @Test(arguments: Payload.allCases)
  func everyRealOutputIsUsableByDefault(_ payload: Payload) throws {
    let body = try payload.body()
    let snapshot = try snapshot(String(decoding: body, as: UTF8.self), OutputRules())
    #expect(snapshot.phase == payload.phase)
  }

  @Test func `file sources name every host and the local origin`() throws {
    let text = Array(
      #"{"a/b":{"kind":"url","hosts":["cdn.example.com"]},"a/*":{"kind":"text"},"*":{"kind":"urls"}}"#.utf8)
    var rules = try OutputRules(text: text.span)
    let hosts = [
      "https://cdn.example.com", "https://*.cdn.example.com", "https://replicate.delivery",
      "https://*.replicate.delivery",
    ]
    #expect(rules.fileSources == hosts)
    rules.localOrigin = LocalOrigin(loopbackURL: "http://127.0.0.1:9000")
    #expect(rules.fileSources == hosts + ["http://127.0.0.1:9000"])
    for model in ["a/b", "a/c", "x/y", nil] {
      #expect(rules.rule(for: model).localOrigin?.text == "http://127.0.0.1:9000")
    }
    #expect(OutputRules().fileSources == ["https://replicate.delivery", "https://*.replicate.delivery"])
  }

  @Test(arguments: ["http://127.0.0.1:9000", nil])
  func `a request's own rule knows the local origin`(_ origin: String?) throws {
    var rules = OutputRules()
    rules.localOrigin = origin.map(LocalOrigin.init)
    let request = Array(#"{"id":"a","model":"a/b","input":{},"expect":{"kind":"url"}}"#.utf8)
    let body = Array(
      #"{"id":"p","model":"a/b","status":"succeeded","output":"http://127.0.0.1:9000/out-0.png"}"#.utf8)
    let error = RequestedOutput(beside: rules).validate(request: request, body: body, standing: nil)
    #expect(error?.code == (origin == nil ? "invalid_output" : nil))
  }
}
