internal import Jobs
internal import Store
internal import System
internal import Time

/// The callers, and the rate limits of their calls.
struct CallerPool {
  private let queues: [BlockingQueue<ProviderCall>]
  private var idle: [Int]
  private var creates: TokenBucket<MonotonicTime>
  private var calls: TokenBucket<MonotonicTime>
  private var tokenCheck = TokenCheck()
  /// The caller that runs the search. One search at a time finds all lost predictions.
  private var searcher: Int?
  /// Why creates are paused, if they are.
  private var pauseReason = OrderReason.throttled

  /// - Parameter queues: one for the calls of each caller.
  init(_ queues: [BlockingQueue<ProviderCall>], policy: DispatcherPolicy, now: MonotonicTime) {
    self.queues = queues
    idle = Array(queues.indices)
    creates = TokenBucket(
      perMinute: policy.createsPerMinute, burst: min(queues.count, policy.createsPerMinute), now: now)
    calls = TokenBucket(perMinute: policy.callsPerMinute, burst: queues.count, now: now)
  }

  var isEmpty: Bool { queues.isEmpty }
  var isSearching: Bool { searcher != nil }

  /// The number of callers that may get a call, rate limits aside.
  var available: Int { min(idle.count, tokenCheck.maxCalls) }

  mutating func availableCreates(at now: MonotonicTime) -> Int { creates.available(at: now) }
  mutating func availableCalls(at now: MonotonicTime) -> Int { calls.available(at: now) }
  mutating func createDelay(at now: MonotonicTime) -> Duration { creates.delay(at: now) }
  mutating func callDelay(at now: MonotonicTime) -> Duration { calls.delay(at: now) }

  /// Why no prediction is created before ``createDelay(at:)``.
  func delayReason(at now: MonotonicTime) -> OrderReason {
    if tokenCheck.isRejected { return .unauthorized }
    return creates.isPaused(at: now) ? pauseReason : .throttled
  }

  /// Assigns a call if a caller and the rate limit allow it.
  mutating func tryAssign(_ call: ProviderCall, at now: MonotonicTime) -> Bool {
    guard available > 0, calls.available(at: now) > 0 else { return false }
    return assign(call, at: now)
  }

  /// Assigns a call for which the limits were checked before.
  @discardableResult
  mutating func assign(_ call: ProviderCall, at now: MonotonicTime) -> Bool {
    if case .create = call { creates.take(at: now) } else { calls.take(at: now) }
    guard let caller = idle.popLast() else { return false }
    if case .search = call { searcher = caller }
    tokenCheck.noteCall(by: caller)
    return queues[caller].push(call)
  }

  mutating func noteDone(_ caller: Int, _ pause: ProviderPause?, at now: MonotonicTime) {
    idle.append(caller)
    if searcher == caller { searcher = nil }
    tokenCheck.note(caller: caller, isRejected: pause?.reason == .unauthorized)
    guard let pause else { return }
    // The jitter keeps clients of one account from retrying at the same moment.
    let duration = Duration.seconds(pause.seconds) + .milliseconds(Int.random(in: 50...500))
    creates.pause(for: duration, at: now)
    pauseReason = pause.reason
    if !pause.affectsOnlyCreates { calls.pause(for: duration, at: now) }
  }

  /// Takes the tokens of a search. One was taken at its assignment.
  mutating func noteSearch(calls count: Int, at now: MonotonicTime) {
    calls.take(max(0, count - 1), at: now)
  }

  func close() {
    for queue in queues { queue.close() }
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
