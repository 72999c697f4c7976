internal import ChangeFeed
internal import EventLoop
internal import GroupCommit
internal import HTTPClient
internal import JobsAPI
internal import Ledger
internal import StoreSeam
internal import Logging
internal import Observability
internal import Routing
internal import StandardWebhooks
internal import Tables
internal import Time
internal import Work

/// Sends what the outbox holds.
///
/// It claims due events in a commit, sends each in a task of its own, and commits the result. All that must
/// survive is in the store; how receivers have answered lately is not.
actor CallbackSender: Service {
  private nonisolated let loop: EventLoop
  private let timer: WakeableTimer
  private let recorder: Recorder
  private let views: JobViews
  private let announced: [any AnnouncedDocuments]
  private let reader: any StoreReader
  private let feed: FeedReceiver
  private let client: any HTTPClient
  private let rules: ReceiverRules
  private let keys: SigningKeys
  private let metrics: CallbackMetrics
  private let logger: Logger
  private var random: KernelRandomness
  private var receivers = Receivers()
  /// The kinds whose due events wait for their receivers, and when they are looked at again.
  private var blocked: [WorkKind: MonotonicTime] = [:]
  private var clock: WallClock
  private var signer: Signer?
  private var isRecovered = false
  private var careDueAt: MonotonicTime
  private var failures = LogRateLimiter(maxLines: 20, per: .seconds(60))

  /// The lease of a claim. A try starts in its first half, and takes less than the other.
  private static let leaseMilliseconds: Int64 = 60_000
  /// Between two looks at the work table. Commits wake the sender more often.
  private static let minPause = Duration.milliseconds(20)
  private static let maxPause = Duration.seconds(30)
  private static let pauseAfterFailure = Duration.seconds(1)
  /// Between two looks at a kind whose receivers all have as much as they may.
  ///
  /// A look takes the commit thread's time, and another receiver may share the kind.
  private static let blockedPause = Duration.seconds(1)
  /// The maximum wait of a pending event after a start, and after the wall clock was set back.
  private static let maxWaitAfterStart: Int64 = 4 * 3_600_000
  private static let maxWaitAfterStep: Int64 = 60_000
  /// Between two passes over what is old.
  private static let carePause = Duration.seconds(60)
  /// How long delivered events are kept, in milliseconds.
  static let keptMilliseconds: Int64 = 24 * 3_600_000

  nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  /// - Parameters:
  ///   - loop: on which it runs.
  ///   - views: move to the loop, and so does `reader`.
  ///   - announced: the documents of what is no job.
  init(
    loop: EventLoop, queue: CommitQueue, feed: FeedReceiver, views: sending JobViews,
    announced: [any AnnouncedDocuments] = [], reader: sending any StoreReader, client: any HTTPClient,
    rules: ReceiverRules, keys: SigningKeys,
    metrics: CallbackMetrics, logger: Logger, waker: Waker = Waker()
  ) {
    self.loop = loop
    timer = WakeableTimer(loop: loop)
    waker.begin(with: timer)
    recorder = Recorder(loop: loop, queue: queue)
    self.views = views
    self.announced = announced
    self.reader = reader
    self.feed = feed
    self.client = client
    self.rules = rules
    self.keys = keys
    self.metrics = metrics
    self.logger = logger
    random = KernelRandomness(loop.kernel)
    clock = WallClock(loop.kernel)
    careDueAt = loop.kernel.monotonicTime
  }

  private var now: MonotonicTime { loop.kernel.monotonicTime }
  private var time: Timestamp { Timestamp(milliseconds: loop.kernel.wallTimeMilliseconds) }

  func run() async {
    let subscription = feed.subscribe(to: .all) { [timer] in timer.wake() }
    let canceler = subscription.canceler
    defer { canceler.cancel() }
    await withTaskCancellationHandler {
      await withDiscardingTaskGroup { group in
        while !Task.isCancelled {
          let pause = await runDueWork(in: &group)
          let earliest = now + Self.minPause
          await timer.sleep(until: now + pause)
          // A commit has woken it: others may follow at once.
          if now < earliest, !Task.isCancelled { _ = await loop.pause(for: earliest - now) }
        }
      }
    } onCancel: {
      timer.wake()
    }
  }
}

// MARK: - Due work

extension CallbackSender {
  /// - Returns: the time until something is due, unless a commit or the end of a try wakes it first.
  private func runDueWork(in group: inout DiscardingTaskGroup) async -> Duration {
    do throws(StorageError) {
      try await prepare()
      try await takeCare()
      while !Task.isCancelled, receivers.room > 0 {
        let due = try await dueKinds()
        guard !due.isEmpty else { break }
        let claimedAt = now
        let claimed = try await claim(due)
        for row in claimed.failed { note(row) }
        metrics.results.add(claimed.failed.count, for: .failed)
        metrics.results.add(claimed.dropped, for: .dropped)
        for claim in claimed.claims {
          receivers.noteStart(claim.receiver.name)
          group.addTask { await self.send(claim, claimedAt: claimedAt) }
        }
        // Where nothing was claimed or changed, the receivers have as much as they may.
        guard claimed.hasMore, claimed.hasProgress else { break }
      }
      return try await nextPause()
    } catch {
      // The commit thread has logged the cause, or the reader will.
      return Self.pauseAfterFailure
    }
  }

