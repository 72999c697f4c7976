/// A rate limit: a token bucket, which can be paused. A value: time is an argument.
package struct TokenBucket<Moment: InstantProtocol>: Sendable where Moment.Duration == Duration {
  private let interval: Duration
  private let burst: Int
  /// Below zero where tokens were taken from the future.
  package private(set) var tokens: Int
  package private(set) var refilledAt: Moment
  package private(set) var pausedUntil: Moment

  /// Creates a full bucket.
  ///
  /// - Parameters:
  ///   - perMinute: tokens in the long run.
  ///   - burst: the capacity: tokens at once after a time of disuse.
  package init(perMinute: Int, burst: Int, now: Moment) {
    self.init(perMinute: perMinute, burst: burst, tokens: burst, refilledAt: now, pausedUntil: now)
  }

  /// Creates a bucket from its parts, as they were kept.
  package init(perMinute: Int, burst: Int, tokens: Int, refilledAt: Moment, pausedUntil: Moment) {
    interval = .nanoseconds(max(1, 60_000_000_000 / perMinute))
    self.burst = burst
    self.tokens = min(tokens, burst)
    self.refilledAt = refilledAt
    self.pausedUntil = pausedUntil
  }

  /// Tokens that may be taken now.
  package mutating func available(at now: Moment) -> Int {
    guard pausedUntil <= now else { return 0 }
    refill(at: now)
    return max(0, tokens)
  }

  /// - Parameter count: more than are available are taken from the future.
  package mutating func take(_ count: Int = 1, at now: Moment) {
    refill(at: now)
    tokens -= count
  }

  package func isPaused(at now: Moment) -> Bool { pausedUntil > now }

  /// Withholds all tokens for `duration`, and drops those saved up: they would all be used at its end.
  package mutating func pause(for duration: Duration, at now: Moment) {
    pausedUntil = max(pausedUntil, now.advanced(by: duration))
    tokens = min(tokens, 0)
    refilledAt = pausedUntil
  }

  /// The time until a token is available; zero if one is.
  package mutating func delay(at now: Moment) -> Duration {
    if available(at: now) > 0 { return .zero }
    return now.duration(to: max(pausedUntil, refilledAt.advanced(by: interval * (1 - min(tokens, 0)))))
  }

  private mutating func refill(at now: Moment) {
    let elapsed = refilledAt.duration(to: now)
    if tokens < burst, elapsed >= interval {
      let count = Int(
        min(UInt64(burst - tokens), elapsed.wholeNanoseconds / interval.wholeNanoseconds))
      tokens += count
      refilledAt = refilledAt.advanced(by: interval * count)
    }
    // A full bucket saves up nothing more.
    if tokens >= burst { refilledAt = max(refilledAt, now) }
    assert(tokens <= burst, "the bucket has overflown")
  }
}
