internal import Bytes

/// An incremental parser of one header section.
///
/// Call it again with the whole buffer when more has arrived. It works line by line and examines every byte
/// once, so a slow sender costs no more than a fast one. An error is reported at the byte that is wrong.
package struct RequestHeadParser {
  private let limits: MessageLimits
  private var scanner = LineScanner()
  private var skippedEmptyLine = false
  private var requestLine: RequestLine?
  private var fieldsStart = 0
  private var lines: [FieldLine] = []
  /// An error is final: later bytes do not change it.
  private var failure: RequestError?

  package init(limits: MessageLimits) {
    self.limits = limits
  }

  /// Parses the section; nil while it is incomplete.
  package mutating func parse(_ buffer: Span<UInt8>) throws(RequestError) -> RequestHead? {
    if let failure { throw failure }
    do throws(RequestError) {
      return try parseLines(of: buffer)
    } catch {
      failure = error
      throw error
    }
  }

  private mutating func parseLines(of buffer: Span<UInt8>) throws(RequestError) -> RequestHead? {
    // Bounded by the buffer: every round consumes a line.
    while let line = try nextLine(in: buffer) {
      guard let requestLine else {
        try parseRequestLine(line, in: buffer)
        continue
      }
      guard line.isEmpty else {
        guard lines.count < limits.maxFields else { throw .tooManyFields }
        lines.append(try FieldLine(line, in: buffer))
        continue
      }
      let fields = Fields(copying: fieldsStart..<line.lowerBound, of: buffer, lines: lines)
      return try requestLine.head(with: fields, byteCount: scanner.lineStart)
    }
    return nil
  }

  private mutating func nextLine(in buffer: Span<UInt8>) throws(RequestError) -> Range<Int>? {
    let section = LineScanner.Bound(end: limits.maxHeaderSectionBytes - 2, excess: .headerSectionTooLarge)
    guard requestLine == nil else { return try scanner.next(in: buffer, within: section) }
    // The method and the version take at most so many bytes; beyond that the target is too long.
    let line = LineScanner.Bound(
      end: scanner.lineStart + limits.maxTargetBytes + RequestLine.maxOverheadBytes, excess: .targetTooLong)
    return try scanner.next(in: buffer, within: line.end < section.end ? line : section)
  }

  private mutating func parseRequestLine(_ line: Range<Int>, in buffer: Span<UInt8>) throws(RequestError) {
    // RFC 9112 section 2.2: ignore one empty line before a request. More than one is rejected.
    if line.isEmpty, !skippedEmptyLine {
      skippedEmptyLine = true
      return
    }
    requestLine = try RequestLine(line, in: buffer, targetLimit: limits.maxTargetBytes)
    lines.reserveCapacity(16)
    fieldsStart = scanner.lineStart
  }

  /// Whether `buffer` holds the start of a request.
  ///
  /// One leading empty line does not count (RFC 9112 section 2.2): some clients send it after a body, and
  /// then nothing for a while.
  package static func hasBegun(_ buffer: Span<UInt8>) -> Bool {
    switch buffer.count {
    case 0: false
    case 1: buffer[0] != .carriageReturn
    case 2: buffer[0] != .carriageReturn || buffer[1] != .lineFeed
    default: true
    }
  }

  /// The method of a request that is rejected or never completed.
  ///
  /// A response to HEAD has no content, even an error (RFC 9110 section 9.3.2). Nil while the method has not
  /// arrived.
  package static func method(atStartOf buffer: Span<UInt8>) -> Method? {
    // One empty line may precede it, as above.
    let start = buffer.count >= 2 && buffer[0] == .carriageReturn && buffer[1] == .lineFeed ? 2 : 0
    var end = start
    while end < buffer.count, end - start <= RequestLine.maxMethodBytes, buffer[end].isTokenCharacter {
      end += 1
    }
    guard end > start, end < buffer.count, buffer[end] == .space else { return nil }
    return Method(buffer.string(start..<end))
  }
}
