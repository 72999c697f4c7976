/// A JSON value, for the naive evaluator.
indirect enum Value: Equatable {
  case null
  case number(Int)
  case string(String)
  case array([Value])
  case object([String: Value])

  var text: String {
    switch self {
    case .null: "null"
    case .number(let number): String(number)
    case .string(let text): "\"\(text)\""
    case .array(let values): "[\(values.map(\.text).joined(separator: ","))]"
    case .object(let members):
      "{\(members.sorted { $0.key < $1.key }.map(Self.member).joined(separator: ","))}"
    }
  }

  private static func member(_ name: String, _ value: Value) -> String { "\"\(name)\":\(value.text)" }
}

/// A value with references, as the generator makes it.
indirect enum Formula {
  case value(Value)
  /// A step and a path in its output.
  case from(String, [Int], fallback: Formula?)
  case item
  case index
  case first([Formula])
  case array([Formula])

  var text: String {
    switch self {
    case .value(let value): value.text
    case .from(let step, let path, let fallback):
      "{\"$from\":\"\(step)\(path.isEmpty ? "" : "#")\(path.map { "/\($0)" }.joined())\""
        + (fallback.map { ",\"default\":\($0.text)" } ?? "") + "}"
    case .item: #"{"$from":"item"}"#
    case .index: #"{"$from":"index"}"#
    case .first(let formulas): "{\"$first\":[\(formulas.map(\.text).joined(separator: ","))]}"
    case .array(let formulas): "[\(formulas.map(\.text).joined(separator: ","))]"
    }
  }

  /// The steps that must have succeeded.
  var needs: Set<String> {
    switch self {
    case .value, .item, .index, .first: []
    case .from(let step, _, let fallback): fallback == nil ? [step] : []
    case .array(let formulas): formulas.reduce(into: []) { $0.formUnion($1.needs) }
    }
  }
}

/// A step as the generator makes it.
struct PlannedStep {
  var name = ""
  var input: [Formula] = []
  var after: [String] = []
  /// The place in a step's output that must be the number, and whether the step is a gate.
  var condition: (step: String, equals: Int, isGate: Bool)?
  var list: Formula?
  var skipsFailures = false
  var parallel = 1
  var fallbacks = 0
  var isOptional = false

  var text: String {
    var members = [
      #""name":"\#(name)","model":"acme/m0","input":{"x":[\#(input.map(\.text).joined(separator: ","))]}"#
    ]
    if !after.isEmpty { members.append(#""after":[\#(after.map { "\"\($0)\"" }.joined(separator: ","))]"#) }
    if let condition {
      let member = condition.isGate ? "require" : "when"
      members.append(#""\#(member)":{"$from":"\#(condition.step)","equals":\#(condition.equals)}"#)
    }
    if let list {
      members.append(#""for_each":\#(list.text),"max_items":6,"parallel":\#(parallel)"#)
      if skipsFailures { members.append(#""on_item_failure":"skip""#) }
    }
    if fallbacks > 0 {
      let models = (1...fallbacks).map { #"{"model":"acme/m\#($0)"}"# }
      members.append(#""fallback":[\#(models.joined(separator: ","))]"#)
    }
    if isOptional { members.append(#""optional":true"#) }
    return "{\(members.joined(separator: ","))}"
  }
}

/// Evaluates a workflow step after step, as if each job ended at once.
///
/// It shares no code with the rules, and knows neither time nor events.
struct NaiveEvaluator {
  enum Result: Equatable {
    case output(Value)
    case failed
    case skippedByCondition
    case skippedByFailure

    var state: String {
      switch self {
      case .output: "succeeded"
      case .failed: "failed"
      case .skippedByCondition, .skippedByFailure: "skipped"
      }
    }
  }

  private struct Unresolved: Error {}

  /// The output of a job, nil for a failure, by step, item and fallback.
  let job: (_ step: String, _ item: Int, _ fallback: Int) -> Value?
  private(set) var results: [String: Result] = [:]
  private(set) var refusedGate = false

  init(job: @escaping (String, Int, Int) -> Value?) { self.job = job }

  /// Evaluates the steps, each after those that it refers to.
  mutating func evaluate(_ steps: [PlannedStep]) {
    var left = steps
    while let next = left.firstIndex(where: { step in
      !left.contains { other in Self.mentions(step).contains(other.name) }
    }) {
      let step = left.remove(at: next)
      results[step.name] = evaluate(step)
    }
  }

  private static func mentions(_ step: PlannedStep) -> Set<String> {
    func names(_ formula: Formula) -> Set<String> {
      switch formula {
      case .value, .item, .index: []
      case .from(let step, _, let fallback): Set([step]).union(fallback.map(names) ?? [])
      case .first(let formulas), .array(let formulas): formulas.reduce(into: []) { $0.formUnion(names($1)) }
      }
    }
    return (step.input + [step.list].compactMap(\.self)).reduce(into: Set(step.after)) {
      $0.formUnion(names($1))
    }.union(step.condition.map { [$0.step] } ?? [])
  }

  private mutating func evaluate(_ step: PlannedStep) -> Result {
    var needs = Set(step.after).union(step.condition.map { [$0.step] } ?? [])
    for formula in step.input + [step.list].compactMap(\.self) { needs.formUnion(formula.needs) }
    let sources = needs.map { results[$0] }
    if sources.contains(.failed) || sources.contains(.skippedByFailure) { return .skippedByFailure }
    if sources.contains(.skippedByCondition) { return .skippedByCondition }
    if let condition = step.condition, results[condition.step] != .output(.number(condition.equals)) {
      if condition.isGate { refusedGate = true }
      return condition.isGate ? .failed : .skippedByCondition
    }
    guard let list = step.list else { return run(step, 0, item: nil).map(Result.output) ?? .failed }
    guard case .array(let items)? = try? value(list, nil, 0), items.count <= 6 else { return .failed }
    let outputs = items.enumerated().map { run(step, $0.offset, item: $0.element) }
    guard step.skipsFailures || !outputs.contains(nil) else { return .failed }
    return .output(.array(outputs.map { $0 ?? .null }))
  }

  private func run(_ step: PlannedStep, _ index: Int, item: Value?) -> Value? {
    // Every input must resolve, before anything runs.
    for formula in step.input {
      guard (try? value(formula, item, index)) != nil else { return nil }
    }
    for fallback in 0...step.fallbacks {
      if let output = job(step.name, index, fallback) { return output }
    }
    return nil
  }

  func value(_ formula: Formula, _ item: Value?, _ index: Int) throws -> Value {
    switch formula {
    case .value(let value): return value
    case .item:
      guard let item else { throw Unresolved() }
      return item
    case .index: return .number(index)
    case .array(let formulas): return .array(try formulas.map { try value($0, item, index) })
    case .first(let formulas):
      for formula in formulas {
        if let value = try? value(formula, item, index) { return value }
      }
      throw Unresolved()
    case .from(let step, let path, let fallback):
      if case .output(let output) = results[step], let found = Self.place(path, in: output) { return found }
      guard let fallback else { throw Unresolved() }
      return try value(fallback, item, index)
    }
  }

  private static func place(_ path: [Int], in value: Value) -> Value? {
    guard let first = path.first else { return value }
    guard case .array(let values) = value, values.indices.contains(first) else { return nil }
    return place(Array(path.dropFirst()), in: values[first])
  }
}
