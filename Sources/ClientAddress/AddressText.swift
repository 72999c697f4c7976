internal import Bytes

/// ASCII character classes.
extension UInt8 {
  static let lineFeed = UInt8(ascii: "\n")
  static let carriageReturn = UInt8(ascii: "\r")
  static let space = UInt8(ascii: " ")
  static let quote = UInt8(ascii: "\"")
  static let backslash = UInt8(ascii: "\\")

  var decimalDigit: UInt8? {
    self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9") ? self - UInt8(ascii: "0") : nil
  }

  var hexadecimalDigit: UInt8? {
    if let decimalDigit { return decimalDigit }
    let lower = self | 0x20
    return lower >= UInt8(ascii: "a") && lower <= UInt8(ascii: "f") ? lower - UInt8(ascii: "a") + 10 : nil
  }

  var isLetterOrDigit: Bool {
    let lower = self | 0x20
    return decimalDigit != nil || lower >= UInt8(ascii: "a") && lower <= UInt8(ascii: "z")
  }

  /// OWS (RFC 9110 section 5.6.3).
  var isOptionalWhitespace: Bool { self == .space || self == UInt8(ascii: "\t") }

  /// `tchar` (RFC 9110 section 5.6.2).
  var isTokenCharacter: Bool { isLetterOrDigit || "!#$%&'*+-.^_`|~".utf8.contains(self) }
}

extension Span<UInt8> {
  /// The bytes as one big-endian number; of more than 16 bytes, the last 16.
  var bigEndianNumber: UInt128 {
    var number: UInt128 = 0
    for index in indices { number = number << 8 | UInt128(self[index]) }
    return number
  }

  func starts(with text: StaticString) -> Bool {
    guard count >= text.utf8CodeUnitCount else { return false }
    return text.withUTF8Buffer { expected in
      expected.indices.allSatisfy { self[$0] == expected[$0] }
    }
  }

  func equals(_ text: StaticString) -> Bool {
    count == text.utf8CodeUnitCount && starts(with: text)
  }

  /// Whether the bytes equal `lowercaseText`, ASCII case-insensitively.
  func equalsIgnoringCase(_ lowercaseText: StaticString) -> Bool {
    guard count == lowercaseText.utf8CodeUnitCount else { return false }
    return lowercaseText.withUTF8Buffer { expected in
      expected.indices.allSatisfy { index in
        let byte = self[index]
        let isUpper = byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z")
        return (isUpper ? byte | 0x20 : byte) == expected[index]
      }
    }
  }

  func firstIndex(of byte: UInt8) -> Int? {
    for index in indices where self[index] == byte { return index }
    return nil
  }

  /// A port: 0 to 65535 in decimal, without leading zeros.
  var decimalPort: UInt16? {
    guard (1...5).contains(count), count == 1 || self[0] != UInt8(ascii: "0") else { return nil }
    var number = 0
    for index in indices {
      guard let digit = self[index].decimalDigit else { return nil }
      number = number * 10 + Int(digit)
    }
    return UInt16(exactly: number)
  }
}
