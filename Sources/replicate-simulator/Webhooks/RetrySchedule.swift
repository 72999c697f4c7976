/// The retry schedule of a webhook, with exponential backoff.
///
/// Replicate retries only a prediction's last webhook: several times with exponential backoff, the last time
/// about a minute after the prediction's end.
struct RetrySchedule: Equatable, Sendable {
  /// Time from the first attempt to the last.
  let window: Duration

  /// The number of retries; their waits double.
  ///
  /// Retries are due after 1, 3, 7, 15, 31 and 63 parts of 63 of the window.
  private static let maxRetries = 6
  private static let parts = 1 << maxRetries - 1

  init(window: Duration) {
    self.window = window
  }

  /// The time from the first attempt to retry number `retry`. Nil if there are fewer.
  func offset(ofRetry retry: Int) -> Duration? {
    guard (1...Self.maxRetries).contains(retry), window > .zero else { return nil }
    return window.part(1 << retry - 1, of: Self.parts)
  }

  /// The next retry after `retry` that is not overdue. Nil if none is left.
  ///
  /// - Parameters:
  ///   - start: when the first attempt was due.
  ///   - now: when the latest attempt failed.
  func next(after retry: Int, since start: Instant, now: Instant) -> (retry: Int, due: Instant)? {
    for next in retry + 1..<max(retry + 2, Self.maxRetries + 1) {
      if let offset = offset(ofRetry: next), start + offset >= now { return (next, start + offset) }
    }
    return nil
  }
}

/// The outcome of one delivery attempt.
enum AttemptOutcome: Equatable, Sendable {
  case answered(Int)
  case unreachable

  enum Disposition: Equatable, Sendable {
    case acknowledged
    case retry
    /// Neither success nor failure by Replicate's rules.
    ///
    /// A redirect is not followed and not retried.
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
