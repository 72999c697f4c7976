package enum JSONKind: Sendable {
  case object, array, string, number, `true`, `false`, null
}

/// A value by its place in a text: what it is, and its exact bytes.
package struct JSONValue: Equatable, Sendable {
  package let kind: JSONKind
  /// From the first byte of the value to after its last, without white space around it; quotes included.
  package let range: Range<Int>

  package init(kind: JSONKind, range: Range<Int>) {
    self.kind = kind
    self.range = range
  }
}

/// A name and a value of an object.
package struct JSONMember: Equatable, Sendable {
  /// The raw text between the quotes of the name.
  package let name: Range<Int>
  package let value: JSONValue
  /// The name is written with escapes, and longer than what it says.
  let isNameEscaped: Bool
}

/// The members of one object, in order. RFC 8259 leaves open what repeated names mean: here the last one counts, as it
/// does in JavaScript and Python.
package struct JSONObject: Sendable {
  package let members: [JSONMember]

  /// The value of the last member that is named `name`, which is ASCII without characters that JSON must escape.
  package func value(named name: String, in text: Span<UInt8>) -> JSONValue? {
    let name = name.utf8Span.span
    for index in members.indices.reversed() where members[index].isNamed(name, in: text) {
      return members[index].value
    }
    return nil
  }
}

extension JSONMember {
  fileprivate func isNamed(_ wanted: Span<UInt8>, in text: Span<UInt8>) -> Bool {
    // Byte by byte: by Unicode's rules the Kelvin sign is a K.
    guard !isNameEscaped else {
      return JSONString.decode(name, of: text).utf8Span.span.holdsTheSame(as: wanted)
    }
    return text.extracting(name).holdsTheSame(as: wanted)
  }
}

extension Span<UInt8> {
  fileprivate func holdsTheSame(as other: Span<UInt8>) -> Bool {
    guard count == other.count else { return false }
    for index in indices where self[index] != other[index] { return false }
    return true
  }

  func contains(_ byte: UInt8) -> Bool {
    for index in indices where self[index] == byte { return true }
    return false
  }
}
