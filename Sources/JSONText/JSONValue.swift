package enum JSONKind: Sendable {
  case object, array, string, number, `true`, `false`, null
}

/// A value in a text: its kind and its range.
package struct JSONValue: Equatable, Sendable {
  package let kind: JSONKind
  /// The exact bytes of the value, without surrounding white space; quotes are included.
  package let range: Range<Int>

  package init(kind: JSONKind, range: Range<Int>) {
    self.kind = kind
    self.range = range
  }

  /// The raw text of a string, between its quotes.
  package var contents: Range<Int> { range.lowerBound + 1..<range.upperBound - 1 }
}

/// A name and a value of an object.
package struct JSONMember: Equatable, Sendable {
  /// The raw text between the quotes of the name.
  package let name: Range<Int>
  package let value: JSONValue
}

/// The members of one object, in order.
///
/// RFC 8259 leaves the meaning of repeated names open. Here the last one counts, as in JavaScript and Python.
package struct JSONObject: Sendable {
  package let members: [JSONMember]

  /// The value of the last member named `name`.
  ///
  /// - Parameter name: ASCII letters, digits and underscores.
  package func value(named name: String, in text: Span<UInt8>) -> JSONValue? {
    value(named: name.utf8Span.span, in: text)
  }

  /// The same for a literal. Cheaper, because a `String` takes a hundred instructions to show its bytes.
  package func value(of name: StaticString, in text: Span<UInt8>) -> JSONValue? {
    // The bytes of a literal stay.
    let bytes = UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
    return value(named: bytes.span, in: text)
  }

  @inline(__always)
  private func value(named name: Span<UInt8>, in text: Span<UInt8>) -> JSONValue? {
    for index in members.indices.reversed() where JSONString.isName(members[index].name, name, in: text) {
      return members[index].value
    }
    return nil
  }
}
