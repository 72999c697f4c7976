internal import Bytes

/// Decodes the chunked transfer coding (RFC 9112 section 7.1) incrementally.
///
/// Pass it all bytes that were not consumed yet. Extensions are skipped and trailers dropped, both within one
/// limit.
package struct ChunkedDecoder {
  package struct Progress: Equatable, Sendable {
    /// The number of input bytes that are consumed.
    package let consumed: Int
    package let isComplete: Bool
  }

  private enum State {
    case size
    case data(remaining: Int)
    case dataEnd
    case trailers
    case complete
  }

  private let limits: MessageLimits
  private let bodyLimit: Int
  private var state = State.size
  private var scanner = LineScanner()
  private var overhead = 0
  private var trailerCount = 0
  /// The content of all chunks that have begun.
  private var contentCount = 0

  package init(limits: MessageLimits, bodyLimit: Int) {
    self.limits = limits
    self.bodyLimit = bodyLimit
  }

  /// Appends the content in `input` to `body`, which may be another one with every call.
  package mutating func decode(_ input: Span<UInt8>, into body: inout [UInt8]) throws(RequestError)
    -> Progress
  {
    var consumed = 0
    // Bounded by the input: every round consumes some of it, or ends.
    while true {
      let rest = input.extracting(droppingFirst: consumed)
      let step: Int
      switch state {
      case .complete: return Progress(consumed: consumed, isComplete: true)
      case .data(let remaining): step = take(remaining, of: rest, into: &body)
      case .size:
        step = try takeLine(of: rest) { decoder, line throws(RequestError) in
          try decoder.beginChunk(line, of: rest)
        }
      case .dataEnd:
        step = try takeDataEnd(of: rest)
      case .trailers:
        step = try takeLine(of: rest) { decoder, line throws(RequestError) in
          try decoder.takeTrailer(line, of: rest)
        }
      }
      guard step > 0 else { return Progress(consumed: consumed, isComplete: false) }
      consumed += step
    }
  }

  private mutating func take(_ remaining: Int, of input: Span<UInt8>, into body: inout [UInt8]) -> Int {
    let count = min(remaining, input.count)
    input.extracting(first: count).withUnsafeBufferPointer { body.append(contentsOf: $0) }
    state = count == remaining ? .dataEnd : .data(remaining: remaining - count)
    return count
  }

  /// Passes the next line to `use`.
  ///
  /// - Returns: the number of bytes consumed; 0 while the line is incomplete.
  private mutating func takeLine(
    of input: Span<UInt8>, _ use: (inout ChunkedDecoder, Range<Int>) throws(RequestError) -> Void
  ) throws(RequestError) -> Int {
    let bound = LineScanner.Bound(end: limits.maxChunkLineBytes, excess: .chunkOverheadTooLarge)
    guard let line = try scanner.next(in: input, within: bound) else { return 0 }
    scanner = LineScanner()
    try use(&self, line)
    return line.upperBound + 2
  }

  /// Consumes the CR LF after a chunk's data; returns 0 while it is incomplete.
  private mutating func takeDataEnd(of input: Span<UInt8>) throws(RequestError) -> Int {
    guard !input.isEmpty else { return 0 }
    guard input[0] == .carriageReturn else { throw input[0] == .lineFeed ? .bareLineFeed : .malformedChunk }
    guard input.count > 1 else { return 0 }
    guard input[1] == .lineFeed else { throw .bareCarriageReturn }
    state = .size
    return 2
  }

  private mutating func beginChunk(_ line: Range<Int>, of input: Span<UInt8>) throws(RequestError) {
    var index = line.lowerBound
    while index < line.upperBound, input[index] == UInt8(ascii: "0") { index += 1 }
    let zeros = index - line.lowerBound
    var size = 0
    // 15 hexadecimal digits fit into a signed 64-bit number without overflow.
    while index < line.upperBound, index - line.lowerBound - zeros < 15,
      let value = input[index].hexadecimalDigit
    {
      size = size << 4 | Int(value)
      index += 1
    }
    guard index > line.lowerBound else { throw .malformedChunkSize }
    try ChunkExtensions.check(index..<line.upperBound, in: input)
    // A plain size costs nothing: a sender that spends more on framing than on content is bounded by the
    // limit on content.
    try spend(max(0, zeros - 1) + line.upperBound - index)
    guard size > 0 else {
      state = .trailers
      return
    }
    guard size <= bodyLimit - contentCount else { throw .bodyTooLarge }
    contentCount += size
    state = .data(remaining: size)
  }

  private mutating func takeTrailer(_ line: Range<Int>, of input: Span<UInt8>) throws(RequestError) {
    guard !line.isEmpty else {
      state = .complete
      return
    }
    _ = try FieldLine(line, in: input)
    trailerCount += 1
    guard trailerCount <= limits.maxFields else { throw .tooManyFields }
    try spend(line.count)
  }

  private mutating func spend(_ bytes: Int) throws(RequestError) {
    overhead += bytes
    guard overhead <= limits.maxChunkOverheadBytes else { throw .chunkOverheadTooLarge }
  }
}
