internal import Bytes

/// Character classes of RFC 9110 section 5.6 and RFC 3986.
extension UInt8 {
  static let tab = UInt8(ascii: "\t")
  static let lineFeed = UInt8(ascii: "\n")
  static let carriageReturn = UInt8(ascii: "\r")
  static let space = UInt8(ascii: " ")

  var isDigit: Bool { self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9") }

  var isAlpha: Bool {
    let lower = self | 0x20
    return lower >= UInt8(ascii: "a") && lower <= UInt8(ascii: "z")
  }

  /// `tchar`: the characters of methods, field names and codings.
  var isTokenCharacter: Bool {
    if isAlpha || isDigit { return true }
    switch self {
    case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"),
      UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
      UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
      return true
    default: return false
    }
  }

  /// `field-vchar`, space and tab. Bytes from 0x80 on are `obs-text`: opaque, but allowed.
  var isFieldValueCharacter: Bool { self >= 0x20 && self != 0x7F || self == .tab }

  var isOptionalWhitespace: Bool { self == .space || self == .tab }

  var hexValue: UInt8? {
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
    default: nil
    }
  }

  /// The byte with ASCII letters in lower case.
  var lowercased: UInt8 {
    self >= UInt8(ascii: "A") && self <= UInt8(ascii: "Z") ? self | 0x20 : self
  }
}

extension Span<UInt8> {
  /// Whether the bytes of `range` equal `lowercaseText`, ASCII case-insensitively.
  package func matches(_ lowercaseText: Span<UInt8>, in range: Range<Int>) -> Bool {
    guard range.count == lowercaseText.count else { return false }
    let text = extracting(range)
    for index in text.indices where text[index].lowercased != lowercaseText[index] { return false }
    return true
  }

  /// `range` without optional whitespace at both ends.
  func trimmed(_ range: Range<Int>) -> Range<Int> {
    var (start, end) = (range.lowerBound, range.upperBound)
    while start < end, self[start].isOptionalWhitespace { start += 1 }
    while end > start, self[end - 1].isOptionalWhitespace { end -= 1 }
    return start..<end
  }

  func contains(_ byte: UInt8) -> Bool {
    for index in indices where self[index] == byte { return true }
    return false
  }

  func string(_ range: Range<Int>) -> String {
    extracting(range).withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
  }
}
