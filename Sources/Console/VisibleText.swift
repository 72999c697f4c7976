extension Terminal {
  /// Text without characters that could control a terminal.
  ///
  /// Such characters move the cursor, repaint the screen or change the writing direction.
  ///
  /// - Parameter kept: characters to leave in place.
  package static func visible(_ text: String, keeping kept: Set<Unicode.Scalar> = []) -> String {
    guard text.unicodeScalars.contains(where: isHarmful) else { return text }
    let scalars = text.unicodeScalars.map { isHarmful($0) && !kept.contains($0) ? "·" : $0 }
    return String(String.UnicodeScalarView(scalars))
  }

  /// JSON with such characters escaped, equal to the original document.
  ///
  /// Outside ASCII, JSON has only the contents of strings, where an escape has the same meaning
  /// (RFC 8259 section 7).
  package static func escaped(json: [UInt8]) -> String {
    var text = ""
    for scalar in String(decoding: json, as: UTF8.self).unicodeScalars {
      // White space between values; no other control is allowed there (RFC 8259 section 2).
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

  /// Whether the scalar could control a terminal.
  ///
  /// These are the controls of C0, DEL and C1 (ESC and CSI among them), line and paragraph separators, and
  /// bidi controls. For bidi controls see
  /// https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters. All of these have at most
  /// four hexadecimal digits.
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
