internal import Bytes

extension JSONString {
  /// Appends the canonical spelling of a validated raw string, quotes included.
  ///
  /// Two texts have the same spelling if they represent the same string. Only quotes, backslashes, controls
  /// and unpaired surrogates are escaped.
  package static func appendCanonical(_ range: Range<Int>, of text: Span<UInt8>, to output: inout [UInt8]) {
    let raw = text.extracting(range)
    output.append(UInt8(ascii: "\""))
    var position = 0
    while position < raw.count {
      if raw[position] == UInt8(ascii: "\\") {
        position += appendEscape(at: position, of: raw, to: &output)
      } else {
        output.append(raw[position])
        position += 1
      }
    }
    output.append(UInt8(ascii: "\""))
  }

  /// - Returns: the length of the escape.
  private static func appendEscape(at start: Int, of raw: Span<UInt8>, to output: inout [UInt8]) -> Int {
    switch raw[start + 1] {
    case UInt8(ascii: "b"): append("\u{08}", to: &output)
    case UInt8(ascii: "f"): append("\u{0C}", to: &output)
    case UInt8(ascii: "n"): append("\n", to: &output)
    case UInt8(ascii: "r"): append("\r", to: &output)
    case UInt8(ascii: "t"): append("\t", to: &output)
    case UInt8(ascii: "u"):
      let (scalar, length) = scalar(at: start, of: raw)
      // An unpaired surrogate stands for no character, and keeps its escape: \ud800 to \udfff.
      if scalar == "\u{FFFD}", raw[start + 2].lowercased == UInt8(ascii: "d") {
        for index in start..<start + 6 { output.append(raw[index].lowercased) }
      } else {
        append(scalar, to: &output)
      }
      return length
    // A quote, a backslash or a slash.
    case let byte: append(Unicode.Scalar(byte), to: &output)
    }
    return 2
  }

  private static func append(_ scalar: Unicode.Scalar, to output: inout [UInt8]) {
    switch scalar.value {
    case 0..<0x20:
      output += "\\u00".utf8
      output += Hexadecimal.encode([UInt8(scalar.value)]).utf8
    case 0x22, 0x5C: output += [UInt8(ascii: "\\"), UInt8(scalar.value)]
    default: output += String(Character(scalar)).utf8
    }
  }
}
