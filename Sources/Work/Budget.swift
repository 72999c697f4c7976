package import Time

/// A rate limit that all processes of a store share: a token bucket as a row.
package struct Budget: Equatable, Sendable {
  package let name: String
  /// Below zero where tokens were taken from the future.
  package var tokens: Int64
  /// Up to when tokens were added.
  package var refilledAt: Timestamp
  /// Until when no token may be taken.
  package var pausedUntil: Timestamp
  /// Why it was last paused. Nil where it never was.
  package var pauseReason: String?

  package init(
    _ name: String, tokens: Int64, refilledAt: Timestamp, pausedUntil: Timestamp, pauseReason: String? = nil
  ) {
    self.name = name
    self.tokens = tokens
    self.refilledAt = refilledAt
    self.pausedUntil = pausedUntil
    self.pauseReason = pauseReason
  }
}

extension Budget {
  /// The rate of a budget, which each process knows from its settings.
  package struct Rate: Equatable, Sendable {
    package let perMinute: Int
    /// The tokens at once after a time of disuse.
    package let burst: Int

    package init(perMinute: Int, burst: Int) {
      self.perMinute = perMinute
      self.burst = burst
    }
  }

  /// The maximum pause. A later end was recorded while a clock was ahead.
  private static let maxPause: Int64 = 3_600_000

  /// A full budget.
  package init(full name: String, _ rate: Rate, at now: Timestamp) {
    self.init(name, tokens: Int64(rate.burst), refilledAt: now, pausedUntil: now)
  }

  /// The bucket that the row stands for.
  package func bucket(_ rate: Rate, at now: Timestamp) -> TokenBucket<Timestamp> {
    let pausedUntil = min(pausedUntil, now.advanced(byMilliseconds: Self.maxPause))
    return TokenBucket(
      perMinute: rate.perMinute, burst: rate.burst, tokens: Int(clamping: tokens),
      // A refill later than that was recorded while a clock was ahead.
      refilledAt: min(refilledAt, max(now, pausedUntil)), pausedUntil: pausedUntil)
  }

  /// Keeps what has become of the bucket.
  package mutating func note(_ bucket: TokenBucket<Timestamp>) {
    (tokens, refilledAt, pausedUntil) = (Int64(bucket.tokens), bucket.refilledAt, bucket.pausedUntil)
  }
}
