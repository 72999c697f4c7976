/// Validates JSON (RFC 8259) and finds the ranges of values in it.
///
/// Parts of a text can thus be copied byte for byte, without reprinting numbers or reordering names.
///
/// It makes one pass without recursion: nesting is a stack of at most ``maxDepth`` bits.
package struct JSONScanner {
  /// The maximum nesting of arrays and objects. Common parsers reject deeper texts.
  package static let maxDepth = 16 * UInt64.bitWidth

  private var position: Int
  private let end: Int
  /// One bit per level, set for an object.
  private var stack = InlineArray<16, UInt64>(repeating: 0)
  private var depth = 0

  private init(_ range: Range<Int>) {
    position = range.lowerBound
    end = range.upperBound
  }

  /// Validates the whole of `text` as one value.
  package static func validate(_ text: Span<UInt8>) throws(JSONError) -> JSONValue {
    var scanner = JSONScanner(0..<text.count)
    let value = try scanner.scanValue(in: text)
    scanner.skipWhitespace(in: text)
    guard scanner.position == text.count else { throw JSONError(.trailingContent, at: scanner.position) }
    return value
  }

  /// Validates the whole of `text` as one object, and returns its members.
  package static func object(_ text: Span<UInt8>) throws(JSONError) -> JSONObject {
    var scanner = JSONScanner(0..<text.count)
    let object = try scanner.scanMembers(in: text)
    scanner.skipWhitespace(in: text)
    guard scanner.position == text.count else { throw JSONError(.trailingContent, at: scanner.position) }
    return object
  }

  /// Returns the members of an object in a validated text.
  package static func object(_ value: JSONValue, in text: Span<UInt8>) throws(JSONError) -> JSONObject {
    var scanner = JSONScanner(value.range)
    return try scanner.scanMembers(in: text)
  }

  /// Returns the elements of an array in a validated text.
  package static func elements(_ value: JSONValue, in text: Span<UInt8>) throws(JSONError) -> [JSONValue] {
    var scanner = JSONScanner(value.range)
    return try scanner.scanElements(in: text)
  }
}

// MARK: - One level, kept

extension JSONScanner {
  private mutating func scanMembers(in text: Span<UInt8>) throws(JSONError) -> JSONObject {
    skipWhitespace(in: text)
    guard position < end else { throw JSONError(.unexpectedEnd, at: position) }
    guard text[position] == UInt8(ascii: "{") else {
      _ = try scanValue(in: text)
      throw JSONError(.notAnObject, at: 0)
    }
    position += 1
    try push(isObject: true)
    var members: [JSONMember] = []
    members.reserveCapacity(24)
    guard !skip("}", in: text) else { return JSONObject(members: []) }
    // Bounded by the text: every round consumes a member.
    while true {
      let name = try scanName(in: text)
      members.append(JSONMember(name: name, value: try scanValue(in: text)))
      guard skip(",", in: text) else { break }
    }
    try require("}", in: text)
    return JSONObject(members: members)
  }

  private mutating func scanElements(in text: Span<UInt8>) throws(JSONError) -> [JSONValue] {
    try require("[", in: text)
    try push(isObject: false)
    var elements: [JSONValue] = []
    guard !skip("]", in: text) else { return [] }
    // Bounded by the text: every round consumes an element.
    while true {
      elements.append(try scanValue(in: text))
      guard skip(",", in: text) else { break }
    }
    try require("]", in: text)
    return elements
  }

  private mutating func scanName(in text: Span<UInt8>) throws(JSONError) -> Range<Int> {
    skipWhitespace(in: text)
    guard position < end else { throw JSONError(.unexpectedEnd, at: position) }
    guard text[position] == UInt8(ascii: "\"") else { throw JSONError(.unexpectedByte, at: position) }
    let start = position
    position = try JSONString.end(from: start, to: end, of: text)
    let name = start + 1..<position - 1
    try require(":", in: text)
    return name
  }
}

// MARK: - Any value, skipped

extension JSONScanner {
  private mutating func scanValue(in text: Span<UInt8>) throws(JSONError) -> JSONValue {
    skipWhitespace(in: text)
    let start = position
    let floor = depth
    let kind = try beginValue(in: text)
    // Bounded by the text: every round consumes a token.
    while depth > floor {
      if skip(",", in: text) {
        if isInObject { _ = try scanName(in: text) }
        skipWhitespace(in: text)
        _ = try beginValue(in: text)
      } else {
        try require(isInObject ? "}" : "]", in: text)
        depth -= 1
      }
    }
    return JSONValue(kind: kind, range: start..<position)
  }

