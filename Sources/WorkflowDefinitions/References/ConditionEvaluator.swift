internal import JSONText

/// Decides whether a condition holds.
package struct ConditionEvaluator {
  private let definition: [UInt8]
  private var resolver: Resolver
  /// `when` or `require`, for the explanation.
  private let member: String

  package init(_ scope: Scope, member: String) {
    definition = scope.definition
    resolver = Resolver(scope, maxBytes: 0)
    self.member = member
  }

  /// Why the condition does not hold; nil where it does.
  package mutating func violation(of condition: Condition) throws(ResolutionFault) -> String? {
    switch condition {
    case .test(let reference, let test, let operand):
      return try violation(of: test, of: reference, operand)
    case .all(let conditions):
      for condition in conditions {
        if let violation = try violation(of: condition) { return violation }
      }
      return nil
    case .any(let conditions):
      var first: String?
      for condition in conditions {
        guard let violation = try violation(of: condition) else { return nil }
        first = first ?? violation
      }
      return first.map { conditions.count == 1 ? $0 : "\($0), and no other condition of any holds" }
    case .not(let condition):
      return try violation(of: condition) == nil ? "\(member) excludes a condition that holds" : nil
    }
  }

  private mutating func violation(
    of test: Condition.Test, of reference: Reference, _ operand: Range<Int>
  ) throws(ResolutionFault) -> String? {
    guard let constant = try? JSONScanner.validate(definition[operand].span) else { return nil }
    let wanted = JSONComparison.Operand(value: constant, text: Array(definition[operand]))
    let name = reference.text.cutToLine(of: 80)
    guard let (source, place) = try resolver.place(reference), case .value(let value) = place else {
      if test == .exists, constant.kind == .false { return nil }
      return "\(name) does not exist, and \(requirement(test, wanted))"
    }
    let operand = JSONComparison.Operand(value: value, text: source.bytes)
    let holds = try resolver.charging { budget throws(ReadBudget.Exhausted) in
      try Self.holds(test, operand, wanted, &budget)
    }
    guard !holds else { return nil }
    let actual = test == .exists ? "exists" : "is \(Self.shown(operand))"
    return "\(name) \(actual), and \(requirement(test, wanted))"
  }

  private static func holds(
    _ test: Condition.Test, _ value: JSONComparison.Operand, _ constant: JSONComparison.Operand,
    _ budget: inout ReadBudget
  ) throws(ReadBudget.Exhausted) -> Bool {
    switch test {
    case .equals: return try JSONComparison.equal(value, constant, &budget)
    case .notEquals: return try !JSONComparison.equal(value, constant, &budget)
    case .exists: return constant.value.kind == .true
    case .contains: return try JSONComparison.contains(value, constant, &budget)
    case .isIn:
      var elements = JSONChildren(of: constant.value)
      while let element = elements.next(in: constant.text.span) {
        let operand = JSONComparison.Operand(value: element.value, text: constant.text)
        if try JSONComparison.equal(value, operand, &budget) { return true }
      }
      return false
    case .lessThan, .greaterThan:
      try budget.charge(value.value.range.count)
      guard let left = JSONDecimal(value.value, in: value.text.span),
        let right = JSONDecimal(constant.value, in: constant.text.span)
      else { return false }
      return test == .lessThan ? left < right : right < left
    }
  }

  private func requirement(_ test: Condition.Test, _ constant: JSONComparison.Operand) -> String {
    let shown = Self.shown(constant)
    let wanted =
      switch test {
      case .equals: shown
      case .notEquals: "another value than \(shown)"
      case .isIn: "one of \(shown)"
      case .exists: constant.value.kind == .true ? "it" : "its absence"
      case .lessThan: "less than \(shown)"
      case .greaterThan: "more than \(shown)"
      case .contains: "a value that contains \(shown)"
      }
    return "\(member) asks for \(wanted)"
  }

  /// The start of a value's text.
  private static func shown(_ operand: JSONComparison.Operand) -> String {
    let text = String(decoding: operand.text[operand.value.range.prefix(160)], as: UTF8.self)
    let line = text.cutToLine(of: 80)
    return line.utf8.count < operand.value.range.count && operand.value.range.count > 80 ? line + "…" : line
  }
}
