/// The header fields of one message, in order, repetitions included. Owns its bytes once; fields are ranges of them.
package struct Fields: Sendable {
  private var bytes: [UInt8] = []
  private var entries: [(name: Range<Int>, value: Range<Int>)] = []

  package var count: Int { entries.count }

  /// The only value of a field that must not repeat.
  package enum Single: Equatable, Sendable {
    case none
    case one(String)
    case repeated
  }

  /// The first value of the field, names compared without regard to case. `lowercaseName` is in lower case.
  package func first(_ lowercaseName: String) -> String? {
    for entry in entries where bytes.span.matches(lowercaseName, in: entry.name) {
      return bytes.span.string(entry.value)
    }
    return nil
  }

  /// The value of a field that must not repeat.
  package func single(_ lowercaseName: String) -> Single {
    var found = Single.none
    for entry in entries where bytes.span.matches(lowercaseName, in: entry.name) {
      guard found == .none else { return .repeated }
      found = .one(bytes.span.string(entry.value))
    }
    return found
  }

  /// Every value of the field, one for each line.
  package func all(_ lowercaseName: String) -> [String] {
    entries.filter { bytes.span.matches(lowercaseName, in: $0.name) }.map { bytes.span.string($0.value) }
  }

  /// The members of a comma-separated list that may span lines (RFC 9110 section 5.6.1), in lower case, without the
  /// empty ones.
  func listMembers(_ lowercaseName: String) -> [String] {
    all(lowercaseName).flatMap { value in
      value.utf8.split(separator: UInt8(ascii: ",")).map { part in
        // ASCII alone: Unicode would make the Kelvin sign a k, and of another coding "chunked".
        let bytes = part.map(\.lowercased)
        return bytes.span.string(bytes.span.trimmed(0..<bytes.count))
      }
    }.filter { !$0.isEmpty }
  }

  func contains(_ lowercaseName: String) -> Bool {
    entries.contains { bytes.span.matches(lowercaseName, in: $0.name) }
  }
}

extension Fields {
  /// Takes the field lines of `buffer`, whose ranges ``FieldLine`` found.
  init(copying section: Range<Int>, of buffer: Span<UInt8>, lines: [FieldLine]) {
    bytes.reserveCapacity(section.count)
    for index in section { bytes.append(buffer[index]) }
    let offset = section.lowerBound
    entries = lines.map { line in
      (
        line.name.lowerBound - offset..<line.name.upperBound - offset,
        line.value.lowerBound - offset..<line.value.upperBound - offset
      )
    }
  }
}

/// One `name: value` line (RFC 9112 section 5).
struct FieldLine {
  let name: Range<Int>
  let value: Range<Int>

  init(_ line: Range<Int>, in buffer: Span<UInt8>) throws(RequestError) {
    // RFC 9112 section 5.2: a server must refuse obs-fold, or undo it. Refusing leaves one reading.
    guard !buffer[line.lowerBound].isOptionalWhitespace else { throw .foldedField }
    var index = line.lowerBound
    while index < line.upperBound, buffer[index].isTokenCharacter { index += 1 }
    // RFC 9112 section 5.1: no whitespace between name and colon, on pain of smuggling.
    guard index > line.lowerBound, index < line.upperBound, buffer[index] == UInt8(ascii: ":") else {
      throw .malformedFieldName
    }
    name = line.lowerBound..<index
    value = buffer.trimmed(index + 1..<line.upperBound)
    for index in value {
      guard buffer[index].isFieldValueCharacter else { throw .malformedFieldValue }
    }
  }
}
