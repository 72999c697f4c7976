internal import Bytes

/// `forwarded-element = [ forwarded-pair ] *( ";" [ forwarded-pair ] )` (RFC 7239 section 4).
enum ForwardedElement {
  /// The unquoted value of the `for` parameter.
  ///
  /// Nil if there is none or more than one, or if the element is malformed anywhere.
  static func node(of element: Span<UInt8>) -> [UInt8]? {
    var node: [UInt8]?
    var position = 0
    // Bounded by the element: every round consumes a semicolon, or ends.
    while position < element.count {
      guard element[position] != UInt8(ascii: ";") else {
        position += 1
        continue
      }
      guard let name = token(at: &position, in: element), position < element.count,
        element[position] == UInt8(ascii: "=")
      else { return nil }
      position += 1
      guard let value = value(at: &position, in: element),
        position == element.count || element[position] == UInt8(ascii: ";")
      else { return nil }
      guard element.matches("for".utf8Span.span, in: name) else { continue }
      // RFC 7239 section 4: each parameter must not occur more than once.
      guard node == nil else { return nil }
      node = value
    }
    return node
  }

  private static func token(at position: inout Int, in element: Span<UInt8>) -> Range<Int>? {
    let start = position
    while position < element.count, element[position].isTokenCharacter { position += 1 }
    return position > start ? start..<position : nil
  }

  private static func value(at position: inout Int, in element: Span<UInt8>) -> [UInt8]? {
    guard position < element.count, element[position] == .quote else {
      return token(at: &position, in: element).map { range in range.map { element[$0] } }
    }
    return quotedString(at: &position, in: element)
  }

  /// Parses a quoted string (RFC 9110 section 5.6.4) and removes its quotes and escapes.
  private static func quotedString(at position: inout Int, in element: Span<UInt8>) -> [UInt8]? {
    var content: [UInt8] = []
    position += 1
    while position < element.count {
      if element[position] == .quote {
        position += 1
        return content
      }
      if element[position] == .backslash { position += 1 }
      guard position < element.count else { return nil }
      content.append(element[position])
      position += 1
    }
    return nil
  }
}
