/// A reference JSON parser (RFC 8259), by way of tokens.
///
/// It shares no idea with the scanner, which reads each byte once and stores nothing.
struct ReferenceJSON {
  enum Content {
    case object([(name: Token, value: ReferenceJSON)])
    case array([ReferenceJSON])
    case string(Token)
    case number
    case literal(String)
  }

  struct Token {
    enum Kind: Equatable {
      case punctuation(UInt8)
      /// The decoded string.
      case string([UInt8])
      case number
      case literal(String)
    }
    let kind: Kind
    let range: Range<Int>

    var text: [UInt8] {
      if case .string(let text) = kind { text } else { [] }
    }
  }

  let content: Content
  let range: Range<Int>

  /// Levels of non-empty containers.
  static let deepest = 1024

  /// Nil if the text is no JSON value, or nests too deeply.
  static func read(_ text: [UInt8]) -> ReferenceJSON? {
    guard String(validating: text, as: UTF8.self) != nil, let tokens = ReferenceJSONLexer.tokens(of: text)
    else {
      return nil
    }
    return Tree(tokens).root
  }

  /// The value of the last member named `name`.
  func member(_ name: String) -> ReferenceJSON? {
    guard case .object(let members) = content else { return nil }
    return members.last { $0.name.text.elementsEqual(name.utf8) }?.value
  }
}

/// Builds values from tokens; open containers are on a stack.
private struct Tree {
  private struct Open {
    let isObject: Bool
    let start: Int
    var name: ReferenceJSON.Token?
    var members: [(name: ReferenceJSON.Token?, value: ReferenceJSON)] = []

    func closed(at end: Int) -> ReferenceJSON {
      let content: ReferenceJSON.Content =
        isObject
        ? .object(members.compactMap { member in member.name.map { ($0, member.value) } })
        : .array(members.map(\.value))
      return ReferenceJSON(content: content, range: start..<end)
    }
  }

  private static let arrayEnd = UInt8(ascii: "]")
  private static let objectEnd = UInt8(ascii: "}")

  private enum Step {
    case value(ReferenceJSON)
    case opened
    case wrong
  }

  private var stack: [Open] = []
  private var rest: ArraySlice<ReferenceJSON.Token>
  private(set) var root: ReferenceJSON?

  init(_ tokens: [ReferenceJSON.Token]) {
    rest = tokens[...]
    while true {
      switch beginValue() {
      case .wrong: return
      case .opened: continue
      case .value(let value): guard end(value) else { return }
      }
    }
  }

  private mutating func beginValue() -> Step {
    guard let token = rest.popFirst() else { return .wrong }
    switch token.kind {
    case .string: return .value(ReferenceJSON(content: .string(token), range: token.range))
    case .number: return .value(ReferenceJSON(content: .number, range: token.range))
    case .literal(let word): return .value(ReferenceJSON(content: .literal(word), range: token.range))
    case .punctuation(UInt8(ascii: "[")), .punctuation(UInt8(ascii: "{")):
      let isObject = token.kind == .punctuation(UInt8(ascii: "{"))
      var open = Open(isObject: isObject, start: token.range.lowerBound)
      if let next = rest.first, next.kind == .punctuation(isObject ? Self.objectEnd : Self.arrayEnd) {
        rest.removeFirst()
        return .value(open.closed(at: next.range.upperBound))
      }
      guard stack.count < ReferenceJSON.deepest, !isObject || takeName(into: &open) else { return .wrong }
      stack.append(open)
      return .opened
    case .punctuation: return .wrong
    }
  }

  private mutating func takeName(into open: inout Open) -> Bool {
    guard let name = rest.popFirst(), case .string = name.kind,
      rest.popFirst()?.kind == .punctuation(UInt8(ascii: ":"))
    else { return false }
    open.name = name
    return true
  }

  /// Adds a value to the innermost container.
  ///
  /// Closes containers that end with it.
  ///
  /// - Returns: true if another value must follow.
  private mutating func end(_ last: ReferenceJSON) -> Bool {
    var value = last
    while var open = stack.popLast() {
      open.members.append((open.name, value))
      guard let token = rest.popFirst() else { return false }
      if token.kind == .punctuation(open.isObject ? Self.objectEnd : Self.arrayEnd) {
        value = open.closed(at: token.range.upperBound)
        continue
      }
      guard token.kind == .punctuation(UInt8(ascii: ",")), !open.isObject || takeName(into: &open) else {
        return false
      }
      stack.append(open)
      return true
    }
    root = rest.isEmpty ? value : nil
    return false
  }
}
