import Jobs
@testable import Replicate
import Samples
import Testing

private func snapshot(_ text: String) throws -> Snapshot {
  let body = Array(text.utf8)
  return try Prediction(body: body.span).snapshot(
    digest: .repeating(0))
}

@Suite struct PredictionTests {
  @Test(arguments: [
    "{}", #"{"id":"a"}"#, #"{"status":"starting"}"#, #"{"id":1,"status":"starting"}"#,
    #"{"id":null,"status":"starting"}"#,
    #"{"id":"","status":"starting"}"#, #"{"id":"a","status":""}"#, #"{"id":"a","status":["starting"]}"#,
    #"{"id":"a\u0000b","status":"starting"}"#, #"{"id":"a\nb","status":"starting"}"#,
    #"{"id":"a","status":"a\u007f"}"#,
    #"{"id":"\#(String(repeating: "x", count: 256))","status":"starting"}"#,
    #"{"id":"a","status":"\#(String(repeating: "x", count: 65))"}"#,
  ])
  func `a body needs an id and a status`(_ text: String) {
    #expect {
      try snapshot(text)
    } throws: { error in
      if case .missingField(let name, _)? = error as? PredictionError {
        name == "id" || name == "status"
      } else {
        false
      }
    }
  }

  @Test(arguments: [
    "", "[]", "null", "{", #"{"id":"a","status":"starting"}x"#, "\u{FEFF}{}", #"{"id":"a",}"#,
  ])
  func aBodyThatIsNotAnObjectIsMalformed(_ text: String) {
    #expect {
      try snapshot(text)
    } throws: { error in
      if case .malformedJSON? = error as? PredictionError { true } else { false }
    }
  }

  /// Only id and status may cause a rejection.
  ///
  /// Bodies do not follow the published schema.
  @Test(arguments: [
    "model", "version", "input", "output", "error", "logs", "metrics", "created_at", "started_at",
    "completed_at",
    "data_removed", "urls", "a_field_of_tomorrow",
  ])
  func aFieldOfAnyTypeIsAccepted(_ name: String) throws {
    for value in ["null", "1", "true", #""text""#, "[]", "{}", #"{"detail":1}"#, "[[[]]]", "1e999"] {
      let snapshot = try snapshot(#"{"id":"a","status":"failed","\#(name)":\#(value)}"#)
      #expect(snapshot.phase == .failed, "\(value)")
    }
  }

  @Test(arguments: [
    "a", "vgcm4plb7tgzlyznry5d5jkgvu", "é", "😀", "../../etc", "a b", "%2e%2e", #"\"quoted\""#, #"\ud800"#,
  ])
  func anIDIsOpaque(_ id: String) throws {
    #expect(try snapshot(#"{"id":"\#(id)","status":"starting"}"#).predictionID.isEmpty == false)
  }

  @Test(
    arguments: [
      ("starting", .pending), ("processing", .running), ("succeeded", .succeeded), ("failed", .failed),
      ("canceled", .canceled), ("aborted", .canceled), ("cancelled", nil), ("successful", nil),
      ("Succeeded", nil),
      ("queued", nil),
    ] as [(String, Phase?)])
  func statusesAreMapped(_ status: String, _ phase: Phase?) throws {
    let snapshot = try snapshot(#"{"id":"a","status":"\#(status)"}"#)
    #expect(snapshot.phase == phase)
    #expect(snapshot.providerStatus == status)
  }

  @Test(
    arguments: [
      ("failed", "null", "unknown", nil), ("failed", #""""#, "unknown", nil),
      ("failed", #""boom""#, "unknown", "boom"),
      ("failed", #""CUDA out of memory""#, "out_of_memory", "CUDA out of memory"),
      ("failed", #""OOM""#, "out_of_memory", "OOM"),
      ("failed", #""zoom level""#, "unknown", "zoom level"),
      (
        "failed", #""Prediction interrupted; please retry (code: PA)""#, "interrupted",
        "Prediction interrupted; please retry (code: PA)"
      ),
      (
        "failed", #""Director: unexpected error handling prediction (E9243)""#, "interrupted",
        "Director: unexpected error handling prediction (E9243)"
      ),
      ("failed", #""NSFW content detected""#, "content_refused", "NSFW content detected"),
      ("failed", #"{"detail":"Input validation failed"}"#, "invalid_input", "Input validation failed"),
      ("failed", #"{"a":"\"b\n"}"#, "unknown", #"{"a":"\"b\n"}"#),
      ("failed", #"{"a":1}"#, "unknown", #"{"a":1}"#), ("failed", "[1]", "unknown", "[1]"),
      ("aborted", "null", "aborted", nil), ("canceled", "null", nil, nil),
      ("canceled", #""by user""#, "canceled", "by user"),
      ("succeeded", #""""#, nil, nil), ("succeeded", #""ignored""#, nil, nil),
      ("processing", #""x""#, nil, nil),
    ] as [(String, String, String?, String?)])
  func errorsAreClassified(_ status: String, _ error: String, _ code: String?, _ message: String?) throws {
    let snapshot = try snapshot(#"{"id":"a","status":"\#(status)","error":\#(error)}"#)
    #expect(snapshot.error?.code == code)
    #expect(snapshot.error?.message == message)
  }

  @Test func anIDMayBeWrittenInEscapes() throws {
    let escaped = String(repeating: #"\u0061"#, count: 255)
    #expect(
      try snapshot(#"{"id":"\#(escaped)","status":"starting"}"#).predictionID
        == String(repeating: "a", count: 255))
  }

  @Test func `a long error is cut at a character`() throws {
    let text = String(repeating: "é", count: 5000)
    let message = try #require(
      try snapshot(#"{"id":"a","status":"failed","error":"\#(text)"}"#).error?.message)
    #expect(message.utf8.count <= 4096 && text.hasPrefix(message) && message.utf8.count > 4000)
  }

  @Test func evidenceIsTheSizeOfLogsAndOutput() throws {
    let grown = try snapshot(#"{"id":"a","status":"processing","logs":"abc","output":["x"]}"#)
    #expect(grown.evidence.logsSize == 5 && grown.evidence.outputSize == 5)
    #expect(try snapshot(#"{"id":"a","status":"processing","logs":null}"#).evidence.logsSize == 0)
  }

  @Test func `the last of repeated members counts`() throws {
    #expect(try snapshot(#"{"id":"a","status":"starting","status":"failed","id":"b"}"#).predictionID == "b")
  }
}
