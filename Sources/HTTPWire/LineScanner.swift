/// Finds the lines of a growing buffer. Every byte is looked at once, however the buffer grew: CR LF ends a line, and CR
/// or LF alone is an error, because another reader might take it for an end (RFC 9112 section 2.2 allows more).
struct LineScanner {
  /// Where the next line starts.
  private(set) var lineStart = 0
  private var examined = 0

  /// Bytes of the current line that have been looked at.
  var partialCount: Int { examined - lineStart }

  /// The next line without its CR LF; nil while it is not complete.
  mutating func next(in buffer: Span<UInt8>) throws(RequestError) -> Range<Int>? {
    while examined < buffer.count {
      let byte = buffer[examined]
      if byte == .lineFeed { throw .bareLineFeed }
      guard byte == .carriageReturn else {
        examined += 1
        continue
      }
      guard examined + 1 < buffer.count else { return nil }
      guard buffer[examined + 1] == .lineFeed else { throw .bareCarriageReturn }
      let line = lineStart..<examined
      examined += 2
      lineStart = examined
      return line
    }
    return nil
  }
}
