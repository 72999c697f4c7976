@testable import Bytes
import HTTPWire
import Testing
@testable import Time

private func encoded(_ response: Response, answering request: String? = nil, closing: Bool = false) throws
  -> String
{
  var head: RequestHead?
  if let request {
    var parser = RequestHeadParser(limits: MessageLimits())
    let bytes = Array(request.utf8)
    head = try parser.parse(bytes.span)
  }
  var buffer: [UInt8] = []
  ResponseEncoder.append(
    response, to: &buffer, answering: head?.method, date: Array("D".utf8),
    connection: closing ? .close : head?.minorVersion == 0 ? .keepAlive : .none)
  return String(decoding: buffer, as: UTF8.self)
}

@Suite struct ResponseEncoderTests {
  private static let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
  private static let hello = Response(status: .ok, fields: [("X", "y")], body: Array("hello".utf8))

  @Test func anAnswerHasDateFieldsLengthAndContent() throws {
    #expect(
      try encoded(Self.hello, answering: Self.get)
        == "HTTP/1.1 200 OK\r\nDate: D\r\nX: y\r\nContent-Length: 5\r\n\r\nhello")
  }

  @Test func headGetsTheFieldsWithoutTheContent() throws {
    #expect(
      try encoded(Self.hello, answering: "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        == "HTTP/1.1 200 OK\r\nDate: D\r\nX: y\r\nContent-Length: 5\r\n\r\n")
  }

  @Test func notModifiedAndNoContentHaveNeitherLengthNorContent() throws {
    let body = Array("x".utf8)
    #expect(
      try encoded(Response(status: .notModified, body: body), answering: Self.get)
        == "HTTP/1.1 304 Not Modified\r\nDate: D\r\n\r\n")
    #expect(
      try encoded(Response(status: .noContent, body: body), answering: Self.get)
        == "HTTP/1.1 204 No Content\r\nDate: D\r\n\r\n")
  }

  @Test func nonDefaultConnectionOptionsAreSent() throws {
    #expect(try encoded(Self.hello, answering: Self.get, closing: true).contains("\r\nConnection: close\r\n"))
    #expect(try encoded(Self.hello, closing: true).contains("\r\nConnection: close\r\n"))
    #expect(
      try encoded(Self.hello, answering: "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        .contains("\r\nConnection: keep-alive\r\n"))
    #expect(try !encoded(Self.hello, answering: Self.get).contains("Connection"))
  }

  @Test func aValueCannotEndItsLine() throws {
    let text = try encoded(Response(status: .ok, fields: [("X", "a\r\nEvil: 1\u{0}")]))
    #expect(text.contains("\r\nX: a  Evil: 1 \r\n"))
  }

  // MARK: - Content piece by piece

  private static func streamed(
    _ head: ResponseHead, minorVersion: Int = 1, closing: Bool = false
  ) -> String {
    var buffer: [UInt8] = []
    ResponseEncoder.appendHead(
      of: head, framing: ResponseFraming(of: head, minorVersion: minorVersion), to: &buffer,
      date: Array("D".utf8), connection: closing ? .close : .none)
    return String(decoding: buffer, as: UTF8.self)
  }

  @Test(
    arguments: [
      (nil, 1, "\r\nTransfer-Encoding: chunked"), (nil, 0, ""), (0, 1, "\r\nContent-Length: 0"),
      (1234, 0, "\r\nContent-Length: 1234"),
    ] as [(Int?, Int, String)])
  func aStreamIsDelimitedByLengthChunksOrClose(_ length: Int?, _ minorVersion: Int, _ field: String) {
    let head = ResponseHead(status: .ok, fields: [("X", "y")], contentLength: length)
    #expect(
      Self.streamed(head, minorVersion: minorVersion) == "HTTP/1.1 200 OK\r\nDate: D\r\nX: y\(field)\r\n\r\n")
    #expect(Self.streamed(head, closing: true).contains("\r\nX: y\r\nConnection: close\r\n"))
  }

  @Test(arguments: [Status.noContent, .notModified], [nil, 7])
  func aStreamWhoseStatusForbidsContentHasNoFraming(_ status: Status, _ length: Int?) {
    let text = Self.streamed(ResponseHead(status: status, contentLength: length))
    #expect(!text.contains("Length") && !text.contains("Encoding"))
    #expect(!ResponseEncoder.hasContent(ResponseHead(status: status), answering: .get))
    #expect(ResponseEncoder.hasContent(ResponseHead(status: .ok), answering: .get))
    #expect(!ResponseEncoder.hasContent(ResponseHead(status: .ok), answering: .head))
  }

  @Test(arguments: [(1, "1"), (9, "9"), (10, "a"), (15, "f"), (16, "10"), (255, "ff"), (65_536, "10000")])
  func aChunkHasItsSizeInHexadecimal(_ count: Int, _ size: String) {
    var buffer = Array("before".utf8)
    ResponseEncoder.appendChunk(Array(repeating: 0x78, count: count)[...], to: &buffer)
    let content = String(repeating: "x", count: count)
    #expect(String(decoding: buffer, as: UTF8.self) == "before\(size)\r\n\(content)\r\n")
    #expect(
      decode(Array(buffer[6...]) + Array("0\r\n\r\n".utf8), pieceEnds: [buffer.count - 1], bodyLimit: count)
        == .complete(content, left: 0))
  }

  /// It would be the last chunk, and end the body.
  @Test func anEmptyChunkIsNotSent() {
    var buffer: [UInt8] = []
    ResponseEncoder.appendChunk([], to: &buffer)
    #expect(buffer.isEmpty)
    ResponseEncoder.appendLastChunk(to: &buffer)
    #expect(buffer == Array("0\r\n\r\n".utf8))
  }

  @Test(arguments: [
    (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
    (951_827_696, "Tue, 29 Feb 2000 12:34:56 GMT"), (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
    (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"), (-5, "Thu, 01 Jan 1970 00:00:00 GMT"),
    (Int64.max, "Fri, 31 Dec 9999 23:59:59 GMT"),
  ])
  func datesAreInTheOneFormat(_ seconds: Int64, _ text: String) {
    #expect(String(decoding: IMFFixdate.format(unixSeconds: seconds), as: UTF8.self) == text)
  }

  @Test func encodedPathsDecodeToTheOriginal() throws {
    for id in ["a b", "a/b", "é😀", "100%", "a+b?c#d&e"] {
      #expect(
        PercentEncoding.encode(id).utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") })
    }
    var parser = RequestHeadParser(limits: MessageLimits())
    let bytes = Array("GET /\(PercentEncoding.encode("é 100%")) HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
    let head = try parser.parse(bytes.span)
    #expect(head?.target.segments == ["é 100%"])
  }
}
