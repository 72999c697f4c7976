/// Strict base64 with the standard alphabet (RFC 4648 section 4).
///
/// No white space, and nothing after the padding.
package enum Base64 {
  package enum Form {
    /// One encoding per value.
    ///
    /// Padding is present, and unused bits of the last character are zero.
    case canonical
    /// As users copy it: padding may be missing, and unused bits may be set.
    case relaxed
  }

  /// Decodes `text`; nil if it is not valid base64.
  package static func decode(_ text: Span<UInt8>, form: Form) -> [UInt8]? {
    var end = text.count
    while end > 0, text.count - end < 2, text[end - 1] == UInt8(ascii: "=") { end -= 1 }
    let padded = text.count - end
    guard end % 4 != 1, padded == 0 ? form == .relaxed || end % 4 == 0 : text.count.isMultiple(of: 4) else {
      return nil
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(end * 3 / 4)
    var bits: UInt32 = 0
    var bitCount = 0
    let values = values
    for index in 0..<end {
      let value = values[Int(text[index])]
      guard value != none else { return nil }
      bits = bits << 6 | UInt32(value)
      bitCount += 6
      if bitCount >= 8 {
        bitCount -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(bitCount)))
      }
    }
    guard form == .relaxed || bits & (1 << UInt32(bitCount) - 1) == 0 else { return nil }
    return bytes
  }

  package static func encode(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      var bits: UInt32 = 0
      for offset in 0..<3 { bits = bits << 8 | (offset < group.count ? UInt32(group[start + offset]) : 0) }
      for position in 0..<4 {
        let character = alphabet[Int(bits >> UInt32(18 - 6 * position) & 0x3F)]
        text.append(position <= group.count ? character : UInt8(ascii: "="))
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// Encodes with the alphabet for URLs, without padding (RFC 4648 section 5).
  package static func encodeForURL(_ bytes: [UInt8]) -> String {
    let text = encode(bytes).utf8.prefix { $0 != UInt8(ascii: "=") }.map { character in
      switch character {
      case UInt8(ascii: "+"): UInt8(ascii: "-")
      case UInt8(ascii: "/"): UInt8(ascii: "_")
      default: character
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  /// The value of each character; ``none`` for those outside the alphabet.
  ///
  /// A table, because the characters are random and the branches of a switch would be mispredicted.
  private static let values: [UInt8] = {
    var values = [UInt8](repeating: none, count: 256)
    for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
    return values
  }()
  private static let none: UInt8 = 0xFF
}
