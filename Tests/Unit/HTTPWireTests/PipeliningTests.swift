import HTTPWire
import Testing

/// Bytes after a request neither change its parsing nor are consumed.
@Suite struct PipeliningTests {
  private static let next = Array("GET /next HTTP/1.1\r\nHost: b\r\n\r\n".utf8)
  private static let short = RequestCases.all.filter { $0.text.utf8.count < 300 }

  @Test(arguments: RequestCases.all)
  func pipelinedBytesDoNotChangeTheResult(_ testCase: RequestCase) {
    let bytes = Array(testCase.text.utf8) + Self.next
    #expect(parse(bytes, pieceEnds: [bytes.count]) == testCase.expectation)
  }

  @Test(arguments: RequestCases.all.filter { $0.text.utf8.count < 300 })
  func pipelinedBytesDoNotChangeTheResultHoweverSplit(_ testCase: RequestCase) {
    let bytes = Array(testCase.text.utf8) + Self.next
    #expect(parse(bytes, pieceEnds: 1...bytes.count) == testCase.expectation, "byte by byte")
    for split in 1..<bytes.count {
      #expect(parse(bytes, pieceEnds: [split, bytes.count]) == testCase.expectation, "split at \(split)")
    }
  }

  /// A strict prefix is incomplete, or has the error of the whole.
  @Test(arguments: RequestCases.all.filter { $0.text.utf8.count < 300 })
  func aStrictPrefixIsNeverReadAsMoreThanItIs(_ testCase: RequestCase) {
    let section = Array(testCase.text.utf8)
    for length in 0..<section.count {
      let result = parse(section, pieceEnds: [length])
      if case .accepted = testCase.expectation {
        #expect(result == nil, "\(length) bytes")
      } else {
        #expect(result == nil || result == testCase.expectation, "\(length) bytes")
      }
    }
  }

  /// All valid requests without a body, in pieces of one size.
  @Test(arguments: [1, 2, 3, 7, 64, 1500, 1_000_000])
  func aStreamIsReadRequestByRequest(_ pieceSize: Int) throws {
    let requests = Self.short.filter { $0.expectation == .bodyless }.map { Array($0.text.utf8) }
    let stream = requests.flatMap(\.self)
    var lengths: [Int] = []
    var (buffer, received): ([UInt8], Int) = ([], 0)
    var parser = RequestHeadParser(limits: MessageLimits())
    while lengths.count < requests.count {
      if let head = try parser.parse(buffer.span) {
        lengths.append(head.byteCount)
        buffer.removeFirst(head.byteCount)
        parser = RequestHeadParser(limits: MessageLimits())
        continue
      }
      try #require(received < stream.count, "the stream ended within request \(lengths.count)")
      let end = min(received + pieceSize, stream.count)
      buffer += stream[received..<end]
      received = end
    }
    #expect(lengths == requests.map(\.count))
    #expect(buffer.isEmpty && received == stream.count)
  }
}
