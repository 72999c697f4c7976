/// Rate limit of creations per minute, with bursts of a tenth.
struct TokenBucket: Equatable, Sendable {
  private let perMinute: Int
  private let burst: Double
  private var tokens: Double
  private var filledAt: Instant

  init(perMinute: Int, at now: Instant) {
    self.perMinute = perMinute
    burst = Double(max(1, perMinute / 10))
    tokens = burst
    filledAt = now
  }

  /// Takes a token. If there is none, the whole seconds until the next.
  mutating func take(at now: Instant) -> Int? {
    let elapsed = Double(now.nanoseconds - filledAt.nanoseconds) / 60e9
    if elapsed > 0 {
      tokens = min(burst, tokens + elapsed * Double(perMinute))
      filledAt = now
    }
    guard tokens < 1 else {
      tokens -= 1
      return nil
    }
    return max(1, Int(((1 - tokens) * 60 / Double(perMinute)).rounded(.up)))
  }
}
