internal import GroupCommit
internal import Jobs
internal import Logging
internal import Observability
internal import Store
internal import System
internal import Time

/// Looks after what is due, on a thread of its own: orders to carry out, open jobs to ask about or to call stale, and ended jobs
/// to delete. It decides; calls are made by ``ProviderCaller``s, of which there are none where no token is set.
final class Dispatcher {
  private let events: DispatcherInbox
  private let queue: CommitQueue
  private let reader: StoreReader
  private let callers: [BlockingQueue<ProviderCall>]
  let rules: DispatcherRules
  private let metrics: Metrics
  let logger: Logger

  private var idle: [Int]
  private var creates: TokenBucket<MonotonicTime>
  private var calls: TokenBucket<MonotonicTime>
  private var questions: [DuePolls.Poll] = []
  private var clock = WallClockWatch(
    wall: Timestamp(milliseconds: WallClock.milliseconds), monotonic: MonotonicClock.now)
  private var secretIsDue = false
  /// When the secret may be fetched again.
  private var secretNotBefore: MonotonicTime?
  private var isRecovered = false
  /// The wall clock was set, and what waits by it has not been moved yet.
  private var hasJumped = false
  /// The caller that looks for predictions: one search at a time looks for all that are missing.
  private var searcher: Int?
  private var prunes: PruneSchedule
  /// Jobs that were deleted in the present pass.
  private var deleted = 0
  private var tokenCheck = TokenCheck()
  /// Why creations are paused, where they are.
  private var pauseReason = OrderReason.throttled

  /// - Parameters:
  ///   - events: where it is told that something may be due.
  ///   - callers: where each caller takes its calls from.
  init(
    events: DispatcherInbox, queue: CommitQueue, reader: StoreReader,
    callers: [BlockingQueue<ProviderCall>], rules: DispatcherRules,
    metrics: Metrics, logger: Logger
  ) {
    self.events = events
    self.queue = queue
    self.reader = reader
    self.callers = callers
    self.rules = rules
    self.metrics = metrics
    self.logger = logger
    let now = MonotonicClock.now
    idle = Array(callers.indices)
    creates = TokenBucket(
      perMinute: rules.createsPerMinute, burst: min(callers.count, rules.createsPerMinute), now: now)
    calls = TokenBucket(perMinute: rules.callsPerMinute, burst: callers.count, now: now)
    prunes = PruneSchedule(now: now, pause: rules.firstPrunePause)
  }

  /// Returns when the events are closed.
  func run() {
    var patience = Duration.zero
    while let batch = events.popAll(timeout: patience) {
      for event in batch { take(event) }
      if clock.observe(wall: wallTime, monotonic: MonotonicClock.now) {
        hasJumped = true
        prunes.postpone(at: MonotonicClock.now)
      }
      do throws(StoreError) {
        patience = try work()
      } catch {
        // The commit thread has said why, or a reader will.
        patience = rules.pauseAfterFailure
      }
    }
    for caller in callers { caller.close() }
  }

  private var wallTime: Timestamp { Timestamp(milliseconds: WallClock.milliseconds) }

  /// Before the first step is taken: what is being sent then is being sent by this daemon.
  private func recover() throws(StoreError) {
    guard !isRecovered else { return }
    let (now, spread, wait) = (wallTime, rules.catchUpSpread, rules.longestWaitAfterJump)
    let asks = !callers.isEmpty
    let isRestored = try written { transaction throws(StoreError) in
      let isRestored = try transaction.recoverOrders(
        at: now, absenceGracePeriod: PredictionSearch.absenceGracePeriod)
      try transaction.clampDueTimes(
        from: now, within: wait, absenceGracePeriod: PredictionSearch.absenceGracePeriod)
      if asks {
        try transaction.spreadChecks(from: now, within: spread)
      } else {
        try transaction.clampCheckTimes(from: now)
      }
      return isRestored
    }
    isRecovered = true
    if isRestored {
      logger.notice("the database is a restored backup: its orders are searched for before any is sent")
    }
    try warnOfRetention(at: now)
  }

  /// Either the clock is wrong, or nothing has come for long: in both cases somebody should know before all is deleted.
  private func warnOfRetention(at now: Timestamp) throws(StoreError) {
    guard let newest = try reader.newestUpdate(),
      newest < now.advanced(byMilliseconds: -rules.retentionMilliseconds)
    else { return }
    logger.warning(
      "every job is older than RETENTION, and what has ended is deleted in an hour: check the clock and RETENTION",
      metadata: ["newest": "\(newest.rfc3339)", "now": "\(now.rfc3339)"])
  }

