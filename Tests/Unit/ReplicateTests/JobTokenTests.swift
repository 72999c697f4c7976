@testable import Crypto
@testable import JobRequests
import Jobs
@testable import Replicate
import StandardWebhooks
import Testing

private let key = [UInt8](repeating: 7, count: 32)
private let digits = "0123456789abcdef0123456789abcdef"
private let stars = String(repeating: "*", count: 32)

@Suite struct JobTokenTests {
  private let token = JobToken(key: key)

  private func value(of id: String) throws -> String {
    let url = try #require(token.webhookURL(publicURL: "https://h.example/x", jobID: id))
    #expect(url.hasPrefix("https://h.example/x/webhooks/replicate?job=\(id)."))
    return try #require(JobToken.parameterValue(in: url))
  }

  @Test(arguments: ["a", "0", "j-1_B", String(repeating: "x", count: 64)])
  func `a token names its job and no other`(_ id: String) throws {
    let value = try value(of: id)
    #expect(value.utf8.count == id.utf8.count + 33)
    #expect(token.job(named: value) == id)
    #expect(JobToken(key: [UInt8](repeating: 8, count: 32)).job(named: value) == nil)
    #expect(token.job(named: "other" + value.dropFirst(id.count)) == nil)
    for index in value.utf8.indices where value.utf8[index] != UInt8(ascii: ".") {
      var bytes = Array(value.utf8)
      bytes[value.utf8.distance(from: value.startIndex, to: index)] ^= 1
      #expect(token.job(named: String(decoding: bytes, as: UTF8.self)) == nil)
    }
    for wrong in [value + "0", String(value.dropLast()), id, id + ".", "", ".", value.uppercased() + " "] {
      #expect(token.job(named: wrong) == nil)
    }
  }

  @Test(
    arguments: [
      ("https://h/w?job=a.b", "a.b"), ("https://h/w?job=a.b&x=1", "a.b"), ("https://h/w?job=", ""),
      ("https://h/w", nil), ("https://h/w?x=1&job=a.b", nil), ("https://h/w?jobs=a.b", nil), ("", nil),
    ] as [(String, String?)])
  func theParameterIsReadFromAURL(_ url: String, _ value: String?) {
    #expect(JobToken.parameterValue(in: url) == value)
  }

  /// A prediction's creator may add parameters to its webhook's URL.
  @Test(arguments: [
    ("job", "a.\(digits)", true), ("job", "j-1_B.\(digits)", true), ("job", "a.\(stars)", true),
    ("job", "abc", false), ("job", "", false), ("job", ".\(digits)", false), ("job", "a b.\(digits)", false),
    ("job", "a.\(digits.dropLast())", false), ("job", "a.\(digits)0", false), ("job", "a.b.c", false),
    ("job", "a.\(digits.uppercased())", false), ("jobs", "a.\(digits)", false),
  ])
  func `only an id with a token is a job parameter`(_ name: String, _ value: String, _ isToken: Bool) {
    #expect(JobToken.hasForm(name: name, value: value) == isToken)
  }

  @Test(
    arguments: [
      ("https://h/w", nil), ("https://h/w?", nil), ("https://h/w?job=a.\(digits)", nil),
      ("https://h/w?job=a.\(stars)", nil), ("https://h/w?job=abc", "job=abc"), ("https://h/w?x", "x"),
      ("https://h/w?job=a.\(stars)&t=1&u=%20#f", "t=1&u=%20"), ("https://h/w?t=1?&job=a.\(digits)", "t=1?"),
      ("", nil),
    ] as [(String, String?)])
  func `a foreign query is kept`(_ url: String, _ query: String?) {
    #expect(JobToken.foreignQuery(of: url) == query)
  }

