extension Terminal {
  /// Without what could move a terminal's cursor, repaint it, or turn the direction in which it writes.
  ///
  /// - Parameter kept: what stays.
  static func visible(_ text: String, keeping kept: Set<Unicode.Scalar> = []) -> String {
    guard text.unicodeScalars.contains(where: isHarmful) else { return text }
    let scalars = text.unicodeScalars.map { isHarmful($0) && !kept.contains($0) ? "·" : $0 }
    return String(String.UnicodeScalarView(scalars))
  }

  /// The same for JSON, which stays the same JSON: beyond ASCII there are only contents of strings, where an escape means the
  /// same (RFC 8259 section 7).
  static func escaped(json: [UInt8]) -> String {
    var text = ""
    for scalar in String(decoding: json, as: UTF8.self).unicodeScalars {
      // These are between the values, where nothing else of the kind is allowed (RFC 8259 section 2).
      if scalar == "\r" { continue }
      if isHarmful(scalar), scalar != "\n", scalar != "\t" {
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
      } else {
        text.unicodeScalars.append(scalar)
      }
    }
    return text
  }

  /// Controls of C0, DEL and C1 (ESC and CSI among them), ends of lines and paragraphs, and what controls direction
  /// (https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters). All of them have at most four hexadecimal
  /// digits.
  private static func isHarmful(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x20...0x7E, 0xA0...0xFF: false
    default:
      switch scalar.properties.generalCategory {
      case .control, .lineSeparator, .paragraphSeparator: true
      default: scalar.properties.isBidiControl
      }
    }
  }
}
