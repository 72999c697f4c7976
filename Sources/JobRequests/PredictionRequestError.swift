package import JSONText

/// Why a body asks for no prediction: the cause, and what to do about it.
package enum PredictionRequestError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Not a JSON object at all.
  case malformedJSON(JSONError)
  /// A member is missing, unknown, or not what it must be.
  case invalid(field: String, reason: String)
  /// `input`, or a file inside it, is larger than what is passed on.
  case inputTooLarge(reason: String)

  /// The member that is to blame; nil where it is the body as a whole.
  package var field: String? {
    switch self {
    case .malformedJSON: nil
    case .invalid(let field, _): field
    case .inputTooLarge: "input"
    }
  }

  package var description: String {
    switch self {
    case .malformedJSON(let error): "The body is not a JSON object: \(error)."
    case .invalid(_, let reason), .inputTooLarge(let reason): reason
    }
  }
}
