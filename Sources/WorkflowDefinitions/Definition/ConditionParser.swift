internal import JSONText

/// Parses the conditions of a step: `when` and `require`.
struct ConditionParser {
  private let member: String
  private let references: TemplateParser

  /// How deep `all`, `any` and `not` may nest.
  private static let maxDepth = 4
  /// Of the JSON text: the operand of a test, an array, and four combinations around it.
  private static let maxNesting = TemplateParser.maxDepth

  init(_ member: String, steps: [String: Int]) {
    self.member = member
    references = TemplateParser(member, steps: steps, hasItem: false)
  }

  func condition(_ value: JSONValue, in text: Span<UInt8>) throws(WorkflowFault) -> Condition {
    try TemplateParser.checkDepth(value, max: Self.maxNesting, MemberPath(member), in: text)
    return try parse(value, depth: 0, in: text)
  }

  private func parse(
    _ value: JSONValue, depth: Int, in text: Span<UInt8>
  ) throws(WorkflowFault) -> Condition {
    guard value.kind == .object else {
      throw fault("a condition must be an object such as {\"$from\": \"check#/ok\", \"equals\": true}")
    }
    var members: [(name: String, value: JSONValue)] = []
    var children = JSONChildren(of: value)
    while let child = children.next(in: text) {
      members.append((String.name(child.name ?? 0..<0, in: text), child.value))
      guard members.count <= 2 else { throw fault(Self.form) }
    }
    if members.count == 1, let only = members.first, ["all", "any", "not"].contains(only.name) {
      guard depth < Self.maxDepth else {
        throw fault("`all`, `any` and `not` nest deeper than \(Self.maxDepth) levels")
      }
      return try combination(only.name, of: only.value, depth: depth, in: text)
    }
    guard members.count == 2, let from = members.first(where: { $0.name == "$from" }),
      let other = members.first(where: { $0.name != "$from" }),
      let test = Condition.Test(rawValue: other.name)
    else { throw fault(Self.form) }
    let reference = try references.reference(from.value, in: text)
    if let requirement = Self.requirement(of: test), !requirement.kinds.contains(other.value.kind) {
      throw fault("`\(test.rawValue)` must be \(requirement.text)")
    }
    if other.value.kind == .object, TemplateParser.isExpression(other.value, in: text) {
      throw fault("`\(test.rawValue)` takes a plain value and no reference")
    }
    return .test(reference, test, operand: other.value.range)
  }

  private func combination(
    _ name: String, of value: JSONValue, depth: Int, in text: Span<UInt8>
  ) throws(WorkflowFault) -> Condition {
    if name == "not" { return .not(try parse(value, depth: depth + 1, in: text)) }
    guard value.kind == .array else { throw fault("`\(name)` must be an array of conditions") }
    var conditions: [Condition] = []
    var children = JSONChildren(of: value)
    while let child = children.next(in: text) {
      conditions.append(try parse(child.value, depth: depth + 1, in: text))
    }
    guard !conditions.isEmpty else { throw fault("`\(name)` must have at least one condition") }
    return name == "all" ? .all(conditions) : .any(conditions)
  }

  private static var form: String {
    let tests = Condition.Test.allCases.map(\.rawValue).joined(separator: ", ")
    return "a condition has `$from` and one of \(tests), or only one of all, any, not"
  }

  private static func requirement(of test: Condition.Test) -> (kinds: [JSONKind], text: String)? {
    switch test {
    case .isIn: ([.array], "an array")
    case .exists: ([.true, .false], "true or false")
    case .lessThan, .greaterThan: ([.number], "a number")
    case .equals, .notEquals, .contains: nil
    }
  }

  private func fault(_ reason: String) -> WorkflowFault { WorkflowFault(member: member, reason: reason) }
}
