/// When a webhook is tried again. Replicate does that for the last one of a prediction only, several times with
/// exponential back-off, the last time about a minute after the prediction was completed.
struct RetrySchedule: Equatable, Sendable {
  /// From the first attempt to the last.
  let window: Duration

  /// The waits double: the attempts come after 1, 3, 7, 15, 31 and 63 parts of 63 of the window.
  private static let maxRetries = 6
  private static let parts = 1 << maxRetries - 1

  init(window: Duration) {
    self.window = window
  }

  /// How long after the first attempt the `retry`-th retry is due; nil where there are fewer.
  func offset(ofRetry retry: Int) -> Duration? {
    guard (1...Self.maxRetries).contains(retry), window > .zero else { return nil }
    return window.part(1 << retry - 1, of: Self.parts)
  }

  /// The first retry after `retry` that is not over yet, where an attempt that was first due at `start` has failed at
  /// `now`; nil where no more are made.
  func next(after retry: Int, since start: Instant, now: Instant) -> (retry: Int, due: Instant)? {
    for next in retry + 1..<max(retry + 2, Self.maxRetries + 1) {
      if let offset = offset(ofRetry: next), start + offset >= now { return (next, start + offset) }
    }
    return nil
  }
}

/// What became of one attempt to deliver.
enum AttemptOutcome: Equatable, Sendable {
  case answered(Int)
  case unreachable

  enum Disposition: Equatable, Sendable {
    case acknowledged
    case retry
    /// Neither a success nor a failure by Replicate's rules: a redirect is not followed, and is no reason to try again.
    case abandoned
  }

  var disposition: Disposition {
    switch self {
    case .answered(200..<300): .acknowledged
    case .answered(400..<600), .unreachable: .retry
    case .answered: .abandoned
    }
  }
}