  /// What is due is kept by the wall clock. Where that was set back, it would all wait until it is there again.
  private func followClock() throws(StoreError) {
    guard hasJumped else { return }
    let (now, wait) = (wallTime, rules.longestWaitAfterJump)
    try written { transaction throws(StoreError) in
      try transaction.spreadChecks(from: now, within: wait)
      try transaction.clampDueTimes(
        from: now, within: wait, absenceGracePeriod: PredictionSearch.absenceGracePeriod)
    }
    hasJumped = false
    logger.notice("the wall clock was set: what waits for a time of day was moved")
  }

  private func take(_ event: DispatcherEvent) {
    switch event {
    case .wake: return
    case .done(let caller, let pause):
      idle.append(caller)
      if searcher == caller { searcher = nil }
      tokenCheck.note(caller: caller, isRefused: pause?.reason == .unauthorized)
      guard let pause else { return }
      let now = MonotonicClock.now
      // A little more than asked for, so that not all come at the same moment.
      let duration = Duration.seconds(pause.seconds) + .milliseconds(Int.random(in: 50...500))
      creates.pause(for: duration, at: now)
      pauseReason = pause.reason
      if !pause.isForCreates { calls.pause(for: duration, at: now) }
    case .called(let count):
      // One was taken when the search began.
      calls.take(max(0, count - 1), at: MonotonicClock.now)
    case .verificationFailed:
      guard rules.fetchesSecret else { return }
      let now = MonotonicClock.now
      if let moment = secretNotBefore, now < moment { return }
      secretNotBefore = now + rules.secretPause
      secretIsDue = true
    case .secretNotFetched:
      secretNotBefore = MonotonicClock.now + rules.pauseAfterFailedFetch
    }
  }
}

// MARK: - What is due

extension Dispatcher {
  /// - Returns: how long nothing will be due, unless something is heard.
  private func work() throws(StoreError) -> Duration {
    try recover()
    try followClock()
    let (due, now) = (try reader.nextDue(), wallTime)
    // One part that fails, for a row that cannot be read, does not keep the others from their work.
    let failures = try [
      attempt { () throws(StoreError) in if let look = due.check, look <= now { try sweep(at: now) } },
      attempt { () throws(StoreError) in try takeSteps(due, at: now) },
      attempt { () throws(StoreError) in try prune() },
    ]
    if secretIsDue, assign(.fetchSecret) { secretIsDue = false }
    assignQuestions()
    if !callers.isEmpty { notePace() }
    let patience = try patience()
    return failures.contains { $0 } ? max(patience, rules.pauseAfterFailure) : patience
  }

  /// - Returns: whether it failed by itself. What the whole store suffers from is thrown.
  private func attempt(_ part: () throws(StoreError) -> Void) throws(StoreError) -> Bool {
    do throws(StoreError) {
      try part()
      return false
    } catch {
      guard !error.concernsWholeStore else { throw error }
      return true
    }
  }

  private func notePace() {
    let now = MonotonicClock.now
    let reason = creates.isPaused(at: now) ? pauseReason : .throttled
    let wait = Int64(creates.delay(at: now).wholeNanoseconds / 1_000_000)
    events.pace.state = CreationPace.State(
      next: wallTime.advanced(byMilliseconds: wait), interval: 60_000 / Int64(rules.createsPerMinute),
      reason: tokenCheck.isRefused ? .unauthorized : reason)
  }

  private func sweep(at now: Timestamp) throws(StoreError) {
    guard questions.count < rules.longestQuestionList else { return }
    let sweep = try looks(at: now, clockSetAt: clock.setAt)
    metrics.staleJobs.add(sweep.stale.count)
    for job in sweep.stale {
      logger.notice(
        "a job is stale",
        metadata: [
          "job": "\(job.id)", "prediction_id": "\(job.snapshot?.predictionID ?? "")",
          "revision": .number(job.revision),
        ])
    }
    questions += sweep.polls
  }

