import HTTPWire
import Testing

/// Inputs that were once parsed wrongly.
@Suite struct RegressionTests {
  @Test(arguments: [
    RequestCase(
      "9112 6.1 U+212A KELVIN SIGN becomes k in lower case",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chun\u{212A}ed\r\n\r\n",
      .refused(.unknownTransferCoding)),
    RequestCase(
      "9112 9.3 U+212A KELVIN SIGN becomes k in lower case",
      "GET / HTTP/1.0\r\nConnection: \u{212A}eep-alive\r\n\r\n", .accepted(.none, isPersistent: false)),
    RequestCase(
      "9110 4.2.4 user information, without Host", "GET http://u@a/ HTTP/1.0\r\n\r\n",
      .refused(.malformedTarget)),
    RequestCase(
      "9110 7.2 a port that is none, without Host", "GET http://a:x/ HTTP/1.0\r\n\r\n",
      .refused(.malformedTarget)),
    RequestCase(
      "9110 4.2.1 an empty host", "GET http://:80/ HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.malformedTarget)),
  ])
  func everyRequestParsesAsExpected(_ testCase: RequestCase) {
    let bytes = Array(testCase.text.utf8)
    #expect(parse(bytes, pieceEnds: [bytes.count]) == testCase.expectation)
  }

  /// Rejected either way, but with another error.
  ///
  /// In one piece, the line is scanned before its limits apply.
  @Test(arguments: [
    "GET / HTTP/1.1\r\nX: " + String(repeating: "a", count: 17_000) + "\n",
    "GET / HTTP/1.1\r\nX: " + String(repeating: "a", count: 17_000) + "\rX",
    "GET /" + String(repeating: "a", count: 9000) + "\n",
  ])
  func aHeaderSectionIsRefusedForTheSameRuleHoweverItArrives(_ text: String) {
    let bytes = Array(text.utf8)
    let whole = parse(bytes, pieceEnds: [bytes.count])
    #expect(parse(bytes, pieceEnds: 1...bytes.count) == whole)
  }

  @Test(arguments: [
    "5\r\nhelloX\n", "5\r\nhelloX\rY", "5\r\nhello" + String(repeating: "a", count: 1025) + "\r\n",
    "5;" + String(repeating: "a", count: 1025) + "\n",
    "0\r\nX: " + String(repeating: "a", count: 1025) + "\n",
  ])
  func aChunkIsRefusedForTheSameRuleHoweverItArrives(_ text: String) {
    let bytes = Array(text.utf8)
    let whole = decode(bytes, pieceEnds: [bytes.count])
    #expect(decode(bytes, pieceEnds: 1...bytes.count) == whole)
  }

  @Test(arguments: [
    "BAD\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nBad Field: x\r\nHost: a\r\n\r\n",
  ])
  func anErrorIsFinal(_ text: String) {
    let bytes = Array(text.utf8)
    var parser = RequestHeadParser(limits: MessageLimits())
    let answers = (0..<3).map { _ in
      do throws(RequestError) {
        return try parser.parse(bytes.span) == nil ? "more" : "accepted"
      } catch {
        return "\(error)"
      }
    }
    #expect(Set(answers).count == 1 && answers[0] != "accepted", "\(answers)")
  }
}
