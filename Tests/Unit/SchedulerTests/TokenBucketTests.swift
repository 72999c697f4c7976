import EventLoop
import Jobs
@testable import Scheduler
import Simulation
import Testing
@testable import Time

private func time(_ milliseconds: Int) -> MonotonicTime {
  MonotonicTime(nanoseconds: UInt64(milliseconds) * 1_000_000)
}

@Suite struct TokenBucketTests {
  /// Maximum use gets the burst and then the rate.
  ///
  /// A long pause saves up only the burst.
  @Test(arguments: [(60, 1), (60, 8), (600, 8), (1500, 8), (7, 3), (1, 1), (60_000, 100)])
  func `calls come at the rate after a burst`(_ perMinute: Int, _ burst: Int) {
    var bucket = TokenBucket(perMinute: perMinute, burst: burst, now: time(0))
    for start in [0, 3_600_000, 7_200_000] {
      var calls = 0
      for now in stride(from: start, through: start + 120_000, by: 10) {
        let available = bucket.available(at: time(now))
        #expect((0...burst).contains(available))
        for _ in 0..<available { bucket.take(at: time(now)) }
        calls += available
      }
      #expect(abs(calls - (burst + 2 * perMinute)) <= 1)
    }
  }

  /// No window has more calls than burst and rate allow.
  ///
  /// The returned delay ends with an available call.
  @Test(arguments: 0..<50)
  func `no window has more calls than rate and burst allow`(_ seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let perMinute = Int.random(in: 1...1000, using: &random)
    let burst = Int.random(in: 1...10, using: &random)
    var bucket = TokenBucket(perMinute: perMinute, burst: burst, now: time(0))
    var (now, calls, pausedUntil): (MonotonicTime, [MonotonicTime], MonotonicTime) = (time(0), [], time(0))
    for _ in 0..<300 {
      if random.happens(onceIn: 40) {
        let pause = Duration.milliseconds(Int.random(in: 0...20_000, using: &random))
        bucket.pause(for: pause, at: now)
        pausedUntil = max(pausedUntil, now + pause)
        #expect(bucket.available(at: now) == 0)
      }
      if bucket.available(at: now) > 0 {
        #expect(bucket.delay(at: now) == .zero && now >= pausedUntil)
        bucket.take(at: now)
        calls.append(now)
      } else {
        let delay = bucket.delay(at: now)
        #expect(delay > .zero)
        var early = bucket
        #expect(early.available(at: now + (delay - .nanoseconds(1))) == 0)
        now = now + delay
        #expect(bucket.available(at: now) > 0)
      }
      if random.happens(onceIn: 3) {
        now = now + .milliseconds(Int.random(in: 0...3000, using: &random))
      }
    }
    let interval = 60_000_000_000 / UInt64(perMinute)
    for (index, first) in calls.enumerated() {
      for (further, last) in calls.enumerated().dropFirst(index) {
        let span = last.nanoseconds - first.nanoseconds
        #expect(UInt64(further - index + 1) <= UInt64(burst) + span / interval)
      }
    }
  }

  /// A search may make more calls than were available. They delay the next ones.
  @Test func `calls beyond the rate delay the next ones`() {
    var bucket = TokenBucket(perMinute: 60, burst: 5, now: time(0))
    bucket.take(15, at: time(0))
    #expect(bucket.available(at: time(0)) == 0)
    #expect(bucket.delay(at: time(0)) == .seconds(11))
    #expect(bucket.available(at: time(10_999)) == 0 && bucket.available(at: time(11_000)) == 1)
  }

  @Test func `a pause drops the burst and a shorter one does not end it`() {
    var bucket = TokenBucket(perMinute: 60, burst: 5, now: time(0))
    bucket.pause(for: .seconds(10), at: time(0))
    bucket.pause(for: .seconds(1), at: time(100))
    #expect(bucket.available(at: time(9999)) == 0)
    #expect(bucket.delay(at: time(0)) == .seconds(11))
    #expect(bucket.available(at: time(10_999)) == 0)
    #expect(bucket.available(at: time(11_000)) == 1)
    #expect(bucket.available(at: time(13_000)) == 3)
  }
}

