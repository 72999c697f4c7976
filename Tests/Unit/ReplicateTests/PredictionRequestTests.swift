import JSONText
@testable import JobRequests
import Simulation
import Testing

private let version = String(repeating: "0123456789abcdef", count: 4)

private func request(_ text: String) throws(PredictionRequestError) -> PredictionRequest {
  let body = Array(text.utf8)
  return try PredictionRequest(body: body.span)
}

/// A request for a model, with additional members.
private func request(with members: String) throws(PredictionRequestError) -> PredictionRequest {
  try request(#"{"model":"a/b","input":{},\#(members)}"#)
}

@Suite struct PredictionRequestTests {
  @Test(
    arguments: [
      (#""model":"black-forest-labs/flux-1.1-pro""#, "/v1/models/black-forest-labs/flux-1.1-pro/predictions"),
      (#""model":"a\/b""#, "/v1/models/a/b/predictions"),
      (#""model":"a/b:\#(version)""#, "/v1/predictions"), (#""version":"\#(version)""#, "/v1/predictions"),
      (#""version":"a/b:\#(version)""#, "/v1/predictions"),
      (#""deployment":"Acme/my_app""#, "/v1/deployments/Acme/my_app/predictions"),
      (#""deployment":"a/b","model":null,"version":null"#, "/v1/deployments/a/b/predictions"),
    ])
  func eachTargetHasItsPath(_ member: String, _ path: String) throws {
    #expect(try request(#"{\#(member),"input":{}}"#).apiPath == path)
  }

  @Test func `the model is known if the request names it`() throws {
    #expect(try request(#"{"model":"a/b:\#(version)","input":{}}"#).model == "a/b")
    #expect(try request(#"{"version":"a/b:\#(version)","input":{}}"#).model == "a/b")
    #expect(try request(#"{"version":"\#(version)","input":{}}"#).model == nil)
    #expect(try request(#"{"deployment":"a/b","input":{}}"#).model == nil)
    #expect(
      try request(#"{"model":"a/b:\#(version)","input":{}}"#).target == .version("a/b:\(version)"))
  }

  @Test(
    arguments: [
      "a", "a/", "/b", "a/b/c", "a/..", "../b", "a/.b", "a/b?x", "a/b#", "a/b%2f", "a/b ", " a/b", "a//b",
      "a/b:", "a/b:1", "a/é", #"a\nb/c"#, "a/b:\(version.uppercased())", "a/b:\(version)0", "a/\u{212A}", "",
      "a/" + String(repeating: "b", count: 101),
    ], ["model", "version", "deployment"])
  func anInvalidNameIsRejected(_ name: String, _ member: String) {
    #expect(throws: PredictionRequestError.self) { try request(#"{"\#(member)":"\#(name)","input":{}}"#) }
  }

  @Test(arguments: [
    #""version":"a/b""#, #""deployment":"a/b:\#(version)""#, #""model":"\#(version)""#, #""model":1"#,
  ])
  func aNameOfAnotherKindIsRejected(_ member: String) {
    #expect(throws: PredictionRequestError.self) { try request(#"{\#(member),"input":{}}"#) }
  }

  @Test(arguments: ArchiveMode.allCases)
  func `the files of an output are kept as the request says`(_ mode: ArchiveMode) throws {
    #expect(try request(with: #""archive":"\#(mode.rawValue)""#).archive == mode)
    #expect(try request(with: #""archive":null"#).archive == nil)
    let escaped = mode.rawValue.unicodeScalars.map { "\\u00" + String($0.value, radix: 16) }.joined()
    #expect(try request(with: #""archive":"\#(escaped)""#).archive == mode)
    #expect(
      try request(with: #""archive":"\#(mode.rawValue)""#).apiBody(webhook: nil)
        == request(with: #""retries":0"#).apiBody(webhook: nil))
  }

  @Test(arguments: [#""""#, #""on""#, #""Off""#, #""best-effort""#, "true", "{}", #"["off"]"#, "1"])
  func `another mode is refused with the modes there are`(_ value: String) {
    let error = #expect(throws: PredictionRequestError.self) { try request(with: #""archive":\#(value)"#) }
    #expect(error?.field == "archive")
    #expect(error?.description.contains(#""off", "best_effort", "required""#) == true)
  }

  @Test func `the input is sent byte for byte`() throws {
    let input = #"{ "a" : 1e400, "b":"\u00e9\/", "a":[ 1.0 ]}"#
    let body = try request(#" {"input": \#(input) ,"model":"a/b"} "#).apiBody(webhook: "https://h/\"x")
    #expect(
      String(decoding: body, as: UTF8.self)
        == #"{"input":\#(input),"webhook":"https://h/\"x","#
        + #""webhook_events_filter":["start","output","logs","completed"]}"#)
  }

  @Test func aVersionGoesIntoTheBody() throws {
    let body = try request(#"{"model":"a/b:\#(version)","input":{}}"#).apiBody(webhook: nil)
    #expect(String(decoding: body, as: UTF8.self) == #"{"version":"a/b:\#(version)","input":{}}"#)
  }

  @Test(
    arguments: [
      ("[]", [.completed]), (#"["start"]"#, [.start, .completed]),
      (#"["completed","logs","logs"]"#, [.logs, .completed]), ("null", WebhookEvent.allCases),
    ] as [(String, [WebhookEvent])])
  func theCompletedEventIsAlwaysRequested(_ events: String, _ expected: [WebhookEvent]) throws {
    #expect(try request(with: #""webhook_events":\#(events)"#).events == expected)
  }

  @Test(
    arguments: [
      ("30", nil), (#""30""#, nil), ("0", nil), (#""30s""#, 30), (#""5m""#, 300), (#""1h30m45s""#, 5445),
      (#""24h""#, 86_400),
      (#""1d""#, 86_400), (#""4s""#, nil), ("4", nil), (#""25h""#, nil), (#""1m1h""#, nil), (#""1m1m""#, nil),
      (#""1h30""#, nil), (#""m""#, nil), (#""""#, nil), (#""1.5h""#, nil), ("30.0", nil), ("3e1", nil),
      ("-30", nil),
      (#"" 30s""#, nil), (#""30 s""#, nil), (#""30S""#, nil), ("99999999999999999999", nil), ("true", nil),
      (#""99999999999999999999d""#, nil), (#""\u0033\u0030s""#, 30), ("[30]", nil),
    ] as [(String, Int?)])
  func durationsAreRead(_ text: String, _ seconds: Int?) throws {
    let read = try? request(with: #""cancel_after":\#(text)"#)
    #expect(read?.cancelAfter == seconds)
    #expect(read?.cancelAfterHeader == seconds.map { "\($0)s" })
  }

  @Test func theJobsTimeoutHasItsOwnBounds() throws {
    #expect(try request(with: #""timeout":"1s""#).timeout == 1)
    #expect(try request(with: #""timeout":"7d""#).timeout == 604_800)
    #expect(throws: PredictionRequestError.self) { try request(with: #""timeout":"0s""#) }
    #expect(throws: PredictionRequestError.self) { try request(with: #""timeout":"7d1s""#) }
  }

  @Test(arguments: ["timeout", "cancel_after"], ["30", #""30""#])
  func aDurationNeedsAUnit(_ name: String, _ value: String) throws {
    let body = Array(#"{"model":"a/b","input":{},"\#(name)":\#(value)}"#.utf8)
    let error = try #require(throws: PredictionRequestError.self) { try PredictionRequest(body: body.span) }
    #expect(error.field == name && error.description.contains(#"with its unit, such as "30s""#))
    // Earlier versions queued such orders.
    let stored = try PredictionRequest(body: body.span, isStored: true)
    #expect(stored.timeout == 30 || stored.cancelAfter == 30)
  }

  @Test(
    arguments: [
      (#""id":"a.b""#, "id"), (#""id":"""#, "id"), (#""id":"é""#, "id"), (#""id":1"#, "id"),
      (#""id":"\#(String(repeating: "a", count: 65))""#, "id"), (#""retries":6"#, "retries"),
      (#""retries":-1"#, "retries"), (#""retries":1.0"#, "retries"), (#""retries":"1""#, "retries"),
      (#""metadata":[]"#, "metadata"), (#""metadata":"x""#, "metadata"),
      (#""metadata":{"a":"\#(String(repeating: "x", count: 16 * 1024))"}"#, "metadata"),
      (#""metadata":{"a":"\#(String(repeating: "x", count: 257))"}"#, "metadata"),
      (#""webhook_events":["failed"]"#, "webhook_events"), (#""webhook_events":"start""#, "webhook_events"),
      (#""webhook_events":[1]"#, "webhook_events"), (#""expect":{"kinds":"url"}"#, "expect"),
      (#""expect":"url""#, "expect"), (#""webhook":"https://x""#, "webhook"), (#""Input":{}"#, "Input"),
      (#""input":{}"#, "input"), (#""version":"\#(version)""#, "version"),
      (#""cancelAfter":30"#, "cancelAfter"),
      (#""canc\u0065l_after":1"#, "cancel_after"), (#""a\nb":1"#, "a b"),
    ])
  func theInvalidMemberIsNamed(_ member: String, _ field: String) {
    #expect {
      try request(with: member)
    } throws: { error in
      guard case .invalid(let named, let reason)? = error as? PredictionRequestError else { return false }
      return named == field && reason.hasSuffix(".") && !reason.contains("\n") && reason.utf8.count < 300
    }
  }

  @Test func aRequestWithoutTargetOrInputIsRejected() {
    #expect(throws: PredictionRequestError.self) { try request(#"{"input":{}}"#) }
    #expect(throws: PredictionRequestError.self) { try request(#"{"model":"a/b"}"#) }
    #expect(throws: PredictionRequestError.self) { try request(#"{"model":"a/b","input":null}"#) }
    #expect(throws: PredictionRequestError.self) { try request(#"{"model":"a/b","input":[]}"#) }
  }

  @Test(arguments: [
    "", "{", "[]", "null", #"{"model":"a/b","input":{}}x"#, #"{"model":"a/b","input":{"a":}}"#,
  ])
  func aBodyThatIsNotAnObjectIsMalformed(_ text: String) {
    #expect {
      try request(text)
    } throws: { error in
      if case .malformedJSON? = error as? PredictionRequestError { true } else { false }
    }
  }

  @Test func `optional parts keep their exact text`() throws {
    let request = try request(
      with: #""id":"A_b-9","metadata":{ "user": 1.50 },"expect": { "kind":"text" },"retries":5"#)
    #expect(request.id == "A_b-9" && request.retries == 5)
    #expect(request.metadata == Array(#"{ "user": 1.50 }"#.utf8))
    #expect(request.expectText == Array(#"{ "kind":"text" }"#.utf8))
    #expect(request.expect?.kind == .text)
  }
}

@Suite struct PredictionInputTests {
  private func isTooLarge(_ input: String) -> Bool {
    do throws(PredictionRequestError) {
      _ = try request(#"{"model":"a/b","input":\#(input)}"#)
      return false
    } catch {
      guard case .inputTooLarge = error else { return false }
      return true
    }
  }

  @Test(arguments: ["data:", "DATA:", #"\u0064ata:"#, #"\u0064\u0061\u0074\u0061\u003a"#])
  func `a file inside the input has at most 256 KiB`(_ scheme: String) {
    let base64 = String(repeating: "A", count: (256 * 1024 + 2) / 3 * 4)
    let larger = String(repeating: "A", count: 260 * 1024 * 4 / 3)
    #expect(!isTooLarge(#"{"a":[{"image":"\#(scheme)image/png;base64,\#(base64)"}]}"#))
    #expect(isTooLarge(#"{"a":[{"image":"\#(scheme)image/png;base64,\#(larger)"}]}"#))
    // Other text is not a file.
    #expect(!isTooLarge(#"{"a":"x\#(scheme)\#(larger)"}"#))
  }

  @Test func `the whole input has a maximum`() {
    let room = PredictionRequest.maxInputBytes - #"{"a":""}"#.utf8.count
    #expect(!isTooLarge(#"{"a":"\#(String(repeating: "x", count: room))"}"#))
    #expect(isTooLarge(#"{"a":"\#(String(repeating: "x", count: room + 1))"}"#))
  }

  @Test(arguments: 0..<8)
  func nothingTrapsAndWhatPassesGoesOutAsJSON(_ seed: Int) {
    let text =
      #"{"model":"a/b:\#(version)","input":{"a":["data:x",{"b":1.5e3}]},"id":"x","webhook_events":["logs"],"#
      + #""timeout":"1h30m","cancel_after":"30s","expect":{"kind":"urls","count":{"min":1}},"#
      + #""metadata":{},"retries":1}"#
    var mutation = Mutation(seed: UInt64(seed))
    for round in 0..<2000 {
      let body = round.isMultiple(of: 10) ? mutation.bytes(upTo: 64) : mutation.mutate(text)
      guard let request = try? PredictionRequest(body: body.span) else { continue }
      let sent = request.apiBody(webhook: "https://example.com/")
      #expect(throws: Never.self) { try JSONScanner.validate(sent.span) }
      #expect(request.apiPath.utf8.allSatisfy { (0x21...0x7E).contains($0) })
    }
  }
}
