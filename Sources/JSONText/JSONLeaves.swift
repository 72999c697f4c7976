/// Iterates over the scalars inside a validated value, at any depth, in order.
///
/// It makes one pass at any nesting, and keeps only its position. The names of members are not
/// included.
package struct JSONLeaves {
  private var position: Int
  private let end: Int
  /// The containers around `position`, outermost first; true for an object.
  ///
  /// At most ``JSONScanner/maxDepth`` of them.
  private var containers: [Bool] = []

  package init(of value: JSONValue) {
    position = value.range.lowerBound
    end = value.range.upperBound
  }

  /// Returns the next scalar; nil after the last one.
  package mutating func next(in text: Span<UInt8>) -> JSONLeaf? {
    // Bounded by the text: every round consumes some of it.
    while position < end {
      switch text[position] {
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        containers.append(text[position] == UInt8(ascii: "{"))
        position += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        _ = containers.popLast()
        position += 1
      case UInt8(ascii: ","), UInt8(ascii: ":"), 0x20, 0x0A, 0x0D, 0x09: position += 1
      case UInt8(ascii: "\""):
        guard let value = string(in: text) else { continue }
        return leaf(value)
      default: return leaf(literal(in: text))
      }
    }
    return nil
  }

  private func leaf(_ value: JSONValue) -> JSONLeaf {
    JSONLeaf(value: value, isMember: containers.last ?? false)
  }

  /// Consumes the string at `position`; nil if it names a member.
  private mutating func string(in text: Span<UInt8>) -> JSONValue? {
    let start = position
    do throws(JSONError) {
      position = try JSONString.end(from: start, to: end, of: text)
    } catch {
      // Impossible in a validated text; in any other text the iteration ends here.
      position = end
      return nil
    }
    let value = JSONValue(kind: .string, range: start..<position)
    while position < end, Self.isWhitespace(text[position]) { position += 1 }
    return position < end && text[position] == UInt8(ascii: ":") ? nil : value
  }

  private mutating func literal(in text: Span<UInt8>) -> JSONValue {
    let start = position
    position += 1
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

/// A string, number, `true`, `false` or `null`.
package struct JSONLeaf: Equatable, Sendable {
  package let value: JSONValue
  /// Whether it is the value of an object's member.
  ///
  /// Otherwise it is an array element, or the whole text.
  package let isMember: Bool
}