  @Test(arguments: [
    ("https://h/w?job=a.\(digits)", "https://h/w?job=a.\(stars)"),
    (#"https:\/\/h\/w?job=j-1_B.\#(digits)"#, #"https:\/\/h\/w?job=j-1_B.\#(stars)"#),
    ("https://h/w?job=a.\(digits)&y=\(digits)", "https://h/w?job=a.\(stars)&y=\(digits)"),
    ("https://h/?job=a.\(digits)?job=b.\(digits)", "https://h/?job=a.\(stars)?job=b.\(stars)"),
    // Some JSON writers escape characters that HTML gives a meaning.
    (#"https:\/\/h\/w\u003fjob\u003da.\#(digits)"#, #"https:\/\/h\/w\u003fjob\u003da.\#(stars)"#),
    (#"https://h/w?job\u003Da.\#(digits)\u0026y=1"#, #"https://h/w?job\u003Da.\#(stars)\u0026y=1"#),
    (#"https://h/w?\u006aob=\u0061\u002e\#(digits)"#, #"https://h/w?\u006aob=\u0061\u002e\#(stars)"#),
    (#"https://h/w?job=a.\u0030\#(digits.dropFirst())"#, "https://h/w?job=a.******\(stars.dropFirst())"),
    // Text that is no token is unchanged.
    (#"https://h/w\\u003fjob=a.\#(digits)"#, #"https://h/w\\u003fjob=a.\#(digits)"#),
    (#"https://h/w\u013fjob=a.\#(digits)"#, #"https://h/w\u013fjob=a.\#(digits)"#),
    ("https://h/w?job=a.\(digits.dropLast())", "https://h/w?job=a.\(digits.dropLast())"),
    ("https://h/w?job=a.\(digits.uppercased())", "https://h/w?job=a.\(digits.uppercased())"),
    ("https://h/w?job=a\(digits)", "https://h/w?job=a\(digits)"), ("https://h/w?job=", "https://h/w?job="),
    ("https://h/w?job=a.", "https://h/w?job=a."), ("https://h/w?job", "https://h/w?job"),
    ("https://h/w?x=a.\(digits)", "https://h/w?x=a.\(digits)"), ("", ""),
  ])
  func `only the digits of a token are masked`(_ url: String, _ expected: String) {
    // A token before and after it, outside the range.
    let outside = "?job=z.\(digits)"
    var body = Array((outside + url + outside).utf8)
    let count = outside.utf8.count
    JobToken.mask(in: &body, url: count..<(count + url.utf8.count))
    #expect(String(decoding: body, as: UTF8.self) == outside + expected + outside)
  }

  /// A cut URL is not read beyond its range.
  ///
  /// It keeps its length.
  @Test(arguments: ["https://h/w?job=a.\(digits)", #"https:\/\/h/w\u003fjob\u003da.\#(digits)"#])
  func `a truncated URL does not trap`(_ text: String) {
    let url = Array(text.utf8)
    for end in url.indices {
      var body = Array(url[..<end])
      JobToken.mask(in: &body, url: 0..<end)
      #expect(body == Array(url[..<end]))
    }
  }
}

@Suite struct SnapshotDecoderTests {
  @Test func theStoredBodyHasNoTokenAndMatchesItsDigest() throws {
    let url = try #require(JobToken(key: key).webhookURL(publicURL: "https://h.example", jobID: "j1"))
    let secret = try #require(url.split(separator: ".").last)
    let text = #"{"id":"p1","status":"succeeded","output":"x","webhook":"\#(url)","logs":"l"}"#
    let (snapshot, kept) = try SnapshotDecoder(rules: OutputRules()).decode(Array(text.utf8))
    let expected = text.replacing(secret, with: stars)
    #expect(String(decoding: kept, as: UTF8.self) == expected)
    #expect(snapshot.evidence.digest.bytes == SHA256().digest(of: kept.span))
    #expect(snapshot.phase == .succeeded && snapshot.ruleViolation == nil && snapshot.evidence.logsSize == 3)
  }

  @Test func aBodyWithoutATokenIsKeptByteForByte() throws {
    let text = #" {"id":"p1","status":"succeeded","output":"","webhook":"https://h/?x=1"}"#
    let (snapshot, kept) = try SnapshotDecoder(rules: OutputRules()).decode(Array(text.utf8))
    #expect(kept == Array(text.utf8))
    #expect(snapshot.ruleViolation?.code == "invalid_output" && snapshot.claimedPhase == .failed)
  }

  @Test(arguments: ["", "[]", "{", #"{"id":"p1"}"#, #"{"id":1,"status":"x"}"#])
  func aBodyWithoutAPredictionIsRejected(_ text: String) {
    #expect(throws: PredictionError.self) {
      try SnapshotDecoder(rules: OutputRules()).decode(Array(text.utf8))
    }
  }
}
