import HTTPWire
import Testing

/// Every limit applies after its last byte exactly, however the bytes arrive.
@Suite struct LimitTests {
  private static let limits = {
    var limits = MessageLimits()
    limits.maxTargetBytes = 20
    limits.maxHeaderSectionBytes = 120
    limits.maxFields = 4
    limits.maxChunkLineBytes = 16
    limits.maxChunkOverheadBytes = 24
    return limits
  }()

  private static func fill(_ count: Int) -> String { String(repeating: "a", count: count) }

  private static func section(ofBytes count: Int) -> String {
    let (start, end) = ("GET / HTTP/1.1\r\nHost: a\r\nX: ", "\r\n\r\n")
    return start + fill(count - start.utf8.count - end.utf8.count) + end
  }

  @Test(
    arguments: [
      ("GET /\(fill(19)) HTTP/1.1\r\nHost: a\r\n\r\n", .bodyless),
      ("GET /\(fill(20)) HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.targetTooLong)),
      ("GET /\(fill(80))", .refused(.targetTooLong)), ("GET /\(fill(79))", nil),
      (section(ofBytes: 120), .bodyless), (section(ofBytes: 121), .refused(.headerSectionTooLarge)),
      ("\r\n" + section(ofBytes: 118), .bodyless),
      ("\r\n" + section(ofBytes: 119), .refused(.headerSectionTooLarge)),
      // One more byte leaves no room for the CR LF that must follow.
      ("GET / HTTP/1.1\r\n" + fill(102), nil),
      ("GET / HTTP/1.1\r\n" + fill(103), .refused(.headerSectionTooLarge)),
      ("GET / HTTP/1.1\r\nHost: a\r\nX: a\r\nX: a\r\nX: a\r\n\r\n", .bodyless),
      ("GET / HTTP/1.1\r\nHost: a\r\nX: a\r\nX: a\r\nX: a\r\nX: a\r\n", .refused(.tooManyFields)),
      ("\(fill(32)) / HTTP/1.1\r\nHost: a\r\n\r\n", .bodyless),
      ("\(fill(33)) / HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.malformedMethod)),
    ] as [(String, Expectation?)])
  func aHeaderSectionMayReachItsLimits(_ text: String, _ expectation: Expectation?) {
    let bytes = Array(text.utf8)
    #expect(parse(bytes, pieceEnds: [bytes.count], limits: Self.limits) == expectation)
    #expect(parse(bytes, pieceEnds: 1...bytes.count, limits: Self.limits) == expectation, "byte by byte")
    for split in 1..<bytes.count {
      #expect(
        parse(bytes, pieceEnds: [split, bytes.count], limits: Self.limits) == expectation, "split at \(split)"
      )
    }
  }

  @Test(
    arguments: [
      ("8\r\n12345678\r\n0\r\n\r\n", .complete("12345678", left: 0)),
      ("9\r\n", .refused(.bodyTooLarge)),
      ("4\r\n1234\r\n4\r\n5678\r\n0\r\n\r\n", .complete("12345678", left: 0)),
      ("4\r\n1234\r\n5\r\n", .refused(.bodyTooLarge)),
      ("8\r\n12345678\r\n1\r\n", .refused(.bodyTooLarge)),
      ("7FFFFFFFFFFFFFF\r\n", .refused(.bodyTooLarge)),
      ("1\r\n1\r\nFFFFFFFFFFFFFFF\r\n", .refused(.bodyTooLarge)),
      ("1;\(fill(14))\r\nx\r\n0\r\n\r\n", .complete("x", left: 0)),
      ("1;\(fill(15))\r\nx\r\n0\r\n\r\n", .refused(.chunkOverheadTooLarge)),
      ("1;\(fill(15))", .refused(.chunkOverheadTooLarge)), ("1;\(fill(14))", .incomplete),
      ("1;\(fill(11))\r\nx\r\n0;\(fill(11))\r\n\r\n", .complete("x", left: 0)),
      ("1;\(fill(11))\r\nx\r\n0;\(fill(12))\r\n\r\n", .refused(.chunkOverheadTooLarge)),
      ("1;\(fill(11))\r\nx\r\n0\r\nX: \(fill(9))\r\n\r\n", .complete("x", left: 0)),
      ("1;\(fill(11))\r\nx\r\n0\r\nX: \(fill(10))\r\n\r\n", .refused(.chunkOverheadTooLarge)),
      ("0\r\nX: \(fill(14))\r\n", .refused(.chunkOverheadTooLarge)),
      ("0\r\nA:\r\nB:\r\nC:\r\nD:\r\n\r\n", .complete("", left: 0)),
      ("0\r\nA:\r\nB:\r\nC:\r\nD:\r\nE:\r\n", .refused(.tooManyFields)),
    ] as [(String, ChunkedResult)])
  func aChunkedBodyMayReachItsLimits(_ text: String, _ result: ChunkedResult) {
    let bytes = Array(text.utf8)
    func decoded(_ ends: some Sequence<Int>) -> ChunkedResult {
      decode(bytes, pieceEnds: ends, limits: Self.limits, bodyLimit: 8)
    }
    #expect(decoded([bytes.count]) == result)
    #expect(decoded(1...bytes.count) == result, "byte by byte")
    for split in 1..<bytes.count {
      #expect(decoded([split, bytes.count]) == result, "split at \(split)")
    }
  }

  /// 8,000 bytes or more are recommended (RFC 9112 section 3).
  @Test func theUsualLimitsAreGenerousEnough() {
    let text = "GET /" + Self.fill(8000) + " HTTP/1.1\r\nHost: a\r\n\r\n"
    #expect(parse(Array(text.utf8), pieceEnds: [text.utf8.count]) == .bodyless)
  }
}
