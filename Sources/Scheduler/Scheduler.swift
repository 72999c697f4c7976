internal import Ledger
internal import EventLoop
package import GroupCommit
internal import Jobs
package import Logging
internal import Observability
package import Replicate
package import StoreSeam
internal import Time

/// Runs the work that is due: its parts submit orders, reconcile open jobs and prune ended ones.
///
/// Everything runs on one loop, and so do the calls to the provider. Time and randomness are the loop's
/// kernel's.
package actor Scheduler {
  private nonisolated let loop: EventLoop
  private let mailbox: Mailbox
  private let store: SchedulerStore
  private let policy: SchedulerPolicy
  private let logger: Logger
  private let clock: SchedulerClock

  private let limit: RateLimit
  private let submitter: OrderSubmitter
  private let reconciler: Reconciler
  private let pruner: Pruner
  /// Nil without a token.
  private let calls: ProviderCalls?
  private var secret = SecretRefresh()
  private var jumps: ClockJumpDetector
  /// Whether due times await adjustment to a jump of the wall clock.
  private var hasJumped = false
  private var isRecovered = false
  /// When what other processes have left is next looked at.
  private var takeoverDueAt = MonotonicTime(nanoseconds: 0)

  package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  /// - Parameters:
  ///   - client: nil without a token; then the provider is never called.
  ///   - publicURL: the URL that the provider reaches; nil to create predictions without webhooks.
  ///   - rules: what outputs must be.
  ///   - reader: moves to the mailbox's loop.
  ///   - newSecret: receives the signing secret of webhooks, where it is fetched from the provider.
  package init(
    mailbox: Mailbox, client: ReplicateClient?, publicURL: String?, rules: LiveOutputRules, token: JobToken,
    reader: sending any StoreReader, queue: CommitQueue, policy: SchedulerPolicy, metrics: SchedulerMetrics,
    logger: Logger, newSecret: @escaping @Sendable (SigningSecret) -> Void = { _ in }
  ) {
    let loop = mailbox.loop
    let clock = SchedulerClock(kernel: loop.kernel)
    let random = KernelRandomness(loop.kernel)
    let store = SchedulerStore(
      reader: reader, recorder: Recorder(loop: loop, queue: queue), policy: policy, logger: logger)
    let limit = RateLimit(
      maxCalls: client == nil ? 0 : policy.maxCalls, policy: policy, now: clock.now.monotonic, random: random)
    self.loop = loop
    self.mailbox = mailbox
    self.store = store
    self.policy = policy
    self.logger = logger
    self.clock = clock
    self.limit = limit
    submitter = OrderSubmitter(store: store, limit: limit, policy: policy)
    reconciler = Reconciler(
      store: store, limit: limit, policy: policy, metrics: metrics, logger: logger, random: random)
    pruner = Pruner(store: store, policy: policy, metrics: metrics, logger: logger, clock: clock)
    jumps = ClockJumpDetector(wall: clock.wall, monotonic: clock.now.monotonic)
    calls = client.map { client in
      ProviderCalls(
        client: client,
        context: ProviderContext(
          loop: loop, publicURL: publicURL, token: token, store: store, rules: rules, policy: policy,
          metrics: metrics, logger: logger), limit: limit, newSecret: newSecret)
    }
  }

  /// Runs until the task is canceled, and until its calls have ended.
  ///
  /// Results that cannot be committed then are dropped. Call it once, from a task of the loop.
  package func run() async {
    await withTaskCancellationHandler {
      await withDiscardingTaskGroup { group in
        while !Task.isCancelled {
          mailbox.noteTurn()
          let delay = await runDueWork(in: &group)
          await mailbox.timer.sleep(until: clock.now.monotonic + delay)
        }
      }
    } onCancel: {
      mailbox.wake()
    }
  }
}

// MARK: - Due work

extension Scheduler {
  /// - Returns: the time until something is due, unless the mailbox wakes it first.
  private func runDueWork(in group: inout DiscardingTaskGroup) async -> Duration {
    let now = clock.now
    limit.adopt(policy, at: now.monotonic)
    if mailbox.consumeFailedVerification(), policy.fetchesSecret {
      secret.noteFailedVerification(at: now.monotonic, pause: policy.secretPause)
    }
    if jumps.observe(wall: now.wall, monotonic: now.monotonic) {
      hasJumped = true
      pruner.noteClockJump(at: now.monotonic)
    }
    do throws(StorageError) {
      return try await runOnce(in: &group)
    } catch {
      // The commit thread has logged the cause, or the reader will.
      return policy.pauseAfterFailure
    }
  }

