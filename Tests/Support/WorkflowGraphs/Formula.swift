/// A JSON value, for the naive evaluator.
package indirect enum Value: Equatable {
  case null
  case number(Int)
  case string(String)
  case array([Value])
  case object([String: Value])

  package var text: String {
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
package indirect enum Formula {
  case value(Value)
  /// A step and a path in its output.
  case from(String, [Int], fallback: Formula?)
  case item
  case index
  case first([Formula])
  case array([Formula])

  package var text: String {
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
  package var needs: Set<String> {
    switch self {
    case .value, .item, .index, .first: []
    case .from(let step, _, let fallback): fallback == nil ? [step] : []
    case .array(let formulas): formulas.reduce(into: []) { $0.formUnion($1.needs) }
    }
  }
}
