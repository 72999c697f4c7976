internal import Bytes

/// Splits a growing buffer into lines that end with CR LF.
///
/// Every byte is examined once, however the buffer grew. A bare CR or LF is an error, because another reader
/// might take it for a line end. RFC 9112 section 2.2 is more lenient.
///
/// The first wrong byte decides, so the same bytes get the same error however they were split.
struct LineScanner {
  /// The offset of the next line.
  private(set) var lineStart = 0
  private var examined = 0

  /// The end that lines may reach, and the error beyond it.
  struct Bound {
    /// The highest offset of a line's CR.
    let end: Int
    let excess: RequestError
  }

  /// Finds the next line, without its CR LF; nil while it is incomplete.
  mutating func next(in buffer: Span<UInt8>, within bound: Bound) throws(RequestError) -> Range<Int>? {
    while examined < buffer.count {
      // The fast path: nearly all bytes of a line.
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