  /// Reads the secret, and recovers the work of an earlier process.
  private func prepare() async throws(StorageError) {
    let (time, hasJumped, isStart) = (time, clock.hasBeenSetBack(), !isRecovered)
    if hasJumped || isStart {
      try await write { transaction throws(StorageError) in
        try transaction.recoverCallbacks(
          at: time, within: isStart ? Self.maxWaitAfterStart : Self.maxWaitAfterStep, endingClaims: isStart)
      }
      isRecovered = true
    }
    guard signer == nil else { return }
    let fresh = SigningKeys.fresh(using: &random)
    let keys = keys
    let secrets = try await write { transaction throws(StorageError) in
      try keys.secrets(in: transaction, orStoring: fresh)
    }
    signer = Signer(secrets)
    guard signer != nil else { throw .unavailable("OpenSSL has no HMAC-SHA256") }
  }

  private func dueKinds() async throws(StorageError) -> [WorkKind] {
    let (time, now) = (time, now)
    var kinds: [WorkKind] = []
    for kind in CallbackWork.kinds where blocked[kind].map({ $0 <= now }) ?? true {
      if let due = try await reader.nextDue(kind), due <= time { kinds.append(kind) }
    }
    return kinds
  }

  private func claim(_ kinds: [WorkKind]) async throws(StorageError) -> ClaimedCallbacks {
    let (now, time, limit, rules, receivers) = (now, time, receivers.room, rules, receivers)
    let leaseEnd = time.advanced(byMilliseconds: Self.leaseMilliseconds)
    let claimed = try await write { transaction throws(StorageError) in
      try transaction.claimCallbacks(of: kinds, at: time, until: leaseEnd, limit: limit, rules: rules) {
        receivers.room(of: $0, at: now)
      }
    }
    for kind in kinds {
      blocked[kind] = claimed.blocked.contains(kind) ? now + Self.blockedPause : nil
    }
    // All events of this kind have one receiver. The end of a try frees it.
    if claimed.blocked.contains(CallbackWork.shared) {
      blocked[CallbackWork.shared] = receivers.nextProbe(of: rules.shared?.name) ?? now + Self.maxPause
    }
    return claimed
  }

  private func nextPause() async throws(StorageError) -> Duration {
    var pause = min(Self.maxPause, max(.zero, careDueAt - now))
    if let probe = receivers.nextProbe(after: now) { pause = min(pause, probe - now) }
    if receivers.room > 0 {
      for moment in blocked.values { pause = min(pause, max(.zero, moment - now)) }
    }
    let time = time
    for kind in CallbackWork.kinds {
      // What is due already waits for its receiver, or for the end of another try.
      guard let due = try await reader.nextDue(kind), time < due else { continue }
      pause = min(pause, .milliseconds(min(due.milliseconds - time.milliseconds, 86_400_000)))
    }
    return pause
  }

  private func write<Value: Sendable>(
    _ work: @escaping @Sendable (LedgerTransaction) throws(StorageError) -> Value
  ) async throws(StorageError) -> Value {
    do throws(RecordingFailure) {
      return try await recorder.write(work).get()
    } catch {
      throw error.storageError
    }
  }
}

// MARK: - Tries

extension CallbackSender {
  private func send(_ claim: CallbackClaim, claimedAt moment: MonotonicTime) async {
    let start = now
    // A claim of which little is left expires, and another process may make the try.
    let isLate = moment + .milliseconds(Self.leaseMilliseconds / 2) < start
    let outcome = isLate ? .abandoned : await outcome(of: claim)
    note(outcome, of: claim, after: now - start)
    let (time, jitter) = (time, jitter())
    // An ending daemon leaves the claim to the next one, which ends it at its start.
    while !Task.isCancelled {
      do throws(StorageError) {
        let result = try await write { transaction throws(StorageError) in
          try transaction.finishCallback(claim, outcome, at: time, jitter: jitter)
        }
        note(result, of: claim, outcome, at: time)
        break
      } catch {
        guard error.concernsWholeStore, await loop.pause(for: Self.pauseAfterFailure) else { break }
      }
    }
    timer.wake()
  }

  private func outcome(of claim: CallbackClaim) async -> CallbackOutcome {
    let document: [UInt8]
    do throws(Problem) {
      guard let current = try await self.document(of: claim.row) else { return .obsolete }
      document = current
    } catch {
      guard error.code != .jobNotFound else { return .abandoned }
      return .unsendable(reason: error.detail)
    }
    let body = CallbackMessage.body(of: claim.row, document: document)
    guard let signer, let request = CallbackMessage.request(for: claim, body: body, signer: signer, at: time)
    else {
      return .unsendable(reason: "it could not be signed")
    }
    let result = await client.send(request)
    return Task.isCancelled ? .abandoned : CallbackMessage.outcome(of: result)
  }

