import Simulation
import Testing
import Time
import Work

/// A token bucket that is kept in a row between any two uses.
@Suite struct BudgetTests {
  private static let rate = Budget.Rate(perMinute: 600, burst: 8)

  @Test func `a new budget is full`() {
    let now = Timestamp(milliseconds: 1000)
    var bucket = Budget(full: "b", Self.rate, at: now).bucket(Self.rate, at: now)
    #expect(bucket.available(at: now) == 8 && bucket.delay(at: now) == .zero)
  }

  /// After each step it equals the bucket that was never stored.
  @Test(arguments: 0..<50 as Range<UInt64>)
  func `a row is the bucket that it was made from`(_ seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var now = Timestamp(milliseconds: 1_000_000)
    var budget = Budget(full: "b", Self.rate, at: now)
    var kept = TokenBucket(perMinute: Self.rate.perMinute, burst: Self.rate.burst, now: now)
    for _ in 0..<200 {
      now = now.advanced(byMilliseconds: .random(in: 0...500, using: &random))
      var bucket = budget.bucket(Self.rate, at: now)
      #expect(bucket.available(at: now) == kept.available(at: now))
      #expect(bucket.delay(at: now) == kept.delay(at: now))
      if Int.random(in: 0..<20, using: &random) == 0 {
        let pause = Duration.milliseconds(Int.random(in: 0...3000, using: &random))
        bucket.pause(for: pause, at: now)
        kept.pause(for: pause, at: now)
      } else {
        let count = Int.random(in: 0...3, using: &random)
        bucket.take(count, at: now)
        kept.take(count, at: now)
      }
      budget.note(bucket)
    }
  }

  /// The row was written while some clock was ahead.
  @Test func `a refill or a pause in the far future delays nothing for long`() {
    let now = Timestamp(milliseconds: 1_000_000_000)
    let future = now.advanced(byMilliseconds: 400 * 86_400_000)
    var refilled = Budget("b", tokens: 0, refilledAt: future, pausedUntil: now).bucket(Self.rate, at: now)
    #expect(refilled.delay(at: now) == .milliseconds(100))
    var paused = Budget("b", tokens: 0, refilledAt: future, pausedUntil: future).bucket(Self.rate, at: now)
    #expect(paused.isPaused(at: now) && paused.delay(at: now) <= .seconds(3601))
  }

  @Test func `a burst above that of another version's settings is cut`() {
    let now = Timestamp(milliseconds: 1000)
    var bucket = Budget("b", tokens: 100, refilledAt: now, pausedUntil: now).bucket(Self.rate, at: now)
    #expect(bucket.available(at: now) == 8)
  }
}