/// The dispatcher's other values.
@Suite struct DispatcherValueTests {
  /// Anybody can send wrong signatures.
  @Test func `wrong signatures cause one fetch of the secret a pause`() {
    var secret = SecretRefresh()
    #expect(!secret.isDue)
    secret.noteFailedVerification(at: time(0), pause: .seconds(300))
    #expect(secret.isDue)
    secret.noteAssigned()
    secret.noteFailedVerification(at: time(299_999), pause: .seconds(300))
    #expect(!secret.isDue)
    secret.noteFailedFetch(at: time(1000), pause: .seconds(5))
    secret.noteFailedVerification(at: time(6000), pause: .seconds(300))
    #expect(secret.isDue)
  }

  /// Nothing is pruned in the first hour.
  ///
  /// A clock that is wrong at a start is often corrected soon after.
  @Test func `pruning runs once an hour in steps`() {
    var schedule = PruneSchedule(now: time(1000))
    let begin = 3_601_000
    #expect(schedule.cursor(at: time(1000)) == nil && schedule.cursor(at: time(begin - 1)) == nil)
    #expect(schedule.cursor(at: time(begin)) == 0 && schedule.delay(at: time(begin)) == .zero)
    schedule.note(77, at: time(begin))
    #expect(schedule.cursor(at: time(begin + 49)) == nil)
    #expect(schedule.delay(at: time(begin + 20)) == .milliseconds(30))
    #expect(schedule.cursor(at: time(begin + 50)) == 77)
    schedule.note(nil, at: time(begin + 50))
    #expect(schedule.cursor(at: time(begin + 50)) == nil)
    #expect(schedule.delay(at: time(begin + 50)) == .seconds(3600))
    #expect(schedule.cursor(at: time(begin + 3_600_050)) == 0)
  }

  @Test func `nothing is deleted for an hour after a clock jump`() {
    var schedule = PruneSchedule(now: time(0))
    schedule.note(77, at: time(3_600_000))
    schedule.postpone(at: time(3_600_040))
    #expect(schedule.cursor(at: time(7_200_039)) == nil)
    #expect(schedule.cursor(at: time(7_200_040)) == 77)
  }

  /// Only the probing call decides.
  ///
  /// Calls in flight when the token was rejected do not count.
  @Test func `a rejected token is probed by one call until it is accepted`() {
    var check = TokenCheck()
    for caller in 0..<3 { check.noteCall(by: caller) }
    #expect(check.maxCalls == .max)
    check.note(caller: 0, isRejected: true)
    check.note(caller: 1, isRejected: false)
    #expect(check.isRejected && check.maxCalls == 1)
    check.noteCall(by: 0)
    #expect(check.maxCalls == 0)
    check.note(caller: 2, isRejected: true)
    #expect(check.maxCalls == 0)
    check.note(caller: 0, isRejected: true)
    #expect(check.maxCalls == 1)
    check.noteCall(by: 2)
    check.note(caller: 2, isRejected: false)
    #expect(!check.isRejected && check.maxCalls == .max)
  }

  /// After `elapsed` milliseconds the wall clock has moved by `moved`.
  @Test(arguments: [
    (5000, 5000, false), (5000, 6000, false), (5000, 6001, true), (5000, 4000, false), (5000, 3999, true),
    (5000, 3_600_000, true), (5000, -3_600_000, true), (0, 0, false), (86_400_000, 86_400_000, false),
  ])
  func `only a jump is detected`(_ elapsed: Int, _ moved: Int64, _ isJump: Bool) {
    var detector = ClockJumpDetector(wall: .init(milliseconds: 10_000_000), monotonic: time(50))
    let hasJumped = detector.observe(
      wall: .init(milliseconds: 10_000_000 + moved), monotonic: time(50 + elapsed))
    #expect(hasJumped == isJump)
    #expect(detector.setAt == (isJump ? .init(milliseconds: 10_000_000 + moved) : nil))
  }

  @Test func `a slewed clock never jumps and the last jump counts`() {
    var detector = ClockJumpDetector(wall: .init(milliseconds: 0), monotonic: time(0))
    for step in 1...1000 {
      detector.observe(wall: .init(milliseconds: Int64(step) * 5500), monotonic: time(step * 5000))
    }
    #expect(detector.setAt == nil)
    detector.observe(wall: .init(milliseconds: 9_000_000), monotonic: time(5_000_001))
    #expect(detector.setAt == .init(milliseconds: 9_000_000))
    detector.observe(wall: .init(milliseconds: 9_005_000), monotonic: time(5_005_001))
    #expect(detector.setAt == .init(milliseconds: 9_000_000))
    detector.observe(wall: .init(milliseconds: 1000), monotonic: time(5_005_002))
    #expect(detector.setAt == .init(milliseconds: 1000))
  }
}
