internal import Jobs
internal import Replicate
internal import Time

/// The limits of calls to the provider: in flight, per minute, and after its refusals.
///
/// One number in `0..<maxCalls` stands for each call in flight.
final class RateLimit {
  private let maxCalls: Int
  private var idle: [Int]
  private var creates: TokenBucket<MonotonicTime>
  private var calls: TokenBucket<MonotonicTime>
  private var tokenCheck = TokenCheck()
  /// The generation of the rate in ``creates``.
  private var generation: Int
  /// The number of the search in flight. One search at a time finds all lost predictions.
  private var search: Int?
  /// Why creates are paused, if they are.
  private var pauseReason = OrderReason.throttled
  private var random: any RandomNumberGenerator
  /// From when on the processes that share the store may create. Nil where nothing limits them together.
  private var sharedFrom: MonotonicTime?
  private var sharedReason = OrderReason.throttled

  /// - Parameter maxCalls: the maximum of calls in flight; 0 without a token.
  init(
    maxCalls: Int, policy: SchedulerPolicy, now: MonotonicTime, random: any RandomNumberGenerator
  ) {
    self.maxCalls = maxCalls
    generation = policy.creationRate.generation
    self.random = random
    idle = Array(0..<maxCalls)
    creates = TokenBucket(
      perMinute: policy.createsPerMinute, burst: min(maxCalls, policy.createsPerMinute), now: now)
    calls = TokenBucket(perMinute: policy.callsPerMinute, burst: maxCalls, now: now)
  }

  /// Adopts a rate or a token that has changed. A rejection of the last token does not count any more.
  func adopt(_ policy: SchedulerPolicy, at now: MonotonicTime) {
    guard policy.creationRate.generation != generation else { return }
    generation = policy.creationRate.generation
    let wasRejected = tokenCheck.isRejected
    if wasRejected { tokenCheck = TokenCheck() }
    // Nothing is saved up, so that many changes are no way around the limit.
    let paused = { (bucket: TokenBucket<MonotonicTime>) in wasRejected ? now : max(now, bucket.pausedUntil) }
    creates = TokenBucket(
      perMinute: policy.createsPerMinute, burst: min(maxCalls, policy.createsPerMinute),
      tokens: min(0, creates.tokens), refilledAt: now, pausedUntil: paused(creates))
    calls = TokenBucket(
      perMinute: policy.callsPerMinute, burst: maxCalls, tokens: min(1, calls.tokens), refilledAt: now,
      pausedUntil: paused(calls))
  }

  /// Whether there is a token with which to make calls.
  var allowsCalls: Bool { maxCalls > 0 }
  var isSearching: Bool { search != nil }

  /// The number of calls that may start now, rates aside.
  var available: Int { min(idle.count, tokenCheck.maxCalls) }

  func availableCreates(at now: MonotonicTime) -> Int {
    sharedDelay(at: now) > .zero ? 0 : creates.available(at: now)
  }
  func availableCalls(at now: MonotonicTime) -> Int { calls.available(at: now) }
  func createDelay(at now: MonotonicTime) -> Duration { max(creates.delay(at: now), sharedDelay(at: now)) }
  func callDelay(at now: MonotonicTime) -> Duration { calls.delay(at: now) }

  /// Why no prediction is created before ``createDelay(at:)``.
  func delayReason(at now: MonotonicTime) -> OrderReason {
    if tokenCheck.isRejected { return .unauthorized }
    if creates.isPaused(at: now) { return pauseReason }
    return sharedDelay(at: now) > .zero ? sharedReason : .throttled
  }

  private func sharedDelay(at now: MonotonicTime) -> Duration {
    sharedFrom.map { max(.zero, $0 - now) } ?? .zero
  }

  /// Notes what the processes that share the store may do together.
  func note(_ shared: SharedLimits, at now: ClockReading) {
    let delay = { (moment: Timestamp) in max(Duration.zero, now.wall.duration(to: moment)) }
    sharedFrom = shared.nextCreate.map { now.monotonic + delay($0) }
    sharedReason = shared.reason
    notePause(ofCallsUntil: shared.callsPausedUntil, at: now)
  }

  /// Notes that another process has paused all calls.
  func notePause(ofCallsUntil moment: Timestamp?, at now: ClockReading) {
    if let moment { calls.pause(for: max(.zero, now.wall.duration(to: moment)), at: now.monotonic) }
  }

  /// Whether a call that creates nothing may start now.
  func allowsCall(at now: MonotonicTime) -> Bool { available > 0 && calls.available(at: now) > 0 }

  /// Notes the start of a call, for which the limits were checked before.
  ///
  /// - Returns: the call's number, for ``noteEnd(of:_:at:)``.
  func noteStart(of call: ProviderCall, at now: MonotonicTime) -> Int? {
    if case .create = call { creates.take(at: now) } else { calls.take(at: now) }
    guard let number = idle.popLast() else { return nil }
    if case .search = call { search = number }
    tokenCheck.noteCall(by: number)
    return number
  }

  func noteEnd(of number: Int, _ pause: ProviderPause?, at now: MonotonicTime) {
    idle.append(number)
    if search == number { search = nil }
    tokenCheck.note(caller: number, isRejected: pause?.reason == .unauthorized)
    if let pause { self.pause(pause, at: now) }
  }

  /// Notes a further call of a search in flight. It is taken from the future where none is available.
  func noteCall(at now: MonotonicTime) { calls.take(at: now) }

  func pause(_ pause: ProviderPause, at now: MonotonicTime) {
    // The jitter keeps clients of one account from retrying at the same moment.
    let duration = Duration.seconds(pause.seconds) + .milliseconds(Int.random(in: 50...500, using: &random))
    creates.pause(for: duration, at: now)
    pauseReason = pause.reason
    if !pause.affectsOnlyCreates { calls.pause(for: duration, at: now) }
  }
}

/// Allows one call at a time after the provider rejected the token. A value.
struct TokenCheck {
  private(set) var isRejected = false
  /// The caller whose call probes the token.
  private var probe: Int?

  /// The number of calls that may be made now.
  var maxCalls: Int { isRejected ? (probe == nil ? 1 : 0) : .max }

  mutating func noteCall(by caller: Int) {
    if isRejected { probe = caller }
  }

  /// Notes the end of a call. One in flight at the rejection does not count as accepted.
  mutating func note(caller: Int, isRejected: Bool) {
    if isRejected {
      self.isRejected = true
    } else if probe == caller {
      self.isRejected = false
    }
    if probe == caller { probe = nil }
  }
}
