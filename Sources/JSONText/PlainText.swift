/// Bytes of a string that stand for themselves: printable ASCII but the quote and the backslash. Nearly all of a body is
/// made of them, so they are looked at eight at a time.
enum PlainText {
  private static let ones: UInt64 = 0x0101_0101_0101_0101
  private static let highBits: UInt64 = 0x8080_8080_8080_8080

  /// The place of the first byte from `start` on that is none of them; `end` where there is none.
  static func end(from start: Int, to end: Int, of text: Span<UInt8>) -> Int {
    var position = start
    while position + 8 <= end {
      // Unaligned, which the places of strings are. The span checks its bounds.
      let word = text.bytes.unsafeLoadUnaligned(fromByteOffset: position, as: UInt64.self).littleEndian
      let others = special(in: word)
      // The lowest marked byte is the first; above it a borrow may have marked more.
      guard others == 0 else { return position + others.trailingZeroBitCount / 8 }
      position += 8
    }
    while position < end, special(in: UInt64(text[position]) | ones << 5 & ~0xFF) == 0 { position += 1 }
    return position
  }

  /// Marks, by its high bit, the first byte of `word` that is a control, a quote, a backslash or beyond ASCII.
  private static func special(in word: UInt64) -> UInt64 {
    let controls = (word &- ones << 5) & ~word
    return (word | controls | zeros(in: word ^ ones &* 0x22) | zeros(in: word ^ ones &* 0x5C)) & highBits
  }

  /// Marks the first byte that is zero.
  private static func zeros(in word: UInt64) -> UInt64 {
    (word &- ones) & ~word
  }
}
