/// How far a job has come, by the provider's own word. The order of the cases is the order of progress.
package enum Phase: String, Sendable, CaseIterable {
  case pending
  case running
  case succeeded
  case failed
  case canceled

  /// A job that has ended stays so; another end may replace one that was only our own word.
  package var isTerminal: Bool {
    switch self {
    case .pending, .running: false
    case .succeeded, .failed, .canceled: true
    }
  }
}

/// What the app sees: the phase, or `stale` where a job that has not ended had no news for too long.
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

/// Why a job ended without a usable result: a stable code for programs, the provider's own text for people.
package struct JobError: Hashable, Sendable {
  package let code: String
  package let message: String?

  package init(code: String, message: String?) {
    self.code = code
    self.message = message
  }

  /// The platform gave up, not the model: the same again may succeed.
  package static let interrupted = "interrupted"
}
