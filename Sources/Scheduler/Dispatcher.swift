internal import GroupCommit
internal import Jobs
internal import Logging
internal import Observability
internal import Store
internal import System
internal import Time

/// The scheduler's thread, which runs the work that is due.
///
/// Its parts submit orders, reconcile open jobs and prune ended ones. ``ProviderCaller``s make the calls.
/// Without a token there are none.
final class Dispatcher {
  private let mailbox: Mailbox
  private let store: SchedulerStore
  private let policy: DispatcherPolicy
  private let logger: Logger

  private var callers: CallerPool
  private let submitter: OrderSubmitter
  private var reconciler: Reconciler
  private var pruner: Pruner
  private var secret = SecretRefresh()
  private var clock = ClockJumpDetector(
    wall: Timestamp(milliseconds: WallClock.milliseconds), monotonic: MonotonicClock.now)
  /// Whether due times await adjustment to a jump of the wall clock.
  private var hasJumped = false
  private var isRecovered = false

  /// - Parameter callers: the queue of each caller's calls.
  init(
    mailbox: Mailbox, queue: CommitQueue, reader: StoreReader, callers: [BlockingQueue<ProviderCall>],
    policy: DispatcherPolicy, metrics: SchedulerMetrics, logger: Logger
  ) {
    self.mailbox = mailbox
    self.policy = policy
    self.logger = logger
    let now = MonotonicClock.now
    store = SchedulerStore(reader: reader, queue: queue, policy: policy, logger: logger)
    self.callers = CallerPool(callers, policy: policy, now: now)
    submitter = OrderSubmitter(store: store, policy: policy)
    reconciler = Reconciler(store: store, policy: policy, metrics: metrics, logger: logger)
    pruner = Pruner(store: store, policy: policy, metrics: metrics, logger: logger, now: now)
  }

  /// Returns when the mailbox is closed.
  func run() {
    var delay = Duration.zero
    while let batch = mailbox.receiveAll(timeout: delay) {
      for event in batch { handle(event) }
      if clock.observe(wall: wallTime, monotonic: MonotonicClock.now) {
        hasJumped = true
        pruner.noteClockJump(at: MonotonicClock.now)
      }
      do throws(StoreError) {
        delay = try runOnce()
      } catch {
        // The commit thread has logged the cause, or the reader will.
        delay = policy.pauseAfterFailure
      }
    }
    callers.close()
  }

  private var wallTime: Timestamp { Timestamp(milliseconds: WallClock.milliseconds) }

  private func handle(_ event: Mailbox.Event) {
    let now = MonotonicClock.now
    switch event {
    case .wake: return
    case .done(let caller, let pause): callers.noteDone(caller, pause, at: now)
    case .called(let count): callers.noteSearch(calls: count, at: now)
    case .verificationFailed:
      if policy.fetchesSecret { secret.noteFailedVerification(at: now, pause: policy.secretPause) }
    case .secretNotFetched: secret.noteFailedFetch(at: now, pause: policy.pauseAfterFailedFetch)
    }
  }
}

// MARK: - Due work

extension Dispatcher {
  /// - Returns: the time until something is due, unless an event comes first.
  private func runOnce() throws(StoreError) -> Duration {
    try recover()
    try adjustToClock()
    let (due, now) = (try store.reader.nextDue(), wallTime)
    // A part that fails because of one row does not block the others.
    let failures = try [
      attempt { () throws(StoreError) in
        if let check = due.check, check <= now {
          try reconciler.runOnce(at: now, clockSetAt: clock.setAt)
        }
      },
      attempt { () throws(StoreError) in try submitter.runOnce(due, at: now, &callers) },
      attempt { () throws(StoreError) in try pruner.runOnce(at: wallTime) },
    ]
    if secret.isDue, callers.tryAssign(.fetchSecret, at: MonotonicClock.now) { secret.noteAssigned() }
    reconciler.assignPolls(to: &callers)
    if !callers.isEmpty { updatePace() }
    let delay = try nextDelay()
    return failures.contains { $0 } ? max(delay, policy.pauseAfterFailure) : delay
  }

