internal import Bytes

/// Finds the lines of a growing buffer. Every byte is looked at once, however the buffer grew: CR LF ends a line, and CR
/// or LF alone is an error, because another reader might take it for an end (RFC 9112 section 2.2 allows more).
///
/// The first byte that is wrong decides, so that the same bytes are refused for the same rule in whatever pieces they come.
struct LineScanner {
  /// Where the next line starts.
  private(set) var lineStart = 0
  private var examined = 0

  /// How far lines may reach, and what it is to reach further.
  struct Bound {
    /// Where the CR of the longest line stands.
    let end: Int
    let excess: RequestError
  }

  /// The next line without its CR LF; nil while it is not complete.
  mutating func next(in buffer: Span<UInt8>, within bound: Bound) throws(RequestError) -> Range<Int>? {
    while examined < buffer.count {
      // Nearly all of a line.
      let plainEnd = min(buffer.count, bound.end)
      while examined < plainEnd, buffer[examined] > .carriageReturn { examined += 1 }
      guard examined < buffer.count else { return nil }
      let byte = buffer[examined]
      guard byte == .carriageReturn else {
        if byte == .lineFeed { throw .bareLineFeed }
        guard examined < bound.end else { throw bound.excess }
        examined += 1
        continue
      }
      guard examined <= bound.end else { throw bound.excess }
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