  /// The job, or other subject, as it is now. Nil where there is no such subject any more.
  private func document(of row: CallbackRow) async throws(Problem) -> [UInt8]? {
    guard case .announced(let name) = row.type else {
      return try views.document(of: try await views.view(row.jobID))
    }
    guard let source = announced.first(where: { name.hasPrefix($0.prefix) }) else {
      throw .unavailable(.storeUnavailable, "this version of the daemon has no documents for `\(name)`")
    }
    return try await source.document(of: row.jobID, in: views)
  }

  /// A random number from 0 to 1.
  private func jitter() -> Double { Double.random(in: 0...1, using: &random) }

  /// Notes how the receiver has answered.
  private func note(_ outcome: CallbackOutcome, of claim: CallbackClaim, after duration: Duration) {
    let (now, jitter, name) = (now, jitter(), claim.receiver.name)
    blocked = [:]
    let change = receivers.noteEnd(name) { state -> ReceiverState.Change? in
      switch outcome {
      case .abandoned, .obsolete, .unsendable:
        state.noteAbandoned()
        return nil
      // A 410 is about one event.
      case .accepted, .rejected: return state.noteAcceptance(after: duration)
      case .refused(let failure, let retryAfter):
        let isOverloaded = failure.status == 429 || failure.status == 503
        return state.noteFailure(
          after: duration, at: now, pause: isOverloaded ? retryAfter.map { .seconds($0) } : nil,
          jitter: jitter)
      }
    }
    metrics.probedReceivers.set(receivers.probed)
    switch change {
    case .unreachable:
      guard case .refused(let failure, _) = outcome else { return }
      logger.log(.receiverUnreachable(name, cause: failure.reason))
    case .reachable: logger.log(.receiverReachable(name))
    case nil: break
    }
  }

  private func note(
    _ result: CallbackResult, of claim: CallbackClaim, _ outcome: CallbackOutcome, at time: Timestamp
  ) {
    metrics.results.add(for: result)
    switch result {
    case .delivered:
      metrics.latency.record(
        .milliseconds(max(0, time.milliseconds - claim.row.occurredAt.milliseconds)))
    case .failed:
      var row = claim.row
      row.host = claim.receiver.name
      if case .refused(let failure, _) = outcome { row.error = failure.reason }
      if case .rejected(let failure) = outcome { row.error = failure.reason }
      if case .unsendable(let reason) = outcome { row.error = reason }
      note(row)
    case .retried, .dropped: break
    }
  }

  /// Logs a failed event, in bounds: thousands may fail together.
  private func note(_ row: CallbackRow) {
    let kind = LogEntry(.warning, "callback failed", ["receiver": .text(row.host ?? "")])
    if failures.admits(kind, at: now) { logger.log(.callbackFailed(row)) }
  }
}

// MARK: - Care

extension CallbackSender {
  /// Deletes what was delivered long ago, and measures the oldest pending event.
  private func takeCare() async throws(StorageError) {
    guard careDueAt <= now else { return }
    let limit = time.advanced(byMilliseconds: -Self.keptMilliseconds)
    var old = TableQuery(CallbackTable.declaration, limit: 200)
    old.index = CallbackTable.byState
    old.prefix = [.text(CallbackState.delivered.rawValue)]
    old.bounds = 0...max(0, limit.milliseconds)
    let rows = try await reader.rows(old).compactMap { CallbackRow($0) }
    if !rows.isEmpty {
      _ = try await write { transaction throws(StorageError) in
        try transaction.pruneCallbacks(rows, deliveredBefore: limit)
      }
    }
    var pending = TableQuery(CallbackTable.declaration, limit: 1)
    pending.index = CallbackTable.byState
    pending.prefix = [.text(CallbackState.pending.rawValue)]
    let oldest = try await reader.rows(pending).first.flatMap { CallbackRow($0) }
    metrics.oldestPending.set(
      oldest.map { Int(max(0, time.milliseconds - $0.since.milliseconds) / 1000) } ?? 0)
    for report in failures.takeReports(dueAt: now) { logger.log(report) }
    careDueAt = now + (rows.count == 200 ? Self.minPause : Self.carePause)
  }
}

/// The steps of the wall clock backwards, after which due times lie too far in the future.
private struct WallClock {
  private let kernel: any Kernel
  private var wall: Int64
  private var monotonic: MonotonicTime

  init(_ kernel: any Kernel) {
    self.kernel = kernel
    (wall, monotonic) = (kernel.wallTimeMilliseconds, kernel.monotonicTime)
  }

  mutating func hasBeenSetBack() -> Bool {
    let (newWall, newMonotonic) = (kernel.wallTimeMilliseconds, kernel.monotonicTime)
    let expected = wall + (newMonotonic - monotonic).wholeMilliseconds
    (wall, monotonic) = (newWall, newMonotonic)
    return newWall < expected - 1000
  }
}
