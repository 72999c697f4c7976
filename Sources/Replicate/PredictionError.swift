package import JSONText

/// Why a signed body is not a prediction.
package enum PredictionError: Error, Equatable, Sendable, CustomStringConvertible {
  case malformedJSON(JSONError)
  /// A member without which nothing can be recorded is absent or not what it must be.
  case missingField(name: String, requirement: String)

  package var description: String {
    switch self {
    case .malformedJSON(let error): "the body is not a JSON object: \(error)"
    case .missingField(let name, let requirement): "`\(name)` must be \(requirement)"
    }
  }
}
