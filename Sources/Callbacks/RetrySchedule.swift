internal import Time

/// When a callback that was not accepted is tried again.
enum RetrySchedule {
  /// After the first tries, in milliseconds.
  private static let first: [Int64] = [5000, 30_000, 120_000, 600_000, 3_600_000]
  /// After every later one: 3 hours.
  private static let later: Int64 = 3 * 3_600_000
  /// How long an event is tried: 3 days.
  static let span: Int64 = 3 * 24 * 3_600_000
  /// A receiver may postpone its own callbacks by a day at most.
  private static let maxRetryAfter: Int64 = 24 * 3_600_000

  /// The time of the next try. Nil where the event has failed for good.
  ///
  /// - Parameters:
  ///   - tries: those made, from 1.
  ///   - since: when the event became pending.
  ///   - retryAfter: the value of `Retry-After` in seconds.
  ///   - jitter: a random number from 0 to 1. A fifth more at most, so that events do not return together.
  static func next(
    afterTry tries: Int64, at now: Timestamp, since: Timestamp, retryAfter: Int64? = nil, jitter: Double
  ) -> Timestamp? {
    let end = since.advanced(byMilliseconds: span)
    guard now < end else { return nil }
    let pause = tries >= 1 && tries <= first.count ? first[Int(tries) - 1] : later
    var wait = pause + Int64(Double(pause) / 5 * jitter)
    if let retryAfter { wait = max(wait, min(max(0, retryAfter), maxRetryAfter / 1000) * 1000) }
    // The last try is at the end.
    return min(now.advanced(byMilliseconds: wait), end)
  }
}
