internal import JSONText

/// Parses the values of a definition in which references may stand.
struct TemplateParser {
  /// The positions of the steps by name.
  let steps: [String: Int]
  /// Whether `item` and `index` have a meaning here.
  let hasItem: Bool
  private var path: MemberPath

  /// The maximum nesting of a value with references.
  static let maxDepth = 32
  private static let expressions = ["$from", "$text", "$first", "$literal"]

  /// - Parameter member: where the values stand, for error texts.
  init(_ member: String, steps: [String: Int], hasItem: Bool) {
    self.steps = steps
    self.hasItem = hasItem
    path = MemberPath(member)
  }

  /// Parses a value of a validated text.
  mutating func template(
    _ value: JSONValue, in text: Span<UInt8>
  ) throws(WorkflowFault) -> Template {
    try Self.checkDepth(value, max: Self.maxDepth, path, in: text)
    return try parse(value, in: text)
  }

  /// Rejects what nests too deeply, before anything recurses into it.
  static func checkDepth(
    _ value: JSONValue, max maxDepth: Int, _ path: MemberPath, in text: Span<UInt8>
  ) throws(WorkflowFault) {
    var tokens = JSONTokens(of: value)
    var depth = 0
    while let token = tokens.next(in: text) {
      switch token {
      case .beginObject, .beginArray: depth += 1
      case .endObject, .endArray: depth -= 1
      case .name, .scalar: break
      }
      guard depth <= maxDepth else {
        throw WorkflowFault(member: path.text(in: text), reason: "it nests deeper than \(maxDepth) levels")
      }
    }
  }

  func fault(_ reason: String, in text: Span<UInt8>) -> WorkflowFault {
    WorkflowFault(member: path.text(in: text), reason: reason)
  }
}

// MARK: - Values

extension TemplateParser {
  private mutating func parse(
    _ value: JSONValue, in text: Span<UInt8>
  ) throws(WorkflowFault) -> Template {
    var pieces: [Template.Piece] = []
    var start = value.range.lowerBound
    try collect(value, into: &pieces, from: &start, in: text)
    if start < value.range.upperBound { pieces.append(.text(start..<value.range.upperBound)) }
    return Template(pieces: pieces, range: value.range)
  }

  /// Appends the expressions of a value, and the texts before them.
  ///
  /// - Parameter start: the end of what `pieces` covers.
  private mutating func collect(
    _ value: JSONValue, into pieces: inout [Template.Piece], from start: inout Int, in text: Span<UInt8>
  ) throws(WorkflowFault) {
    switch value.kind {
    case .array:
      var children = JSONChildren(of: value)
      var index = 0
      while let child = children.next(in: text) {
        path.enter(index: index)
        try collect(child.value, into: &pieces, from: &start, in: text)
        path.leave()
        index += 1
      }
    case .object where Self.isExpression(value, in: text):
      let expression = try expression(value, in: text)
      if start < value.range.lowerBound { pieces.append(.text(start..<value.range.lowerBound)) }
      pieces.append(.expression(expression))
      start = value.range.upperBound
    case .object:
      var children = JSONChildren(of: value)
      while let child = children.next(in: text) {
        path.enter(name: child.name ?? 0..<0)
        try collect(child.value, into: &pieces, from: &start, in: text)
        path.leave()
      }
    default: break
    }
  }

  /// Whether an object has a member whose name starts with a dollar sign.
  static func isExpression(_ object: JSONValue, in text: Span<UInt8>) -> Bool {
    var children = JSONChildren(of: object)
    while let child = children.next(in: text) {
      if let name = child.name, JSONString.decode(name.prefix(6), of: text).hasPrefix("$") { return true }
    }
    return false
  }

