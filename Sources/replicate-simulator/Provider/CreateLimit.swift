internal import Time

/// Rate limit of creations per minute, with bursts of a tenth.
struct CreateLimit: Sendable {
  private var bucket: TokenBucket<Instant>

  init(perMinute: Int, at now: Instant) {
    bucket = TokenBucket(perMinute: perMinute, burst: max(1, perMinute / 10), now: now)
  }

  /// Takes a token. If there is none, the whole seconds until the next.
  mutating func take(at now: Instant) -> Int? {
    guard bucket.available(at: now) == 0 else {
      bucket.take(at: now)
      return nil
    }
    return max(1, Int((bucket.delay(at: now).wholeNanoseconds + 999_999_999) / 1_000_000_000))
  }
}
