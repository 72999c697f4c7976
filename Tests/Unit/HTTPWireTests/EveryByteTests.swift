import HTTPWire
import Testing

/// An offset in a request, and the effect of all 256 bytes.
struct BytePlace: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let before: String
  let after: String
  let expectation: @Sendable (UInt8) -> Expectation

  init(
    _ name: String, _ before: String, _ after: String,
    _ expectation: @escaping @Sendable (UInt8) -> Expectation
  ) {
    (testDescription, self.before, self.after, self.expectation) = (name, before, after, expectation)
  }
}

/// Every byte at every kind of offset.
///
/// The classes are written out from the RFCs' grammars, not taken from the parser.
@Suite struct EveryByteTests {
  private static let digits = Set("0123456789".utf8)
  private static let letters = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)
  /// RFC 9110 section 5.6.2.
  private static let tokens = digits.union(letters).union("!#$%&'*+-.^_`|~".utf8)
  /// RFC 3986 section 3.2.2, without percent-encoding.
  private static let hosts = digits.union(letters).union("-._~!$&'()*+,;=".utf8)
  /// RFC 9110 section 5.5, with the whitespace allowed inside a value.
  private static let values = Set<UInt8>([0x09]).union(0x20...0x7E).union(0x80...0xFF)
  private static let (space, tab, colon) = (UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: ":"))

  static let places: [BytePlace] = [
    BytePlace("within the method", "G", "T / HTTP/1.1\r\nHost: a\r\n\r\n") { byte in
      tokens.contains(byte) ? .bodyless : .refused(.malformedRequestLine)
    },
    BytePlace("within the path", "GET /a", "zz HTTP/1.1\r\nHost: a\r\n\r\n") { byte in
      if byte == space { return .refused(.malformedRequestLine) }
      let isRefused = byte == UInt8(ascii: "#") || byte == UInt8(ascii: "%")
      return (0x21...0x7E).contains(byte) && !isRefused ? .bodyless : .refused(.malformedTarget)
    },
    BytePlace("within the query", "GET /?a", "zz HTTP/1.1\r\nHost: a\r\n\r\n") { byte in
      if byte == space { return .refused(.malformedRequestLine) }
      return (0x21...0x7E).contains(byte) && byte != UInt8(ascii: "#")
        ? .bodyless : .refused(.malformedTarget)
    },
    BytePlace("the major version", "GET / HTTP/", ".1\r\nHost: a\r\n\r\n") { byte in
      if byte == UInt8(ascii: "1") { return .bodyless }
      return .refused(digits.contains(byte) ? .unsupportedVersion : .malformedRequestLine)
    },
    BytePlace("the minor version", "GET / HTTP/1.", "\r\nHost: a\r\n\r\n") { byte in
      if byte == UInt8(ascii: "0") { return .accepted(.none, isPersistent: false) }
      return digits.contains(byte) ? .bodyless : .refused(.malformedRequestLine)
    },
    BytePlace("the first of a field line", "GET / HTTP/1.1\r\nHost: a\r\n", "Y: a\r\n\r\n") { byte in
      if byte == space || byte == tab { return .refused(.foldedField) }
      return tokens.contains(byte) ? .bodyless : .refused(.malformedFieldName)
    },
    BytePlace("within a field name", "GET / HTTP/1.1\r\nHost: a\r\nX", "Y: a\r\n\r\n") { byte in
      tokens.contains(byte) || byte == colon ? .bodyless : .refused(.malformedFieldName)
    },
    BytePlace("within a field value", "GET / HTTP/1.1\r\nHost: a\r\nX: a", "b\r\n\r\n") { byte in
      values.contains(byte) ? .bodyless : .refused(.malformedFieldValue)
    },
    BytePlace("within the host", "GET / HTTP/1.1\r\nHost: a", "1\r\n\r\n") { byte in
      if !values.contains(byte) { return .refused(.malformedFieldValue) }
      return hosts.contains(byte) || byte == colon ? .bodyless : .refused(.malformedHost)
    },
    BytePlace("within the port", "GET / HTTP/1.1\r\nHost: a:8", "0\r\n\r\n") { byte in
      if !values.contains(byte) { return .refused(.malformedFieldValue) }
      return digits.contains(byte) ? .bodyless : .refused(.malformedHost)
    },
    BytePlace("within the length", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1", "1\r\n\r\n") { byte in
      if !values.contains(byte) { return .refused(.malformedFieldValue) }
      guard digits.contains(byte) else { return .refused(.malformedContentLength) }
      return .accepted(.length(101 + 10 * Int(byte - UInt8(ascii: "0"))), isPersistent: true)
    },
    BytePlace("after the coding", "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked", "\r\n\r\n") {
      byte in
      if !values.contains(byte) { return .refused(.malformedFieldValue) }
      let isSeparator = byte == space || byte == tab || byte == UInt8(ascii: ",")
      return isSeparator ? .accepted(.chunked, isPersistent: true) : .refused(.unknownTransferCoding)
    },
  ]

  @Test(arguments: places)
  func everyByteIsClassifiedByTheGrammar(_ place: BytePlace) {
    for byte in UInt8.min...UInt8.max {
      let bytes = Array(place.before.utf8) + [byte] + Array(place.after.utf8)
      let expectation: Expectation =
        switch byte {
        case UInt8(ascii: "\n"): .refused(.bareLineFeed)
        case UInt8(ascii: "\r"): .refused(.bareCarriageReturn)
        default: place.expectation(byte)
        }
      #expect(parse(bytes, pieceEnds: [bytes.count]) == expectation, "byte \(byte)")
      #expect(parse(bytes, pieceEnds: 1...bytes.count) == expectation, "byte \(byte), byte by byte")
    }
  }

  /// A request with one changed byte is parsed alike in all splits.
  @Test func aChangedByteIsReadAlikeHoweverItArrives() {
    let text = "POST /a?b HTTP/1.1\r\nHost: a:1\r\nX: y\r\nContent-Length: 5\r\nConnection: close\r\n\r\n"
    let original = Array(text.utf8)
    for index in original.indices {
      for byte in UInt8.min...UInt8.max {
        var bytes = original
        bytes[index] = byte
        let whole = parse(bytes, pieceEnds: [bytes.count])
        #expect(parse(bytes, pieceEnds: 1...bytes.count) == whole, "byte \(byte) at \(index)")
      }
    }
  }
}
