import Glibc

/// Splits the stream of one connection into responses by their declared lengths.
struct AnswerReader {
  enum Reading {
    case answer(Answer)
    case end
    case reset
    case nothing
    case notHTTP
  }

  private let client: Client
  private var input: [UInt8] = []
  private var stream = Stream.open
  /// The first bytes received, for reports.
  private(set) var transcript: [UInt8] = []
  private static let transcriptLimit = 512

  private enum Stream {
    case open, end, reset, silent
  }

  init(of client: Client) {
    self.client = client
  }

  /// Reads the next response, interim or final.
  mutating func next(isHead: Bool) -> Reading {
    // RFC 9112 section 2.2 applies to servers. A client that finds bytes before the status line is out of
    // step.
    while true {
      if let end = place(of: "\r\n\r\n") {
        guard var answer = Answer(head: input[..<end.lowerBound]) else { return .notHTTP }
        input.removeFirst(end.upperBound)
        if !isHead, !answer.isInterim, answer.status != 204, answer.status != 304 { readBody(of: &answer) }
        return .answer(answer)
      }
      if !beginsLikeHTTP { return .notHTTP }
      guard more() else { break }
    }
    if !input.isEmpty { return .notHTTP }
    switch stream {
    case .open, .silent: return .nothing
    case .end: return .end
    case .reset: return .reset
    }
  }

  /// Uses the C library, because each of thousands of cases searches often.
  private func place(of mark: StaticString) -> Range<Int>? {
    input.withUnsafeBytes { bytes -> Range<Int>? in
      guard let base = bytes.baseAddress else { return nil }
      let length = mark.utf8CodeUnitCount
      var start = 0
      while start + length <= bytes.count,
        let found = memchr(base + start, Int32(mark.utf8Start[0]), bytes.count - length - start + 1)
      {
        start = UnsafeRawPointer(found) - base
        if memcmp(base + start, mark.utf8Start, length) == 0 { return start..<start + length }
        start += 1
      }
      return nil
    }
  }

  private var beginsLikeHTTP: Bool {
    let start = StaticString("HTTP/1.")
    return input.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return true }
      return memcmp(base, start.utf8Start, min(bytes.count, start.utf8CodeUnitCount)) == 0
    }
  }

  private mutating func readBody(of answer: inout Answer) {
    if answer.isChunked {
      readChunks(of: &answer)
    } else if let length = answer.contentLength {
      while input.count < length, more() {}
      if input.count < length { answer.faults.insert(.malformedBody) }
      answer.bodyByteCount = min(length, input.count)
      input.removeFirst(answer.bodyByteCount)
    } else {
      answer.isDelimitedByClose = true
      while more() {}
      answer.bodyByteCount = input.count
      input = []
    }
  }

  private mutating func readChunks(of answer: inout Answer) {
    // Bounded by the stream: every round consumes a line, or ends.
    while let line = takeLine() {
      guard let size = Int(String(decoding: line, as: UTF8.self), radix: 16), size >= 0 else { break }
      if size == 0 {
        while let trailer = takeLine() { if trailer.isEmpty { return } }
        break
      }
      while input.count < size + 2, more() {}
      guard input.count >= size + 2 else { break }
      answer.bodyByteCount += size
      input.removeFirst(size + 2)
    }
    answer.faults.insert(.malformedBody)
  }

  private mutating func takeLine() -> [UInt8]? {
    while true {
      if let end = place(of: "\r\n") {
        let line = Array(input[..<end.lowerBound])
        input.removeFirst(end.upperBound)
        return line
      }
      guard more() else { return nil }
    }
  }

  /// Receives more bytes; false on end, reset or timeout.
  private mutating func more() -> Bool {
    guard stream == .open else { return false }
    let arrival = withUnsafeTemporaryAllocation(byteCount: 16384, alignment: 1) { client.receive(into: $0) }
    switch arrival {
    case .bytes(let bytes):
      input += bytes
      transcript += bytes.prefix(Self.transcriptLimit - min(transcript.count, Self.transcriptLimit))
      return true
    case .end: stream = .end
    case .reset: stream = .reset
    case .nothing: stream = .silent
    }
    return false
  }
}
