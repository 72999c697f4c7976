import HTTPWire
import Testing

private func head(_ text: String) throws -> RequestHead {
  var parser = RequestHeadParser(limits: MessageLimits())
  let bytes = Array(text.utf8)
  let head = try parser.parse(bytes.span)
  return try #require(head)
}

@Suite struct RequestHeadParserTests {
  @Test(arguments: RequestCases.all)
  func everyCaseParsesAsExpected(_ testCase: RequestCase) {
    let bytes = Array(testCase.text.utf8)
    #expect(parse(bytes, pieceEnds: [bytes.count]) == testCase.expectation)
  }

  @Test(arguments: RequestCases.all)
  func everyCaseIsReadAlikeByteByByte(_ testCase: RequestCase) {
    let bytes = Array(testCase.text.utf8)
    #expect(parse(bytes, pieceEnds: 1...bytes.count) == testCase.expectation)
  }

  @Test(arguments: RequestCases.all.filter { $0.text.utf8.count < 300 })
  func everyCaseIsReadAlikeHoweverItIsSplit(_ testCase: RequestCase) {
    let bytes = Array(testCase.text.utf8)
    for split in 1..<bytes.count {
      #expect(parse(bytes, pieceEnds: [split, bytes.count]) == testCase.expectation, "split at \(split)")
    }
  }

  /// A strict prefix is incomplete, or has the error of the whole.
  ///
  /// It is never accepted.
  @Test(arguments: RequestCases.all.filter { $0.text.utf8.count < 300 })
  func noStrictPrefixIsAccepted(_ testCase: RequestCase) {
    let bytes = Array(testCase.text.utf8)
    for length in 0..<bytes.count {
      let result = parse(bytes, pieceEnds: [length])
      #expect(result == nil || result == testCase.expectation && result != .bodyless, "\(length) bytes")
    }
  }

  @Test(arguments: RequestCases.all.filter { if case .accepted = $0.expectation { true } else { false } })
  func followingBytesAreNotConsumed(_ testCase: RequestCase) throws {
    let head = try head(testCase.text + "GET /next HTTP/1.1\r\n\r\n")
    #expect(head.byteCount == testCase.text.utf8.count)
  }

  @Test(arguments: [
    ("/", [""]), ("/jobs/a%20b", ["jobs", "a b"]), ("/jobs/", ["jobs", ""]), ("http://x/jobs?q", ["jobs"]),
    ("http://x", [""]),
    ("/%E2%82%AC", ["€"]), ("/a+b", ["a+b"]), ("//", ["", ""]),
  ])
  func pathsAreSplitThenDecodedOnce(_ target: String, _ segments: [String]) throws {
    #expect(try head("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n").target.segments == segments)
  }

  @Test(
    arguments: [
      ("a=1&b=2", ["a": "1", "b": "2"]), ("a=x+y%20z", ["a": "x y z"]), ("a", ["a": ""]), ("", [:]),
      ("&&a=1&", ["a": "1"]),
      ("a=b=c", ["a": "b=c"]), ("%61=1", ["a": "1"]), ("a=%zz", nil), ("a=%", nil), ("a=%ff", nil),
    ] as [(String, [String: String]?)])
  func queriesAreDecoded(_ query: String, _ expected: [String: String]?) throws {
    let parameters = try head("GET /?\(query) HTTP/1.1\r\nHost: a\r\n\r\n").target.queryParameters
    #expect(parameters.map { Dictionary($0.map { ($0.name, $0.value) }) { $1 } } == expected)
  }

  @Test func fieldsKeepOrderCaseAndRepetition() throws {
    let fields = try head("GET / HTTP/1.1\r\nHost: a\r\nX-Test: 1\r\nx-test:  2 \r\nWebhook-ID: m\r\n\r\n")
      .fields
    #expect(fields.all("x-test") == ["1", "2"])
    #expect(fields.single("x-test") == .repeated)
    #expect(fields.single("webhook-id") == .one("m"))
    #expect(fields.single("absent") == .none)
    #expect(fields.first("host") == "a")
    #expect(fields.count == 4)
  }

  @Test func theAuthorityOfAnAbsoluteTargetIsTheHost() throws {
    #expect(try head("GET http://b:1/ HTTP/1.1\r\nHost: a\r\n\r\n").host == "b:1")
    #expect(try head("GET / HTTP/1.1\r\nHost: a\r\n\r\n").host == "a")
  }

  @Test func anHTTP10SenderExpectsNoInterimAnswer() throws {
    #expect(try !head("POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n").expectsContinue)
    #expect(try head("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n").expectsContinue)
  }

  @Test func everyErrorHasAStatusAndAnExplanation() {
    for error in RequestError.allCases {
      #expect([400, 413, 414, 417, 431, 501, 505].contains(error.status.code))
      #expect(!error.explanation.isEmpty)
    }
  }
}
