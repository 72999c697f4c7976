package import JSONText

/// Why a value with references cannot be put together.
package enum ResolutionFault: Error, Equatable {
  case unresolved(String)
  case tooLarge(String)
  case expired(String)

  package var code: String {
    switch self {
    case .unresolved: WorkflowErrorCode.unresolvedReference
    case .tooLarge: WorkflowErrorCode.inputTooLarge
    case .expired: WorkflowErrorCode.outputExpired
    }
  }

  package var message: String {
    switch self {
    case .unresolved(let message), .tooLarge(let message), .expired(let message): message
    }
  }

  package init(_ exhausted: ReadBudget.Exhausted) {
    self = .tooLarge(
      "its references read and copy more than \(ReadBudget.maxBytes >> 20) MiB; refer to smaller outputs")
  }
}