  private func runOnce(in group: inout DiscardingTaskGroup) async throws(StorageError) -> Duration {
    try await recover()
    try await adjustToClock()
    try await takeOver()
    await calls?.settle(at: clock.now)
    let due = try await store.nextDue()
    // A part that fails because of one row does not block the others.
    var hasFailed = false
    do throws(StorageError) {
      try await reconciler.runOnce(now: clock.now, due: due.check, clockSetAt: jumps.setAt)
    } catch {
      hasFailed = try isOfOneRow(error)
    }
    do throws(StorageError) {
      let now = clock.now
      for call in try await submitter.runOnce(now: now, due: due) {
        start(call, claimedAt: now.monotonic, in: &group)
      }
    } catch {
      hasFailed = try isOfOneRow(error)
    }
    do throws(StorageError) {
      try await endUnstarted()
    } catch {
      hasFailed = try isOfOneRow(error)
    }
    do throws(StorageError) {
      try await pruner.runOnce(now: clock.now)
    } catch {
      hasFailed = try isOfOneRow(error)
    }
    startOtherCalls(in: &group)
    if limit.allowsCalls { updatePace() }
    let delay = try await nextDelay()
    return hasFailed ? max(delay, policy.pauseAfterFailure) : delay
  }

  /// Ends queued jobs whose `start_before` is over, also while nothing may be sent.
  private func endUnstarted() async throws(StorageError) {
    guard let deadline = try await store.nextStartDeadline(), deadline <= clock.wall else { return }
    let (now, count) = (clock.wall, policy.maxClaimedJobs)
    let ended = try await store.write { transaction throws(StorageError) in
      try transaction.endUnstarted(at: now, limit: count)
    }
    for job in ended { logger.log(.jobNotStarted(job)) }
  }

  /// Rethrows failures of the whole store.
  private func isOfOneRow(_ error: StorageError) throws(StorageError) -> Bool {
    guard !error.concernsWholeStore else { throw error }
    return true
  }

  private func updatePace() {
    let now = clock.now
    let delay = Int64(limit.createDelay(at: now.monotonic).wholeNanoseconds / 1_000_000)
    mailbox.pace.state = CreationPace.State(
      next: now.wall.advanced(byMilliseconds: delay), interval: 60_000 / Int64(policy.createsPerMinute),
      reason: limit.delayReason(at: now.monotonic))
  }

  private func nextDelay() async throws(StorageError) -> Duration {
    let due = try await store.nextDue()
    let now = clock.now
    let until = { (moment: Timestamp) in
      Duration.milliseconds(max(0, moment.milliseconds - now.wall.milliseconds))
    }
    var delay = min(policy.maxDelay, pruner.delay(at: now.monotonic))
    if let deadline = try await store.nextStartDeadline() { delay = min(delay, until(deadline)) }
    if let check = due.check, reconciler.hasRoom {
      delay = min(delay, max(until(check), store.isShared ? limit.callDelay(at: now.monotonic) : .zero))
    }
    // Where no call may start, the end of a call wakes the scheduler.
    guard limit.available > 0 else { return delay }
    if let create = due.create {
      delay = min(delay, max(until(create), limit.createDelay(at: now.monotonic)))
    }
    let callDelay = limit.callDelay(at: now.monotonic)
    for step in [due.cancel, limit.isSearching ? nil : due.find] {
      if let step { delay = min(delay, max(until(step), callDelay)) }
    }
    if reconciler.hasWaitingPolls || secret.isDue { delay = min(delay, callDelay) }
    return delay
  }
}

// MARK: - Calls

extension Scheduler {
  /// Starts the calls that are claimed or due, as far as the rate limit allows.
  private func startOtherCalls(in group: inout DiscardingTaskGroup) {
    if secret.isDue, limit.allowsCall(at: clock.now.monotonic) {
      secret.noteAssigned()
      start(.fetchSecret, in: &group)
    }
    while limit.allowsCall(at: clock.now.monotonic), let poll = reconciler.nextPoll() {
      start(.poll(poll), in: &group)
    }
  }

