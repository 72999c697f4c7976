import HTTPWire
import Testing

/// The expected result of a chunked body.
enum ChunkedResult: Equatable, Sendable {
  /// Complete, with this content and so many bytes left over.
  case complete(String, left: Int)
  case incomplete
  case refused(RequestError)
}

@Suite struct ChunkedDecoderTests {
  static let cases: [(String, ChunkedResult)] = [
    ("0\r\n\r\n", .complete("", left: 0)),
    ("5\r\nhello\r\n0\r\n\r\n", .complete("hello", left: 0)),
    ("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", .complete("hello world", left: 0)),
    ("A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", .complete("01234567890123456789", left: 0)),
    ("0005\r\nhello\r\n000\r\n\r\n", .complete("hello", left: 0)),
    ("5\r\nhello\r\n0\r\n\r\nGET / ", .complete("hello", left: 6)),
    ("5;a=b\r\nhello\r\n0;x\r\n\r\n", .complete("hello", left: 0)),
    ("5 ; a=\"b c\"\r\nhello\r\n0\r\n\r\n", .complete("hello", left: 0)),
    ("5\r\nhello\r\n0\r\nX: y\r\nZ: w\r\n\r\n", .complete("hello", left: 0)),
    ("2\r\n\r\n\r\n0\r\n\r\n", .complete("\r\n", left: 0)),
    ("5\r\nhello", .incomplete), ("5\r\nhello\r\n", .incomplete), ("5\r\nhello\r\n0\r\n", .incomplete),
    ("", .incomplete),
    ("\r\nhello", .refused(.malformedChunkSize)), ("x\r\n", .refused(.malformedChunkSize)),
    ("-5\r\nhello\r\n", .refused(.malformedChunkSize)), ("+5\r\nhello\r\n", .refused(.malformedChunkSize)),
    ("0x5\r\nhello\r\n", .refused(.malformedChunkSize)), (" 5\r\nhello\r\n", .refused(.malformedChunkSize)),
    ("5 5\r\nhello\r\n", .refused(.malformedChunkSize)), ("5_\r\nhello\r\n", .refused(.malformedChunkSize)),
    ("FFFFFFFFFFFFFFFF\r\n", .refused(.malformedChunkSize)), ("7FFFFFFFFFFFFFF\r\n", .refused(.bodyTooLarge)),
    ("FFFFFFFFFFFFFFFFF\r\n", .refused(.malformedChunkSize)),
    ("5;a\u{0}\r\nhello\r\n", .refused(.malformedChunkSize)),
    ("5\nhello\r\n", .refused(.bareLineFeed)), ("5\rhello\r\n", .refused(.bareCarriageReturn)),
    ("5\r\nhelloX\r\n0\r\n\r\n", .refused(.malformedChunk)),
    ("5\r\nhello0\r\n\r\n", .refused(.malformedChunk)),
    ("5\r\nhello\n0\r\n\r\n", .refused(.bareLineFeed)),
    ("0\r\nX y\r\n\r\n", .refused(.malformedFieldName)), ("0\r\nX: a\r\n b\r\n\r\n", .refused(.foldedField)),
    ("41\r\n", .refused(.bodyTooLarge)),
    ("40\r\n" + String(repeating: "a", count: 64) + "\r\n1\r\n", .refused(.bodyTooLarge)),
    ("5;" + String(repeating: "a", count: 2000) + "\r\n", .refused(.chunkOverheadTooLarge)),
    ("5;" + String(repeating: "a", count: 2000), .refused(.chunkOverheadTooLarge)),
    (
      String(repeating: "1;" + String(repeating: "a", count: 1000) + "\r\nx\r\n", count: 20),
      .refused(.chunkOverheadTooLarge)
    ),
    ("0\r\n" + String(repeating: "X: y\r\n", count: 101), .refused(.tooManyFields)),
  ]

  @Test(arguments: cases)
  func everyCaseDecodesAsExpected(_ text: String, _ result: ChunkedResult) {
    #expect(decode(Array(text.utf8), pieceEnds: [text.utf8.count]) == result)
  }

  @Test(arguments: cases.filter { !$0.0.isEmpty })
  func everyCaseIsDecodedAlikeByteByByte(_ text: String, _ result: ChunkedResult) {
    var expected = result
    // Byte by byte, the following bytes have not arrived yet.
    if case .complete(let body, let left) = result { expected = .complete(body, left: left) }
    #expect(decode(Array(text.utf8), pieceEnds: 1...text.utf8.count) == expected)
  }

  @Test(arguments: cases.filter { (2...200).contains($0.0.utf8.count) })
  func everyCaseIsDecodedAlikeHoweverItIsSplit(_ text: String, _ result: ChunkedResult) {
    for split in 1..<text.utf8.count {
      #expect(decode(Array(text.utf8), pieceEnds: [split, text.utf8.count]) == result, "split at \(split)")
    }
  }

  /// A reader of pieces has only the last one. The limit is on all of them.
  @Test(arguments: cases.filter { (2...2000).contains($0.0.utf8.count) })
  func everyCaseIsDecodedAlikeIntoSeparatePieces(_ text: String, _ result: ChunkedResult) {
    for step in [1, 7, 30] {
      let ends = Array(stride(from: step, to: text.utf8.count, by: step)) + [text.utf8.count]
      #expect(decode(Array(text.utf8), pieceEnds: ends, streams: true) == result, "in steps of \(step)")
    }
  }
}
