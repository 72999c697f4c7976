internal import Jobs

/// Numbers of jobs, or differences between such numbers, by state.
struct StateCounts: Equatable, Sendable {
  private var pending: Int64 = 0
  private var running: Int64 = 0
  private var succeeded: Int64 = 0
  private var failed: Int64 = 0
  private var canceled: Int64 = 0
  private var stale: Int64 = 0

  subscript(state: JobState) -> Int64 {
    get {
      switch state {
      case .pending: pending
      case .running: running
      case .succeeded: succeeded
      case .failed: failed
      case .canceled: canceled
      case .stale: stale
      }
    }
    set {
      switch state {
      case .pending: pending = newValue
      case .running: running = newValue
      case .succeeded: succeeded = newValue
      case .failed: failed = newValue
      case .canceled: canceled = newValue
      case .stale: stale = newValue
      }
    }
  }

  var total: Int64 { JobState.allCases.reduce(0) { $0 + self[$1] } }
}