  /// Throws only failures of the whole store.
  ///
  /// - Returns: whether `part` failed by itself.
  private func attempt(_ part: () throws(StoreError) -> Void) throws(StoreError) -> Bool {
    do throws(StoreError) {
      try part()
      return false
    } catch {
      guard !error.concernsWholeStore else { throw error }
      return true
    }
  }

  private func updatePace() {
    let now = MonotonicClock.now
    let delay = Int64(callers.createDelay(at: now).wholeNanoseconds / 1_000_000)
    mailbox.pace.state = CreationPace.State(
      next: wallTime.advanced(byMilliseconds: delay), interval: 60_000 / Int64(policy.createsPerMinute),
      reason: callers.delayReason(at: now))
  }

  private func nextDelay() throws(StoreError) -> Duration {
    let (due, now) = (try store.reader.nextDue(), MonotonicClock.now)
    var delay = min(policy.maxDelay, pruner.delay(at: now))
    if let check = due.check, reconciler.hasRoom { delay = min(delay, until(check)) }
    // Without an available caller, the next event is the end of a call.
    guard callers.available > 0 else { return delay }
    if let create = due.create { delay = min(delay, max(until(create), callers.createDelay(at: now))) }
    for step in [due.cancel, callers.isSearching ? nil : due.find] {
      if let step { delay = min(delay, max(until(step), callers.callDelay(at: now))) }
    }
    if reconciler.hasWaitingPolls || secret.isDue { delay = min(delay, callers.callDelay(at: now)) }
    return delay
  }

  private func until(_ moment: Timestamp) -> Duration {
    .milliseconds(max(0, moment.milliseconds - wallTime.milliseconds))
  }
}

// MARK: - Start and clock

extension Dispatcher {
  /// Recovers the orders of an earlier process.
  ///
  /// It comes before the first claim. Later, an order that is `sending` is being sent by this process.
  private func recover() throws(StoreError) {
    guard !isRecovered else { return }
    let now = wallTime
    let (spread, wait) = (policy.catchUpSpreadMilliseconds, policy.maxWaitAfterJumpMilliseconds)
    let polls = !callers.isEmpty
    let isRestored = try store.write { transaction throws(StoreError) in
      let isRestored = try transaction.recoverOrders(
        at: now, absenceGracePeriod: LostPredictionSearch.absenceGracePeriod)
      try transaction.clampDueTimes(
        from: now, within: wait, absenceGracePeriod: LostPredictionSearch.absenceGracePeriod)
      if polls {
        try transaction.spreadChecks(from: now, within: spread)
      } else {
        try transaction.clampCheckTimes(from: now)
      }
      return isRestored
    }
    isRecovered = true
    if isRestored { logger.log(.backupRestored) }
    try warnOfRetention(at: now)
  }

  /// Warns before all jobs are deleted.
  ///
  /// Either the clock is wrong, or nothing was delivered for long.
  private func warnOfRetention(at now: Timestamp) throws(StoreError) {
    guard let newest = try store.reader.newestUpdate(),
      newest < now.advanced(byMilliseconds: -policy.retentionMilliseconds)
    else { return }
    logger.log(.allJobsPastRetention(newest: newest, now: now))
  }

  /// Adjusts the due times after a jump of the wall clock.
  ///
  /// They are times of that clock. After a step backwards everything would otherwise wait until the old time
  /// is reached again.
  private func adjustToClock() throws(StoreError) {
    guard hasJumped else { return }
    let (now, wait) = (wallTime, policy.maxWaitAfterJumpMilliseconds)
    try store.write { transaction throws(StoreError) in
      try transaction.spreadChecks(from: now, within: wait)
      try transaction.clampDueTimes(
        from: now, within: wait, absenceGracePeriod: LostPredictionSearch.absenceGracePeriod)
    }
    hasJumped = false
    logger.log(.wallClockStepped)
  }
}
