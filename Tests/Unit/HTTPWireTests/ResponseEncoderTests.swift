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
