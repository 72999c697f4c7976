/// The progress of a job as the provider reports it. The cases are in order of progress.
package enum Phase: String, Sendable, CaseIterable {
  case pending
  case running
  case succeeded
  case failed
  case canceled

  /// Compares with each literal, which takes a tenth of the synthesized initializer's lookup.
  ///
  /// Each row of a job has two phases.
  package init?(rawValue: String) {
    switch rawValue {
    case "pending": self = .pending
    case "running": self = .running
    case "succeeded": self = .succeeded
    case "failed": self = .failed
    case "canceled": self = .canceled
    default: return nil
    }
  }

  /// True for an end.
  ///
  /// An end is final, except that the provider's end may replace one that the daemon decided.
  package var isTerminal: Bool {
    switch self {
    case .pending, .running: false
    case .succeeded, .failed, .canceled: true
    }
  }
}

/// The state in the API: the phase, or `stale`.
///
/// A job is stale when it has not ended and nothing was received about it within its timeout.
package enum JobState: String, Sendable, CaseIterable {
  case pending
  case running
  case succeeded
  case failed
  case canceled
  case stale

  package var isTerminal: Bool {
    switch self {
    case .pending, .running, .stale: false
    case .succeeded, .failed, .canceled: true
    }
  }

  package init(_ phase: Phase) {
    self =
      switch phase {
      case .pending: .pending
      case .running: .running
      case .succeeded: .succeeded
      case .failed: .failed
      case .canceled: .canceled
      }
  }
}

/// Why a job ended without a usable result.
///
/// The code is stable and meant for programs; the message is the provider's own text.
package struct JobError: Hashable, Sendable {
  package let code: String
  package let message: String?

  package init(code: String, message: String?) {
    self.code = code
    self.message = message
  }

  /// The platform interrupted the prediction, so a retry may succeed.
  package static let interrupted = "interrupted"
}
