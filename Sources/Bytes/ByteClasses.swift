/// The classes of ASCII that the grammars of RFC 9110, RFC 3986 and JSON share.
///
/// Inlinable: parsers test every byte, and a call into another module costs more than the test.
extension UInt8 {
  @inlinable package static var tab: UInt8 { UInt8(ascii: "\t") }
  @inlinable package static var lineFeed: UInt8 { UInt8(ascii: "\n") }
  @inlinable package static var carriageReturn: UInt8 { UInt8(ascii: "\r") }
  @inlinable package static var space: UInt8 { UInt8(ascii: " ") }
  @inlinable package static var quote: UInt8 { UInt8(ascii: "\"") }
  @inlinable package static var backslash: UInt8 { UInt8(ascii: "\\") }

  @inlinable package var isDigit: Bool { self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9") }

  @inlinable package var isAlpha: Bool {
    let lower = self | 0x20
    return lower >= UInt8(ascii: "a") && lower <= UInt8(ascii: "z")
  }

  @inlinable package var isAlphanumeric: Bool { isAlpha || isDigit }

  /// The value of a decimal digit; nil for any other byte.
  @inlinable package var decimalDigit: Int? { isDigit ? Int(self - UInt8(ascii: "0")) : nil }

  /// The value of a hexadecimal digit in either case; nil for any other byte.
  @inlinable package var hexadecimalDigit: UInt8? {
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
    default: nil
    }
  }

  /// Visible ASCII: no control, no space.
  @inlinable package var isVisible: Bool { self >= 0x21 && self <= 0x7E }

  /// Whether the byte is a hexadecimal digit in lower case.
  @inlinable package var isLowercaseHexadecimal: Bool {
    isDigit || self >= UInt8(ascii: "a") && self <= UInt8(ascii: "f")
  }

  /// `tchar` (RFC 9110 section 5.6.2): methods, field names and codings are made of it.
  @inlinable package var isTokenCharacter: Bool {
    if isAlphanumeric { return true }
    switch self {
    case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"),
      UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
      UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
      return true
    default: return false
    }
  }

  /// `OWS` (RFC 9110 section 5.6.3).
  @inlinable package var isOptionalWhitespace: Bool { self == .space || self == .tab }

  /// ASCII letters in lower case, any other byte unchanged.
  @inlinable package var lowercased: UInt8 {
    self >= UInt8(ascii: "A") && self <= UInt8(ascii: "Z") ? self | 0x20 : self
  }
}

extension Span<UInt8> {
  /// Whether the bytes of `range` are `lowercaseText` (ASCII in lower case), letters compared in any case.
  @inlinable package func matches(_ lowercaseText: Span<UInt8>, in range: Range<Int>) -> Bool {
    guard range.count == lowercaseText.count else { return false }
    let text = extracting(range)
    for index in text.indices where text[index].lowercased != lowercaseText[index] { return false }
    return true
  }

  /// `range` without optional whitespace at both ends.
  @inlinable package func trimmed(_ range: Range<Int>) -> Range<Int> {
    var (start, end) = (range.lowerBound, range.upperBound)
    while start < end, self[start].isOptionalWhitespace { start += 1 }
    while end > start, self[end - 1].isOptionalWhitespace { end -= 1 }
    return start..<end
  }

  @inlinable package func starts(with text: StaticString) -> Bool {
    guard count >= text.utf8CodeUnitCount else { return false }
    return text.withUTF8Buffer { expected in
      expected.indices.allSatisfy { self[$0] == expected[$0] }
    }
  }

  @inlinable package func equals(_ text: StaticString) -> Bool {
    count == text.utf8CodeUnitCount && starts(with: text)
  }

  @inlinable package func firstIndex(of byte: UInt8) -> Int? {
    for index in indices where self[index] == byte { return index }
    return nil
  }

  @inlinable package func contains(_ byte: UInt8) -> Bool { firstIndex(of: byte) != nil }

  /// The bytes of `range` as text, malformed UTF-8 repaired.
  @inlinable package func string(_ range: Range<Int>) -> String {
    extracting(range).withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
  }
}
