import HTTPWire
import Testing

/// The input of a response: a row of the table below.
struct ResponseCase: Sendable, CustomTestStringConvertible {
  var testDescription: String
  var request: String?
  var response: Response
  var closing = false
  var golden: String
}

@Suite struct ResponseGoldenTests {
  private static let get11 = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
  private static let head11 = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"
  private static let get10 = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
  private static let body = Array("hi".utf8)
  private static let ok = Response(status: .ok, body: body)

  static let cases: [ResponseCase] = [
    ResponseCase(
      testDescription: "plain", request: get11, response: ok,
      golden: "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 2\r\n\r\nhi"),
    ResponseCase(
      testDescription: "empty", request: get11, response: Response(status: .accepted),
      golden: "HTTP/1.1 202 Accepted\r\nDate: D\r\nContent-Length: 0\r\n\r\n"),
    ResponseCase(
      testDescription: "fields in order, repeated", request: get11,
      response: Response(status: .ok, fields: [("B", "1"), ("A", "2"), ("B", "")]),
      golden: "HTTP/1.1 200 OK\r\nDate: D\r\nB: 1\r\nA: 2\r\nB: \r\nContent-Length: 0\r\n\r\n"),
    ResponseCase(
      testDescription: "HEAD", request: head11, response: ok,
      golden: "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 2\r\n\r\n"),
    ResponseCase(
      testDescription: "HEAD, closing", request: head11, response: ok, closing: true,
      golden: "HTTP/1.1 200 OK\r\nDate: D\r\nConnection: close\r\nContent-Length: 2\r\n\r\n"),
    ResponseCase(
      testDescription: "HTTP/1.0 that stays", request: get10, response: ok,
      golden: "HTTP/1.1 200 OK\r\nDate: D\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi"),
    ResponseCase(
      testDescription: "HTTP/1.0 that goes", request: get10, response: ok, closing: true,
      golden: "HTTP/1.1 200 OK\r\nDate: D\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"),
    ResponseCase(
      testDescription: "to nothing readable", request: nil,
      response: Response(status: .badRequest, body: body),
      closing: true,
      golden: "HTTP/1.1 400 Bad Request\r\nDate: D\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"),
    ResponseCase(
      testDescription: "204, closing", request: get11, response: Response(status: .noContent, body: body),
      closing: true, golden: "HTTP/1.1 204 No Content\r\nDate: D\r\nConnection: close\r\n\r\n"),
    ResponseCase(
      testDescription: "304 with fields", request: get11,
      response: Response(status: .notModified, fields: [("ETag", "\"x\"")], body: body),
      golden: "HTTP/1.1 304 Not Modified\r\nDate: D\r\nETag: \"x\"\r\n\r\n"),
    ResponseCase(
      testDescription: "304 to HEAD on HTTP/1.0", request: "HEAD / HTTP/1.0\r\n\r\n",
      response: Response(status: .notModified),
      golden: "HTTP/1.1 304 Not Modified\r\nDate: D\r\nConnection: keep-alive\r\n\r\n"),
    ResponseCase(
      testDescription: "a value in UTF-8", request: get11,
      response: Response(status: .ok, fields: [("X", "é\tb")]),
      golden: "HTTP/1.1 200 OK\r\nDate: D\r\nX: é\tb\r\nContent-Length: 0\r\n\r\n"),
  ]

  @Test(arguments: cases)
  func everyAnswerIsWrittenToTheByte(_ testCase: ResponseCase) throws {
    let head = try testCase.request.map(Self.head)
    // The bytes already in the buffer are an earlier response, which must stay.
    var buffer = Array("before".utf8)
    ResponseEncoder.append(
      testCase.response, to: &buffer, answering: head?.method, date: Array("D".utf8),
      connection: testCase.closing ? .close : head?.minorVersion == 0 ? .keepAlive : .none)
    #expect(String(decoding: buffer, as: UTF8.self) == "before" + testCase.golden)
  }

  @Test(
    arguments: [
      (.ok, "200 OK"), (.accepted, "202 Accepted"), (.noContent, "204 No Content"),
      (.notModified, "304 Not Modified"),
      (.badRequest, "400 Bad Request"), (.unauthorized, "401 Unauthorized"), (.forbidden, "403 Forbidden"),
      (.notFound, "404 Not Found"), (.methodNotAllowed, "405 Method Not Allowed"),
      (.requestTimeout, "408 Request Timeout"), (.lengthRequired, "411 Length Required"),
      (.contentTooLarge, "413 Content Too Large"), (.uriTooLong, "414 URI Too Long"),
      (.expectationFailed, "417 Expectation Failed"),
      (.headerFieldsTooLarge, "431 Request Header Fields Too Large"),
      (.internalServerError, "500 Internal Server Error"), (.notImplemented, "501 Not Implemented"),
      (.serviceUnavailable, "503 Service Unavailable"),
      (.versionNotSupported, "505 HTTP Version Not Supported"),
    ] as [(Status, String)])
  func everyStatusHasItsRegisteredPhrase(_ status: Status, _ text: String) {
    var buffer: [UInt8] = []
    ResponseEncoder.append(
      Response(status: status), to: &buffer, answering: nil, date: Array("D".utf8), connection: .none)
    #expect(String(decoding: buffer, as: UTF8.self).hasPrefix("HTTP/1.1 \(text)\r\nDate: D\r\n"))
  }

  /// Invalid characters of a value become spaces (RFC 9110 section 5.5).
  ///
  /// So no value ends its line.
  @Test func everyByteOfAValueStaysInItsLine() {
    for byte in UInt8.min...0x7F {
      let value = "a" + String(UnicodeScalar(byte)) + "b"
      var buffer: [UInt8] = []
      ResponseEncoder.append(
        Response(status: .ok, fields: [("X", value)]), to: &buffer, answering: nil, date: [],
        connection: .none)
      let written = byte == 0x09 || (0x20...0x7E).contains(byte) ? byte : 0x20
      let golden =
        Array("HTTP/1.1 200 OK\r\nDate: \r\nX: a".utf8) + [written]
        + Array("b\r\nContent-Length: 0\r\n\r\n".utf8)
      #expect(buffer == golden, "byte \(byte)")
    }
  }

  @Test func theInterimAnswerIsOneLine() {
    #expect(
      String(decoding: ResponseEncoder.continueResponse, as: UTF8.self) == "HTTP/1.1 100 Continue\r\n\r\n")
  }

  private static func head(_ request: String) throws -> RequestHead {
    var parser = RequestHeadParser(limits: MessageLimits())
    let bytes = Array(request.utf8)
    let head = try parser.parse(bytes.span)
    return try #require(head)
  }
}
