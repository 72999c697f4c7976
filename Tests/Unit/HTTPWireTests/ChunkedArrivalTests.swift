import HTTPWire
import Testing

/// Chunked bodies decode alike for every chunking and every split.
@Suite struct ChunkedArrivalTests {
  private static let next = "GET / HTTP/1.1\r\n\r\n"

  @Test(arguments: ChunkedDecoderTests.cases.filter { $0.0.utf8.count < 300 })
  func trailingBytesDoNotChangeTheResult(_ text: String, _ result: ChunkedResult) {
    // An incomplete body would consume the following bytes.
    guard result != .incomplete else { return }
    let bytes = Array((text + Self.next).utf8)
    var expected = result
    if case .complete(let body, let left) = result {
      expected = .complete(body, left: left + Self.next.utf8.count)
    }
    #expect(decode(bytes, pieceEnds: [bytes.count]) == expected)
    #expect(decode(bytes, pieceEnds: 1...bytes.count) == expected, "byte by byte")
    for split in 1..<bytes.count {
      #expect(decode(bytes, pieceEnds: [split, bytes.count]) == expected, "split at \(split)")
    }
  }

  @Test(arguments: ChunkedDecoderTests.cases.filter { (3...60).contains($0.0.utf8.count) })
  func everyCaseIsDecodedAlikeInThreePieces(_ text: String, _ result: ChunkedResult) {
    let bytes = Array(text.utf8)
    for first in 1..<bytes.count - 1 {
      for second in first + 1..<bytes.count {
        #expect(
          decode(bytes, pieceEnds: [first, second, bytes.count]) == result, "split at \(first), \(second)")
      }
    }
  }

  @Test(arguments: 1...64)
  func aBodyIsTheSameInChunksOfAnySize(_ size: Int) {
    let content = Array((0..<64).map { UInt8(ascii: "0") + $0 })
    var bytes: [UInt8] = []
    for start in stride(from: 0, to: content.count, by: size) {
      let chunk = content[start..<min(start + size, content.count)]
      bytes += Array((String(chunk.count, radix: 16) + "\r\n").utf8) + chunk + Array("\r\n".utf8)
    }
    bytes += Array("0\r\n\r\n".utf8)
    let expected = ChunkedResult.complete(String(decoding: content, as: UTF8.self), left: 0)
    #expect(decode(bytes, pieceEnds: [bytes.count]) == expected)
    #expect(decode(bytes, pieceEnds: 1...bytes.count) == expected, "byte by byte")
    #expect(decode(bytes, pieceEnds: [bytes.count], bodyLimit: 63) == .refused(.bodyTooLarge))
  }

  @Test func noStrictPrefixIsComplete() {
    let text = "5;a=\"b\"\r\nhello\r\n06 \t;c\r\n world\r\n00;d\r\nX: y\r\nZ:\r\n\r\n"
    let bytes = Array(text.utf8)
    for length in 0..<bytes.count {
      #expect(decode(bytes, pieceEnds: [length]) == .incomplete, "\(length) bytes")
    }
    #expect(decode(bytes, pieceEnds: [bytes.count]) == .complete("hello world", left: 0))
  }

  /// All splits agree on a body with one changed byte.
  @Test func aChangedByteIsAcceptedOrRefusedAlikeHoweverItArrives() {
    let original = Array("5;a\r\nhello\r\n1\r\n!\r\n0\r\nX: y\r\n\r\nrest".utf8)
    func isRefused(_ result: ChunkedResult) -> Bool { if case .refused = result { true } else { false } }
    for index in original.indices {
      for byte in UInt8.min...UInt8.max {
        var bytes = original
        bytes[index] = byte
        let whole = decode(bytes, pieceEnds: [bytes.count])
        let dripped = decode(bytes, pieceEnds: 1...bytes.count)
        #expect(whole == dripped || isRefused(whole) && isRefused(dripped), "byte \(byte) at \(index)")
      }
    }
  }

  @Test func aChunkSizeIsHexadecimalAndNothingElse() {
    let digits = Set("0123456789abcdefABCDEF".utf8)
    for byte in UInt8.min...UInt8.max {
      let first = decode([byte] + Array("\r\n".utf8), pieceEnds: [3], bodyLimit: 15)
      let second = decode([UInt8(ascii: "1"), byte] + Array("\r\n".utf8), pieceEnds: [4], bodyLimit: 0x1F)
      switch byte {
      case UInt8(ascii: "\n"): #expect(first == .refused(.bareLineFeed) && second == first)
      case UInt8(ascii: "\r"): #expect(first == .refused(.bareCarriageReturn) && second == first)
      default:
        #expect(
          first == (digits.contains(byte) ? .incomplete : .refused(.malformedChunkSize)), "byte \(byte) first"
        )
        #expect(
          second == (digits.contains(byte) ? .incomplete : .refused(.malformedChunkSize)),
          "byte \(byte) second")
      }
    }
  }

  /// RFC 9112 section 7.1.1.
  @Test(
    arguments: [
      (";a", true), (";a=b", true), (";a=\"b\"", true), (";a=\"b;c\\\"d\"", true), (" ; a = b ;c", true),
      ("\t;a\t=\t\"\"", true), (";a;b;c=d", true), (";a=\"\t\u{E9}\"", true), (";!#$%&'*+-.^_`|~0=9", true),
      ("", true), (" ", false), (";", false), (" ;", false), (";;a", false), (";=b", false), (";a=", false),
      (";a=\"b", false), (";a=\"b\\\"", false), (";a=\"b\"c", false), (";a b", false), (";\u{E9}", false),
      ("a", true), (" a", false), ("x", false), (";a=b=c", false), (";a=b ", false), (";a,b", false),
      ("\u{0}", false),
      (";a=\"\u{0}\"", false),
    ])
  func anExtensionIsANameWithAValueOrNoExtension(_ text: String, _ isAllowed: Bool) {
    let outcome = decode(Array("1\(text)\r\n".utf8), pieceEnds: [3 + text.utf8.count], bodyLimit: 0x1F)
    #expect(outcome == (isAllowed ? .incomplete : .refused(.malformedChunkSize)))
  }

  @Test(
    arguments: [
      ("000000000000000000000000000001", 1), ("00000000000000000", 0), ("0FFFFFFFFFFFFFFFF", nil),
      ("10000000000000000", nil), ("7FFFFFFFFFFFFFFF", nil),
      ("00000000000000000000000000000000000000000020", nil),
    ] as [(String, Int?)])
  func zerosBeforeAChunkSizeAreNothing(_ size: String, _ count: Int?) {
    let content = String(repeating: "x", count: count ?? 0) + (count == 0 ? "" : "\r\n0\r\n")
    let bytes = Array("\(size)\r\n\(content)\r\n".utf8)
    let outcome = decode(bytes, pieceEnds: [bytes.count], bodyLimit: 0x1F)
    guard let count else {
      #expect(outcome == .refused(.bodyTooLarge) || outcome == .refused(.malformedChunkSize))
      return
    }
    #expect(outcome == .complete(String(repeating: "x", count: count), left: 0))
  }
}
