internal import JSONText

/// The scanner accepts the same texts as the reference.
///
/// It finds the same values at the same offsets.
///
/// Input: one byte that selects the limit of a string's tail, and the text.
enum JSONFuzzTarget {
  static func run(_ input: [UInt8]) throws(Violation) {
    guard let limit = input.first else { return }
    let text = Array(input.dropFirst())
    let reference = ReferenceJSON.read(text)
    switch validate(text) {
    case .failure(let error):
      try require(reference == nil, "valid JSON is refused: \(error)")
      try check(error, in: text)
    case .success(let value):
      guard let reference else { throw Violation(rule: "invalid JSON is accepted") }
      try checkSurroundings(of: value, in: text)
      try checkTree(value, reference, in: text, tailLimit: Int(limit))
    }
    try checkObject(text, reference)
    try JSONWriting.checkText(String(decoding: text, as: UTF8.self))
  }

  static func validate(_ text: [UInt8]) -> Result<JSONValue, JSONError> {
    do throws(JSONError) {
      return .success(try JSONScanner.validate(text.span))
    } catch {
      return .failure(error)
    }
  }

  static func object(_ text: [UInt8]) -> Result<[JSONMember], JSONError> {
    do throws(JSONError) {
      return .success(try JSONScanner.object(text.span).members)
    } catch {
      return .failure(error)
    }
  }

  private static func check(_ error: JSONError, in text: [UInt8]) throws(Violation) {
    try require((0...text.count).contains(error.offset), "an error lies outside the text: \(error)")
    switch error.reason {
    case .unexpectedEnd:
      try require(error.offset == text.count, "the text ends, but not at its end: \(error)")
    case .unexpectedByte, .controlCharacter, .invalidUTF8, .invalidEscape, .trailingContent:
      try require(error.offset < text.count, "a byte is wrong that is not there: \(error)")
    case .invalidNumber, .nestedTooDeeply: break
    case .notAnObject: throw Violation(rule: "no object was required")
    }
    // The first wrong byte decides. An escape or a sequence that contains it has at most six bytes.
    guard error.offset < text.count else { return }
    let again = validate(text.prefix(error.offset + 6) + [0x20, 0x20])
    try require(again == .failure(error), "what follows changes \(error) to \(again)")
  }

  private static func checkSurroundings(of value: JSONValue, in text: [UInt8]) throws(Violation) {
    try require(
      value.range.lowerBound >= 0 && value.range.upperBound <= text.count && !value.range.isEmpty,
      "a value lies outside its text")
    let around = text[..<value.range.lowerBound] + text[value.range.upperBound...]
    try require(
      around.allSatisfy { [0x20, 0x09, 0x0A, 0x0D].contains($0) }, "more than white space is left out")
  }

  /// The text as an object: the result of ``JSONScanner/validate(_:)``, and its members.
  private static func checkObject(_ text: [UInt8], _ reference: ReferenceJSON?) throws(Violation) {
    let result = object(text)
    guard case .object(let members)? = reference?.content else {
      guard case .failure(let error) = result else { throw Violation(rule: "what is no object has members") }
      if reference != nil {
        try require(
          error == JSONError(.notAnObject, at: 0), "a value that is no object is refused for \(error)")
      } else if text.first == UInt8(ascii: "{"), case .failure(let expected) = validate(text) {
        try require(error == expected, "as an object it is refused for \(error), else for \(expected)")
      }
      return
    }
    guard case .success(let found) = result else { throw Violation(rule: "an object is refused") }
    try requireSame(found, members, in: text)
    let object = try? JSONScanner.object(text.span)
    for name in ["", "K", "a", "id", "status", "error"] {
      let value = object?.value(named: name, in: text.span)
      try require(value?.range == reference?.member(name)?.range, "another member is called \(name)")
    }
    try JSONWriting.checkObject(found, in: text)
  }

  static func requireSame(
    _ found: [JSONMember], _ members: [(name: ReferenceJSON.Token, value: ReferenceJSON)], in text: [UInt8]
  ) throws(Violation) {
    try require(found.count == members.count, "an object has more or fewer members")
    for (member, expected) in zip(found, members) {
      let name = expected.name.range
      try require(member.name == name.lowerBound + 1..<name.upperBound - 1, "a name is elsewhere")
      let decoded = JSONString.decode(member.name, of: text.span)
      try require(decoded.utf8.elementsEqual(expected.name.text), "a name is another")
      try requireSame(member.value, expected.value)
    }
  }

  static func requireSame(_ value: JSONValue, _ expected: ReferenceJSON) throws(Violation) {
    try require(value.range == expected.range, "a value is elsewhere")
    let kind: JSONKind =
      switch expected.content {
      case .object: .object
      case .array: .array
      case .string: .string
      case .number: .number
      case .literal(let word): word == "null" ? .null : word == "true" ? .true : .false
      }
    try require(value.kind == kind, "a value is of another kind")
  }
}

// MARK: - Every value in the text

extension JSONFuzzTarget {
  private static func checkTree(
    _ root: JSONValue, _ reference: ReferenceJSON, in text: [UInt8], tailLimit: Int
  ) throws(Violation) {
    var open = [(value: root, reference: reference)]
    // A value is read again at every level around it, so deep nesting must not be followed to its end.
    var budget = text.count * 8 + 256
    while let (value, reference) = open.popLast(), budget > 0 {
      budget -= value.range.count
      try requireSame(value, reference)
      guard case .success(let alone) = validate(Array(text[value.range])), alone.kind == value.kind,
        alone.range == 0..<value.range.count
      else { throw Violation(rule: "a value alone is not the same") }
      switch reference.content {
      case .object(let members):
        guard let object = try? JSONScanner.object(value, in: text.span) else {
          throw Violation(rule: "an object that was accepted is refused")
        }
        try requireSame(object.members, members, in: text)
        for (member, expected) in zip(object.members, members) { open.append((member.value, expected.value)) }
      case .array(let elements):
        guard let found = try? JSONScanner.elements(value, in: text.span), found.count == elements.count
        else {
          throw Violation(rule: "an array that was accepted has other elements")
        }
        for (element, expected) in zip(found, elements) { open.append((element, expected)) }
      case .string(let token):
        try checkString(value.range.lowerBound + 1..<value.range.upperBound - 1, token, in: text, tailLimit)
      case .number, .literal: break
      }
    }
  }

  private static func checkString(
    _ range: Range<Int>, _ token: ReferenceJSON.Token, in text: [UInt8], _ tailLimit: Int
  ) throws(Violation) {
    let whole = JSONString.decode(range, of: text.span)
    try require(whole.utf8.elementsEqual(token.text), "a string is another")
    let tail = JSONString.tail(of: range, limit: tailLimit, in: text.span)
    try require(tail.upperBound == range.upperBound && tail.count <= tailLimit, "a tail is too long")
    // The longest indivisible unit is a surrogate pair in escapes.
    try require(tail.count > min(range.count, tailLimit) - 12, "a tail is too short")
    try require(
      whole.utf8.suffix(JSONString.decode(tail, of: text.span).utf8.count)
        .elementsEqual(JSONString.decode(tail, of: text.span).utf8), "a tail is not the end of its string")
    guard case .success = validate([0x22] + text[tail] + [0x22]) else {
      throw Violation(rule: "a tail is no string")
    }
  }
}
