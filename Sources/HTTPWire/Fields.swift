internal import Bytes

/// The header fields of one message, in order, repetitions included.
///
/// It owns a copy of the header section; fields are ranges of it.
package struct Fields: Sendable {
  private var bytes: [UInt8] = []
  private var entries: [Entry] = []

  private struct Entry {
    let name: Range<Int>
    let value: Range<Int>
    /// The first byte of the name in lower case.
    ///
    /// It rules out most names before they are compared.
    let initial: UInt8
  }

  package var count: Int { entries.count }

  /// The result of looking up a field that must not repeat.
  package enum Single: Equatable, Sendable {
    case none
    case one(String)
    case repeated
  }

  /// The first value of a field; names are compared case-insensitively.
  ///
  /// - Parameter lowercaseName: the name in lower case.
  package func first(_ lowercaseName: String) -> String? {
    index(of: lowercaseName.utf8Span.span, from: 0).map(value)
  }

  /// The value of a field that must not repeat.
  package func single(_ lowercaseName: String) -> Single {
    let name = lowercaseName.utf8Span.span
    guard let index = index(of: name, from: 0) else { return .none }
    return self.index(of: name, from: index + 1) == nil ? .one(value(at: index)) : .repeated
  }

  /// All values of the field, one per field line.
  package func all(_ lowercaseName: String) -> [String] {
    let name = lowercaseName.utf8Span.span
    var values: [String] = []
    var next = 0
    while let index = index(of: name, from: next) {
      values.append(value(at: index))
      next = index + 1
    }
    return values
  }

  /// The members of a comma-separated list (RFC 9110 section 5.6.1), in lower case.
  ///
  /// The list may span several field lines; empty members are dropped.
  package func listMembers(_ lowercaseName: String) -> [String] {
    all(lowercaseName).flatMap { value in
      value.utf8.split(separator: UInt8(ascii: ",")).map { part in
        // ASCII only: in Unicode the Kelvin sign is a k, which would turn another coding into "chunked".
        let bytes = part.map(\.lowercased)
        return bytes.span.string(bytes.span.trimmed(0..<bytes.count))
      }
    }.filter { !$0.isEmpty }
  }

  package func contains(_ lowercaseName: String) -> Bool {
    index(of: lowercaseName.utf8Span.span, from: 0) != nil
  }

  /// Whether any field name starts with one of these bytes, letters in lower case.
  ///
  /// A cheap test before looking up several names.
  package func containsName(withInitialAmong initials: [UInt8]) -> Bool {
    for entry in entries where initials.contains(entry.initial) { return true }
    return false
  }

  /// Whether any field name starts with `lowercasePrefix`.
  package func containsName(withPrefix lowercasePrefix: String) -> Bool {
    let prefix = lowercasePrefix.utf8Span.span
    let bytes = bytes.span
    return entries.contains { entry in
      entry.name.count >= prefix.count
        && bytes.matches(prefix, in: entry.name.lowerBound..<entry.name.lowerBound + prefix.count)
    }
  }

  /// The index of the next entry with this name, from `start` on.
  private func index(of lowercaseName: Span<UInt8>, from start: Int) -> Int? {
    guard !lowercaseName.isEmpty else { return nil }
    let bytes = bytes.span
    for index in start..<entries.count where entries[index].initial == lowercaseName[0] {
      if bytes.matches(lowercaseName, in: entries[index].name) { return index }
    }
    return nil
  }

  private func value(at index: Int) -> String {
    bytes.span.string(entries[index].value)
  }
}

extension Fields {
  /// Copies the field lines of `buffer`, whose ranges ``FieldLine`` found.
  init(copying section: Range<Int>, of buffer: Span<UInt8>, lines: [FieldLine]) {
    bytes = buffer.extracting(section).withUnsafeBufferPointer { Array($0) }
    let offset = section.lowerBound
    entries = lines.map { line in
      Entry(
        name: line.name.lowerBound - offset..<line.name.upperBound - offset,
        value: line.value.lowerBound - offset..<line.value.upperBound - offset,
        initial: buffer[line.name.lowerBound].lowercased)
    }
  }
}

/// One `name: value` line (RFC 9112 section 5).
struct FieldLine {
  let name: Range<Int>
  let value: Range<Int>

  init(_ line: Range<Int>, in buffer: Span<UInt8>) throws(RequestError) {
    // RFC 9112 section 5.2: a server must reject obs-fold or replace it by spaces. Rejecting leaves one
    // interpretation.
    guard !buffer[line.lowerBound].isOptionalWhitespace else { throw .foldedField }
    var index = line.lowerBound
    while index < line.upperBound, buffer[index].isTokenCharacter { index += 1 }
    // RFC 9112 section 5.1: whitespace between name and colon must be rejected; it enables request smuggling.
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
