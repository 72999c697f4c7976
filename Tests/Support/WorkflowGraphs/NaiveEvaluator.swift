/// Evaluates a workflow step after step, as if each job ended at once.
///
/// It shares no code with the rules, and knows neither time nor events.
package struct NaiveEvaluator {
  package enum Result: Equatable {
    case output(Value)
    case failed
    case skippedByCondition
    case skippedByFailure

    package var state: String {
      switch self {
      case .output: "succeeded"
      case .failed: "failed"
      case .skippedByCondition, .skippedByFailure: "skipped"
      }
    }
  }

  private struct Unresolved: Error {}

  /// The output of a job, nil for a failure, by step, item and fallback.
  private let job: (Graph.Place) -> Value?
  package private(set) var results: [String: Result] = [:]
  /// The inputs of the jobs that were run.
  package private(set) var inputs: [Graph.Place: String] = [:]
  package private(set) var refusedGate = false

  package init(job: @escaping (Graph.Place) -> Value?) { self.job = job }

  /// Evaluates the steps, each after those that it refers to.
  package mutating func evaluate(_ steps: [PlannedStep]) {
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
    var outputs: [Value?] = []
    for (index, item) in items.enumerated() { outputs.append(run(step, index, item: item)) }
    guard step.skipsFailures || !outputs.contains(nil) else { return .failed }
    return .output(.array(outputs.map { $0 ?? .null }))
  }

  private mutating func run(_ step: PlannedStep, _ index: Int, item: Value?) -> Value? {
    // Every input must resolve, before anything runs.
    var values: [Value] = []
    for formula in step.input {
      guard let value = try? value(formula, item, index) else { return nil }
      values.append(value)
    }
    let input = Value.object(["x": .array(values)]).text
    for fallback in 0...step.fallbacks {
      let place = Graph.Place(step: step.name, item: index, fallback: fallback)
      inputs[place] = input
      if let output = job(place) { return output }
    }
    return nil
  }

  package func value(_ formula: Formula, _ item: Value?, _ index: Int) throws -> Value {
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