  private mutating func expression(
    _ object: JSONValue, in text: Span<UInt8>
  ) throws(WorkflowFault) -> Expression {
    var members: [String: JSONValue] = [:]
    var children = JSONChildren(of: object)
    while let child = children.next(in: text) {
      let name = String.name(child.name ?? 0..<0, in: text)
      guard Self.expressions.contains(name) || name == "default" else {
        let known = Self.expressions.joined(separator: ", ")
        throw fault(
          name.hasPrefix("$")
            ? "`\(name)` is not known; names that start with $ are reserved, and these exist: \(known); "
              + "put a plain value of that form into `$literal`"
            : "`\(name)` cannot stand beside a name that starts with $", in: text)
      }
      guard members.updateValue(child.value, forKey: name) == nil else {
        throw fault("`\(name)` occurs twice; leave one", in: text)
      }
    }
    let given = Self.expressions.filter { members[$0] != nil }
    guard given.count == 1, let name = given.first, let value = members[name] else {
      throw fault("\(given.joined(separator: " and ")) exclude each other; give one", in: text)
    }
    guard name == "$from" || members["default"] == nil else {
      throw fault("`default` is only for `$from`", in: text)
    }
    switch name {
    case "$from":
      let reference = try reference(value, in: text)
      guard let template = members["default"] else { return .from(reference, default: nil) }
      return .from(reference, default: try parse(template, in: text))
    case "$text": return .text(try parts(of: value, name, in: text))
    case "$first": return .first(try parts(of: value, name, in: text))
    default: return .literal(value.range)
    }
  }

  /// The values of `$text` or `$first`.
  private mutating func parts(
    of value: JSONValue, _ name: String, in text: Span<UInt8>
  ) throws(WorkflowFault) -> [Template] {
    guard value.kind == .array else { throw fault("`\(name)` must be an array", in: text) }
    var parts: [Template] = []
    var children = JSONChildren(of: value)
    while let child = children.next(in: text) {
      path.enter(index: parts.count)
      let isPlainObject = child.value.kind == .object && !Self.isExpression(child.value, in: text)
      guard name != "$text" || child.value.kind != .null && !isPlainObject else {
        throw fault(
          "`$text` takes strings, numbers, true, false, arrays of strings, and references to such; "
            + "this is \(child.value.kind.noun)", in: text)
      }
      parts.append(try parse(child.value, in: text))
      path.leave()
    }
    guard !parts.isEmpty || name == "$text" else {
      throw fault("`$first` must have at least one value", in: text)
    }
    return parts
  }
}

// MARK: - References

extension TemplateParser {
  /// Parses the text of a reference: `image`, `image#/0`.
  func reference(_ value: JSONValue, in text: Span<UInt8>) throws(WorkflowFault) -> Reference {
    // Every byte may be escaped.
    guard value.kind == .string, value.range.count <= 6 * (JSONPointer.maxBytes + 32),
      let written = value.text(in: text)
    else { throw fault("`$from` must be a string such as \"image\" or \"image#/0\"", in: text) }
    let parts = written.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
    let (name, shown) = (String(parts.first ?? ""), written.cutToLine(of: 80))
    let pointer: JSONPointer
    do throws(JSONPointer.Fault) {
      pointer = try JSONPointer(parts.count > 1 ? Array(parts[1].utf8) : [])
    } catch {
      throw fault("the reference \"\(shown)\" is invalid: \(error.reason)", in: text)
    }
    let source: Reference.Source
    switch name {
    case "input": source = .input
    case "item", "index":
      guard hasItem else {
        throw fault(
          "the reference \"\(shown)\" needs `for_each`: only its items have `item` and `index`", in: text)
      }
      guard name == "item" || pointer.tokens.isEmpty else {
        throw fault("the reference \"\(shown)\" leads into a number", in: text)
      }
      source = name == "item" ? .item : .index
    default:
      guard let step = steps[name] else {
        throw fault("the reference \"\(shown)\" names no step; \(knownSteps)", in: text)
      }
      source = .step(step)
    }
    return Reference(source: source, pointer: pointer, text: written)
  }

  /// For an error text.
  var knownSteps: String {
    let names = steps.sorted { $0.value < $1.value }.map(\.key)
    return "the steps are \(names.joined(separator: ", "))"
  }
}