  /// Consumes a scalar or an empty container.
  ///
  /// For any other container it stops after the first scalar inside.
  private mutating func beginValue(in text: Span<UInt8>) throws(JSONError) -> JSONKind {
    var outermost: JSONKind?
    // Bounded by the depth: every round but the last opens a container.
    while true {
      guard position < end else { throw JSONError(.unexpectedEnd, at: position) }
      switch text[position] {
      case UInt8(ascii: "{"):
        position += 1
        outermost = outermost ?? .object
        if skip("}", in: text) { return outermost ?? .object }
        try push(isObject: true)
        _ = try scanName(in: text)
      case UInt8(ascii: "["):
        position += 1
        outermost = outermost ?? .array
        if skip("]", in: text) { return outermost ?? .array }
        try push(isObject: false)
      default:
        let scalar = try scanScalar(in: text)
        return outermost ?? scalar
      }
      skipWhitespace(in: text)
    }
  }

  private mutating func scanScalar(in text: Span<UInt8>) throws(JSONError) -> JSONKind {
    switch text[position] {
    case UInt8(ascii: "\""):
      position = try JSONString.end(from: position, to: end, of: text)
      return .string
    case UInt8(ascii: "t"): return try scanLiteral("true", .true, in: text)
    case UInt8(ascii: "f"): return try scanLiteral("false", .false, in: text)
    case UInt8(ascii: "n"): return try scanLiteral("null", .null, in: text)
    default:
      try scanNumber(in: text)
      return .number
    }
  }

  private mutating func scanLiteral(
    _ literal: StaticString, _ kind: JSONKind, in text: Span<UInt8>
  ) throws(JSONError) -> JSONKind {
    for index in 0..<literal.utf8CodeUnitCount {
      guard position < end else { throw JSONError(.unexpectedEnd, at: position) }
      guard text[position] == literal.utf8Start[index] else { throw JSONError(.unexpectedByte, at: position) }
      position += 1
    }
    return kind
  }

  /// Consumes `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?` of any length, without computing a
  /// value.
  private mutating func scanNumber(in text: Span<UInt8>) throws(JSONError) {
    let start = position
    if position < end, text[position] == UInt8(ascii: "-") { position += 1 }
    let integerStart = position
    let integerDigits = skipDigits(in: text)
    guard integerDigits > 0 else {
      throw JSONError(position == start ? .unexpectedByte : .invalidNumber, at: position)
    }
    guard integerDigits == 1 || text[integerStart] != UInt8(ascii: "0") else {
      throw JSONError(.invalidNumber, at: integerStart)
    }
    if position < end, text[position] == UInt8(ascii: ".") {
      position += 1
      guard skipDigits(in: text) > 0 else { throw JSONError(.invalidNumber, at: position) }
    }
    if position < end, text[position] | 0x20 == UInt8(ascii: "e") {
      position += 1
      if position < end, text[position] == UInt8(ascii: "+") || text[position] == UInt8(ascii: "-") {
        position += 1
      }
      guard skipDigits(in: text) > 0 else { throw JSONError(.invalidNumber, at: position) }
    }
  }

  private mutating func skipDigits(in text: Span<UInt8>) -> Int {
    let start = position
    while position < end, text[position] >= UInt8(ascii: "0"), text[position] <= UInt8(ascii: "9") {
      position += 1
    }
    return position - start
  }
}

// MARK: - Steps

extension JSONScanner {
  private mutating func skipWhitespace(in text: Span<UInt8>) {
    while position < end {
      switch text[position] {
      case 0x20, 0x0A, 0x0D, 0x09: position += 1
      default: return
      }
    }
  }

  /// Consumes white space, and `character` if it is next.
  private mutating func skip(_ character: Unicode.Scalar, in text: Span<UInt8>) -> Bool {
    skipWhitespace(in: text)
    guard position < end, text[position] == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func require(_ character: Unicode.Scalar, in text: Span<UInt8>) throws(JSONError) {
    guard !skip(character, in: text) else { return }
    throw JSONError(position < end ? .unexpectedByte : .unexpectedEnd, at: position)
  }

  private mutating func push(isObject: Bool) throws(JSONError) {
    guard depth < Self.maxDepth else { throw JSONError(.nestedTooDeeply, at: position) }
    let (word, bit) = depth.quotientAndRemainder(dividingBy: 64)
    stack[word] = stack[word] & ~(1 << UInt64(bit)) | (isObject ? 1 : 0) << UInt64(bit)
    depth += 1
  }

  @inline(__always)
  private var isInObject: Bool {
    let (word, bit) = (depth - 1).quotientAndRemainder(dividingBy: 64)
    return stack[word] >> UInt64(bit) & 1 == 1
  }
}
