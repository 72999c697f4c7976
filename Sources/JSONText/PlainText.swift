/// Printable ASCII other than quote and backslash, which needs no escape.
///
/// Nearly all of a body consists of it, so it is examined eight bytes at a time.
enum PlainText {
  private static let ones: UInt64 = 0x0101_0101_0101_0101
  private static let highBits: UInt64 = 0x8080_8080_8080_8080

  /// The offset of the first byte that is not plain, else `end`.
  @inline(__always)
  static func end(from start: Int, to end: Int, of text: Span<UInt8>) -> Int {
    // Nothing below can overflow, or leave the text.
    precondition(start >= 0 && end <= text.count)
    var position = start
    while end &- position >= 8 {
      // Unaligned, as the offsets of strings are.
      let word = text.bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: position, as: UInt64.self)
        .littleEndian
      let others = special(in: word)
      // The lowest marked byte is the first; above it a borrow may have marked more.
      guard others == 0 else { return position + others.trailingZeroBitCount / 8 }
      position &+= 8
    }
    // The last bytes, padded with spaces.
    var word = ones << 5
    while position < end {
      word = word >> 8 | UInt64(text[position]) << 56
      position += 1
    }
    let others = special(in: word)
    return others == 0 ? position : position - 8 + others.trailingZeroBitCount / 8
  }

  /// Sets the high bit of the first special byte in `word`.
  ///
  /// Special bytes are controls, quotes, backslashes and non-ASCII bytes. A byte that a subtraction takes
  /// below zero gets its high bit. Controls do when a space is subtracted. A quote or a backslash does when
  /// it was made zero and one is subtracted. All other ASCII keeps the high bit clear.
  private static func special(in word: UInt64) -> UInt64 {
    let controls = word &- ones << 5
    let quotes = (word ^ ones &* 0x22) &- ones
    let backslashes = (word ^ ones &* 0x5C) &- ones
    return (word | controls | quotes | backslashes) & highBits
  }
}
