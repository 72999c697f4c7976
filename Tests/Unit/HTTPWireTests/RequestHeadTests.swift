@testable import Bytes
import HTTPWire
import Testing

/// The semantics of a request other than its framing.
@Suite struct RequestHeadTests {
  private func head(_ text: String) throws -> RequestHead {
    var parser = RequestHeadParser(limits: MessageLimits())
    let bytes = Array(text.utf8)
    let head = try parser.parse(bytes.span)
    return try #require(head)
  }

  @Test(arguments: ["GET", "HEAD", "POST", "get", "PROPFIND", "!"])
  func aMethodIsKeptAsItIs(_ name: String) throws {
    #expect(try head("\(name) / HTTP/1.1\r\nHost: a\r\n\r\n").method == Method(name))
  }

  @Test(arguments: zip(0...9, [0] + Array(repeating: 1, count: 9)))
  func aHigherMinorVersionIsServedAsOurs(_ sent: Int, _ served: Int) throws {
    #expect(try head("GET / HTTP/1.\(sent)\r\nHost: a\r\n\r\n").minorVersion == served)
  }

  @Test(arguments: [
    ("GET / HTTP/1.1\r\nHost: A.b:1\r\n\r\n", "A.b:1"), ("GET / HTTP/1.1\r\nHost:\r\n\r\n", ""),
    ("GET / HTTP/1.0\r\n\r\n", ""), ("GET / HTTP/1.0\r\nHost: a\r\n\r\n", "a"),
    ("GET http://b HTTP/1.0\r\n\r\n", "b"), ("GET http://b?q HTTP/1.1\r\nHost: a\r\n\r\n", "b"),
    ("GET https://[::1]:2/c HTTP/1.1\r\nHost:\r\n\r\n", "[::1]:2"),
  ])
  func theHostIsOfTheTargetElseOfTheField(_ text: String, _ host: String) throws {
    #expect(try head(text).host == host)
  }

  @Test(arguments: [
    ("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n", true),
    ("POST / HTTP/1.1\r\nHost: a\r\nexpect: 100-CONTINUE\r\n\r\n", true),
    ("POST / HTTP/1.1\r\nHost: a\r\nExpect: ,100-continue, 100-continue\r\n\r\n", true),
    ("POST / HTTP/1.1\r\nHost: a\r\nExpect:\r\n\r\n", false), ("POST / HTTP/1.1\r\nHost: a\r\n\r\n", false),
    ("POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n", false),
  ])
  func expectContinueIsParsed(_ text: String, _ expectsContinue: Bool) throws {
    #expect(try head(text).expectsContinue == expectsContinue)
  }

  /// Each byte in upper and lower case hexadecimal, as its own segment.
  @Test func everyEncodedByteIsDecodedOrRefused() {
    let digits = Array("0123456789ABCDEF")
    for byte in UInt8.min...UInt8.max {
      let encoded = "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
      let isRefused = byte < 0x20 || byte >= 0x7F || byte == UInt8(ascii: "/") || byte == UInt8(ascii: ".")
      for text in [encoded, encoded.lowercased()] {
        let segments = try? head("GET /\(text) HTTP/1.1\r\nHost: a\r\n\r\n").target.segments
        #expect(segments == (isRefused ? nil : [String(UnicodeScalar(byte))]), "\(text)")
      }
    }
  }

  @Test(arguments: [
    "", "a", "a b", "a/b", "%2F", "100%", "a+b?c#d&e=f", "é€😀", "\u{0}\r\n", "..a", "~-._", "\u{7F}",
    "e\u{301}",
  ])
  func anEncodedParameterIsDecodedToItself(_ text: String) throws {
    let encoded = PercentEncoding.encode(text)
    let request = "GET /?k\(encoded)=\(encoded) HTTP/1.1\r\nHost: a\r\n\r\n"
    let parameters = try #require(try head(request).target.queryParameters)
    try #require(parameters.count == 1)
    #expect(Array(parameters[0].name.utf8) == Array(("k" + text).utf8))
    #expect(Array(parameters[0].value.utf8) == Array(text.utf8))
  }

  @Test func parametersKeepOrderAndRepetition() throws {
    let parameters = try head("GET /?b=1&a=2&b=3&=4&c HTTP/1.1\r\nHost: a\r\n\r\n").target.queryParameters
    #expect(parameters?.map(\.name) == ["b", "a", "b", "", "c"])
    #expect(parameters?.map(\.value) == ["1", "2", "3", "4", ""])
  }
}
