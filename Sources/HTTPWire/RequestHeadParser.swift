internal import Bytes

/// Reads one header section from a buffer that grows: ask again with the whole buffer when more has come.
///
/// It works line by line and never looks at a byte twice, so that a sender who drips costs no more than one who does not,
/// and what is wrong is refused at the byte that is wrong.
package struct RequestHeadParser {
  private let limits: MessageLimits
  private var scanner = LineScanner()
  private var skippedEmptyLine = false
  private var requestLine: RequestLine?
  private var fieldsStart = 0
  private var lines: [FieldLine] = []
  /// What was refused stays refused, whatever more comes.
  private var failure: RequestError?

  package init(limits: MessageLimits) {
    self.limits = limits
  }

  /// Nil while the section is not complete.
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
    // Bounded by the buffer: every round takes a line from it.
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
    // The method and the version take so much at the most; beyond it the target is too long, whatever it is.
    let line = LineScanner.Bound(
      end: scanner.lineStart + limits.maxTargetBytes + RequestLine.maxOverheadBytes, excess: .targetTooLong)
    return try scanner.next(in: buffer, within: line.end < section.end ? line : section)
  }

  private mutating func parseRequestLine(_ line: Range<Int>, in buffer: Span<UInt8>) throws(RequestError) {
    // RFC 9112 section 2.2: one empty line before a request is to be ignored. More than one is noise.
    if line.isEmpty, !skippedEmptyLine {
      skippedEmptyLine = true
      return
    }
    requestLine = try RequestLine(line, in: buffer, targetLimit: limits.maxTargetBytes)
    lines.reserveCapacity(16)
    fieldsStart = scanner.lineStart
  }

  /// Whether `buffer` holds the beginning of a request. The one empty line that may stand before it is none
  /// (RFC 9112 section 2.2): some clients send it behind a body, and then nothing for long.
  package static func hasBegun(_ buffer: Span<UInt8>) -> Bool {
    switch buffer.count {
    case 0: false
    case 1: buffer[0] != .carriageReturn
    case 2: buffer[0] != .carriageReturn || buffer[1] != .lineFeed
    default: true
    }
  }

  /// The method that the request in `buffer` begins with, for the answer to one that is refused or never becomes whole:
  /// to HEAD even a refusal has no content (RFC 9110 section 9.3.2). Nil where that much has not come.
  package static func method(atStartOf buffer: Span<UInt8>) -> Method? {
    // One empty line may stand before it, as above.
    let start = buffer.count >= 2 && buffer[0] == .carriageReturn && buffer[1] == .lineFeed ? 2 : 0
    var end = start
    while end < buffer.count, end - start <= RequestLine.maxMethodBytes, buffer[end].isTokenCharacter {
      end += 1
    }
    guard end > start, end < buffer.count, buffer[end] == .space else { return nil }
    return Method(buffer.string(start..<end))
  }
}