  private func takeSteps(_ due: NextDue, at now: Timestamp) throws(StoreError) {
    let free = min(idle.count, tokenCheck.room)
    guard free > 0 else { return }
    let monotonic = MonotonicClock.now
    let isDue = { (moment: Timestamp?) in moment.map { $0 <= now } ?? false }
    // A long queue of orders leaves half of the callers to search and to cancel.
    let others = min(max(1, free / 2), calls.available(at: monotonic))
    let searches = searcher == nil && isDue(due.find) ? min(1, others) : 0
    let cancels = isDue(due.cancel) ? others - searches : 0
    let creates =
      isDue(due.create)
      ? min(free - searches - cancels, self.creates.available(at: monotonic)) : 0
    guard searches + cancels + creates > 0 else { return }
    let finds = searches * rules.longestSearchList
    let steps = try steps(at: now, creates: creates, cancels: cancels, finds: finds)
    let missing = steps.filter { $0.call == nil }
    if !missing.isEmpty {
      calls.take(at: monotonic)
      searcher = idle.last
      _ = hand(.find(missing))
    }
    for call in steps.compactMap(\.call) {
      if case .create = call { self.creates.take(at: monotonic) } else { calls.take(at: monotonic) }
      _ = hand(call)
    }
  }

  private func assignQuestions() {
    while let question = questions.last, assign(.ask(question)) { questions.removeLast() }
  }

  private func prune() throws(StoreError) {
    guard let cursor = prunes.cursor(at: MonotonicClock.now) else { return }
    let now = wallTime
    let limit = now.advanced(byMilliseconds: -rules.retentionMilliseconds)
    let replayLimit = now.advanced(byMilliseconds: -rules.replayMilliseconds)
    let count = rules.pruneLimit
    let step = try written { transaction throws(StoreError) in
      try transaction.prune(
        endedBefore: limit, at: now, after: cursor, count: count, deliveredBefore: replayLimit)
    }
    metrics.prunedJobs.add(step.deleted)
    prunes.note(step.next, at: MonotonicClock.now)
    log(step, endedBefore: limit)
  }

  /// The first that is deleted in a pass, and how many it were.
  private func log(_ step: PruneStep, endedBefore limit: Timestamp) {
    if deleted == 0, step.deleted > 0 {
      logger.notice("deleting jobs after RETENTION", metadata: ["ended_before": "\(limit.rfc3339)"])
    }
    deleted += step.deleted
    guard step.next == nil, deleted > 0 else { return }
    logger.notice("jobs were deleted after RETENTION", metadata: ["count": "\(deleted)"])
    deleted = 0
  }

  private func patience() throws(StoreError) -> Duration {
    let (due, now) = (try reader.nextDue(), MonotonicClock.now)
    var patience = min(rules.longestPatience, prunes.patience(at: now))
    if let look = due.check, questions.count < rules.longestQuestionList {
      patience = min(patience, until(look))
    }
    // Without an idle caller the next event is that one has become idle.
    guard !idle.isEmpty, tokenCheck.room > 0 else { return patience }
    if let create = due.create { patience = min(patience, max(until(create), creates.delay(at: now))) }
    for step in [due.cancel, searcher == nil ? due.find : nil] {
      if let step { patience = min(patience, max(until(step), calls.delay(at: now))) }
    }
    if !questions.isEmpty || secretIsDue { patience = min(patience, calls.delay(at: now)) }
    return patience
  }

  private func until(_ moment: Timestamp) -> Duration {
    .milliseconds(max(0, moment.milliseconds - wallTime.milliseconds))
  }
}

// MARK: - Handing out and writing

extension Dispatcher {
  /// Within what the provider allows.
  private func assign(_ call: ProviderCall) -> Bool {
    let now = MonotonicClock.now
    guard !idle.isEmpty, tokenCheck.room > 0, calls.available(at: now) > 0 else { return false }
    calls.take(at: now)
    return hand(call)
  }

  private func hand(_ call: ProviderCall) -> Bool {
    guard let caller = idle.popLast() else { return false }
    tokenCheck.noteCall(by: caller)
    return callers[caller].push(call)
  }

  func written<Value: Sendable>(
    _ work: @escaping @Sendable (StoreTransaction) throws(StoreError) -> Value
  ) throws(StoreError) -> Value {
    switch queue.write(work) {
    case .success(let value): return value
    case .failure(.unavailable(let error)): throw error
    case .failure(.overloaded): throw .busy
    }
  }
}
