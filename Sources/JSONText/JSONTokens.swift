/// Iterates over the tokens of a validated value, in order.
///
/// It makes one pass at any nesting, and keeps only its position.
package struct JSONTokens {
  package enum Token: Equatable, Sendable {
    case beginObject
    case endObject
    case beginArray
    case endArray
    /// The raw text between the quotes of a member's name.
    case name(Range<Int>)
    /// A string, number, `true`, `false` or `null`.
    case scalar(JSONValue)
  }

  private var position: Int
  private let end: Int

  package init(of value: JSONValue) {
    position = value.range.lowerBound
    end = value.range.upperBound
  }

  /// Where the next token begins, or the white space and punctuation before it.
  package var offset: Int { position }

  /// Returns the next token; nil after the last one.
  package mutating func next(in text: Span<UInt8>) -> Token? {
    // Bounded by the text: every round consumes some of it.
    while position < end {
      let start = position
      position += 1
      switch text[start] {
      case UInt8(ascii: "{"): return .beginObject
      case UInt8(ascii: "}"): return .endObject
      case UInt8(ascii: "["): return .beginArray
      case UInt8(ascii: "]"): return .endArray
      case UInt8(ascii: ","), UInt8(ascii: ":"), 0x20, 0x0A, 0x0D, 0x09: continue
      case UInt8(ascii: "\""): return string(from: start, in: text)
      default: return .scalar(literal(from: start, in: text))
      }
    }
    return nil
  }

  private mutating func string(from start: Int, in text: Span<UInt8>) -> Token? {
    do throws(JSONError) {
      position = try JSONString.end(from: start, to: end, of: text)
    } catch {
      // Impossible in a validated text; in any other text the iteration ends here.
      position = end
      return nil
    }
    let value = JSONValue(kind: .string, range: start..<position)
    while position < end, Self.isWhitespace(text[position]) { position += 1 }
    return position < end && text[position] == UInt8(ascii: ":") ? .name(value.contents) : .scalar(value)
  }

  private mutating func literal(from start: Int, in text: Span<UInt8>) -> JSONValue {
    // A number, true, false or null extends to white space or punctuation.
    while position < end, !Self.endsLiteral(text[position]) { position += 1 }
    let kind: JSONKind =
      switch text[start] {
      case UInt8(ascii: "t"): .true
      case UInt8(ascii: "f"): .false
      case UInt8(ascii: "n"): .null
      default: .number
      }
    return JSONValue(kind: kind, range: start..<position)
  }

  private static func endsLiteral(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: ",") || byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]") || isWhitespace(byte)
  }

  private static func isWhitespace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
  }
}
