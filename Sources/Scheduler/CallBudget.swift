internal import Time

/// How many calls may be made now: a token bucket, and the pauses that the provider asks for. A value; time is an argument.
///
/// Calls that the provider refuses count in its windows too, so that a burst is better kept here than tried there.
struct CallBudget {
  private let interval: Duration
  private let burst: Int
  private var tokens: Int
  private var refilledAt: MonotonicTime
  private var pausedUntil: MonotonicTime

  /// - Parameters:
  ///   - perMinute: calls in the long run.
  ///   - burst: calls at once after a time without any.
  init(perMinute: Int, burst: Int, now: MonotonicTime) {
    interval = .seconds(60) / perMinute
    self.burst = burst
    tokens = burst
    refilledAt = now
    pausedUntil = now
  }

  /// Calls that may be made at once.
  mutating func available(at now: MonotonicTime) -> Int {
    guard pausedUntil <= now else { return 0 }
    refill(at: now)
    return max(0, tokens)
  }

  /// - Parameter count: more than are available are taken from the future.
  mutating func take(_ count: Int = 1, at now: MonotonicTime) {
    refill(at: now)
    tokens -= count
  }

  func isPaused(at now: MonotonicTime) -> Bool { pausedUntil > now }

  /// The provider wants no more calls for that long. What was saved up is gone: it would all be sent at the first moment.
  mutating func pause(for duration: Duration, at now: MonotonicTime) {
    pausedUntil = max(pausedUntil, now + duration)
    tokens = min(tokens, 0)
    refilledAt = pausedUntil
  }

  /// How long until a call may be made; zero where one may be made now.
  mutating func patience(at now: MonotonicTime) -> Duration {
    if available(at: now) > 0 { return .zero }
    return max(pausedUntil, refilledAt + interval * (1 - min(tokens, 0))) - now
  }

  private mutating func refill(at now: MonotonicTime) {
    while tokens < burst, refilledAt + interval <= now {
      tokens += 1
      refilledAt = refilledAt + interval
    }
    // A full bucket saves up nothing more.
    if tokens >= burst { refilledAt = max(refilledAt, now) }
  }
}
