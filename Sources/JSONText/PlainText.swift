/// Bytes of a string that stand for themselves: printable ASCII but the quote and the backslash. Nearly all of a body is
/// made of them, so they are looked at eight at a time.
enum PlainText {
  private static let ones: UInt64 = 0x0101_0101_0101_0101
  private static let highBits: UInt64 = 0x8080_8080_8080_8080

  /// The place of the first byte from `start` on that is none of them; `end` where there is none.
  @inline(__always)
  static func end(from start: Int, to end: Int, of text: Span<UInt8>) -> Int {
    // Nothing below can overflow, or leave the text.
    precondition(start >= 0 && end <= text.count)
    var position = start
    while end &- position >= 8 {
      // Unaligned, which the places of strings are.
      let word = text.bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: position, as: UInt64.self)
        .littleEndian
      let others = special(in: word)
      // The lowest marked byte is the first; above it a borrow may have marked more.
      guard others == 0 else { return position + others.trailingZeroBitCount / 8 }
      position &+= 8
    }
    // The last bytes, behind spaces.
    var word = ones << 5
    while position < end {
      word = word >> 8 | UInt64(text[position]) << 56
      position += 1
    }
    let others = special(in: word)
    return others == 0 ? position : position - 8 + others.trailingZeroBitCount / 8
  }

  /// Marks, by its high bit, the first byte of `word` that is a control, a quote, a backslash or beyond ASCII.
  ///
  /// A byte that a subtraction takes below zero gets its high bit: a control less a space, and less one a quote or a backslash
  /// that was made zero. The rest of ASCII keeps it clear.
  private static func special(in word: UInt64) -> UInt64 {
    let controls = word &- ones << 5
    let quotes = (word ^ ones &* 0x22) &- ones
    let backslashes = (word ^ ones &* 0x5C) &- ones
    return (word | controls | quotes | backslashes) & highBits
  }
}