  /// - Parameter moment: when its claim was begun; nil for a call without a lease.
  private func start(
    _ call: ProviderCall, claimedAt moment: MonotonicTime? = nil, in group: inout DiscardingTaskGroup
  ) {
    // Calls only end meanwhile, so there is room for all that were claimed.
    guard let number = limit.noteStart(of: call, at: clock.now.monotonic) else {
      return assertionFailure("a claimed call has no room")
    }
    group.addTask { await self.perform(call, claimedAt: moment, number) }
  }

  private func perform(_ call: ProviderCall, claimedAt moment: MonotonicTime?, _ number: Int) async {
    guard let result = await calls?.perform(call, claimedAt: moment) else { return }
    let now = clock.now.monotonic
    if result.isSecretMissing { secret.noteFailedFetch(at: now, pause: policy.pauseAfterFailedFetch) }
    limit.noteEnd(of: number, result.pause, at: now)
    mailbox.wake()
  }
}

// MARK: - Start and clock

extension Scheduler {
  /// Recovers the orders of an earlier process.
  ///
  /// It comes before the first claim. In a store of one process, an order that is `sending` later is being
  /// sent by this one.
  private func recover() async throws(StorageError) {
    guard !isRecovered else { return }
    let now = clock.wall
    let (spread, wait) = (policy.catchUpSpreadMilliseconds, policy.maxWaitAfterJumpMilliseconds)
    let (polls, lease) = (limit.allowsCalls, policy.dutyLease)
    let (isRestored, isShared) = try await store.write { transaction throws(StorageError) in
      let isRestored = try transaction.recoverOrders(
        at: now, absenceGracePeriod: LostPredictionSearch.absenceGracePeriod)
      // Where another process runs, nothing has waited for this start.
      guard try transaction.holdsLease(SchedulerPolicy.duty, for: lease, at: now) else {
        return (isRestored, true)
      }
      try transaction.clampDueTimes(
        from: now, within: wait, absenceGracePeriod: LostPredictionSearch.absenceGracePeriod)
      if polls {
        transaction.spreadChecks(from: now, within: spread)
      } else {
        transaction.clampCheckTimes(from: now)
      }
      return (isRestored, transaction.isShared)
    }
    isRecovered = true
    store.isShared = isShared
    if isRestored { logger.log(.backupRestored) }
    try await warnOfRetention(at: now)
  }

  /// Warns before all jobs are deleted.
  ///
  /// Either the clock is wrong, or nothing was delivered for long.
  private func warnOfRetention(at now: Timestamp) async throws(StorageError) {
    guard let newest = try await store.newestUpdate(),
      newest < now.advanced(byMilliseconds: -policy.retentionMilliseconds)
    else { return }
    logger.log(.allJobsPastRetention(newest: newest, now: now))
  }

  /// Adjusts the due times after a jump of the wall clock.
  ///
  /// They are times of that clock. After a step backwards everything would otherwise wait until the old time
  /// is reached again.
  private func adjustToClock() async throws(StorageError) {
    guard hasJumped else { return }
    let (now, wait) = (clock.wall, policy.maxWaitAfterJumpMilliseconds)
    try await store.write { transaction throws(StorageError) in
      // The clocks of several processes may jump together.
      guard try transaction.holdsLease("clock", for: .milliseconds(wait), at: now) else { return }
      transaction.spreadChecks(from: now, within: wait)
      try transaction.clampDueTimes(
        from: now, within: wait, absenceGracePeriod: LostPredictionSearch.absenceGracePeriod)
    }
    hasJumped = false
    logger.log(.wallClockStepped)
  }

  /// Keeps this process's duties, and takes over the create calls of processes that have ended.
  ///
  /// Their other steps are due again by themselves. It also shows what the limits of all processes allow.
  private func takeOver() async throws(StorageError) {
    let now = clock.now
    guard store.isShared, takeoverDueAt <= now.monotonic else { return }
    let (lease, rate) = (policy.dutyLease, policy.createRate)
    let shared = try await store.write { transaction throws(StorageError) in
      _ = try transaction.holdsLease(SchedulerPolicy.duty, for: lease, at: now.wall)
      _ = try transaction.recoverAbandonedCreates(
        at: now.wall, absenceGracePeriod: LostPredictionSearch.absenceGracePeriod)
      return try transaction.sharedLimits(rate, at: now.wall)
    }
    takeoverDueAt = now.monotonic + policy.takeoverPause
    limit.note(shared, at: now)
  }
}
