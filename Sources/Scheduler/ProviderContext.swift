internal import EventLoop
internal import Jobs
internal import Logging
internal import Observability
internal import Replicate
internal import Ledger
internal import StoreSeam
internal import Time

/// Commits, counts and logs the results of calls.
final class ProviderContext {
  let publicURL: String?
  let token: JobToken
  private let loop: EventLoop
  private let store: SchedulerStore
  private let rules: LiveOutputRules
  let policy: SchedulerPolicy
  private let metrics: SchedulerMetrics
  private let logger: Logger

  /// - Parameter publicURL: the URL that the provider reaches; nil to create predictions without webhooks.
  init(
    loop: EventLoop, publicURL: String?, token: JobToken, store: SchedulerStore, rules: LiveOutputRules,
    policy: SchedulerPolicy, metrics: SchedulerMetrics, logger: Logger
  ) {
    self.loop = loop
    self.publicURL = publicURL
    self.token = token
    self.store = store
    self.rules = rules
    self.policy = policy
    self.metrics = metrics
    self.logger = logger
  }

  /// Whether other processes use the store too.
  var isShared: Bool { store.isShared }

  var clock: SchedulerClock { SchedulerClock(kernel: loop.kernel) }

  /// Sleeps for `duration`, or until the daemon stops.
  ///
  /// - Returns: false if the daemon stops.
  func pause(for duration: Duration) async -> Bool { await loop.pause(for: duration) }
}

// MARK: - Commits

extension ProviderContext {
  /// Between two tries to write the store.
  private static let retryPause = Duration.seconds(1)

  /// Commits `work`, and retries while the store cannot be written.
  ///
  /// The provider gives each answer only once. An error of this write alone would repeat for ever, and as
  /// many of them as there are callers would block all calls. Such a write is dropped.
  ///
  /// - Returns: nil where it was dropped, or the daemon stopped before. Then the order is found `sending` at
  ///   the next start, and searched for.
  @discardableResult
  func persist<Value: Sendable>(
    _ work: @escaping @Sendable (LedgerTransaction) throws(StorageError) -> Value
  ) async -> Value? {
    var isBlocked = false
    defer { if isBlocked { metrics.blockedCallers.add(-1) } }
    // Ends when the store can be written, or with the daemon.
    while true {
      do throws(StorageError) {
        return try await store.write(work)
      } catch {
        guard error.concernsWholeStore else {
          metrics.droppedAnswers.add()
          logger.log(.answerDropped(cause: error))
          return nil
        }
      }
      if !isBlocked { metrics.blockedCallers.add() }
      isBlocked = true
      guard await pause(for: Self.retryPause) else { return nil }
    }
  }

  /// Merges the provider's answer into the job of that number.
  ///
  /// - Returns: false where the answer is not of this job.
  @discardableResult
  func record(_ body: [UInt8], _ source: SnapshotSource, ofJob number: Int64) async -> Bool {
    let decoded: (snapshot: Snapshot, body: [UInt8])
    do throws(PredictionError) {
      decoded = try SnapshotDecoder(rules: rules).decode(body)
    } catch {
      return false
    }
    let polled = PolledSnapshot(
      source: source, receivedAt: clock.wall, snapshot: decoded.snapshot, body: decoded.body)
    let recording = await persist { transaction throws(StorageError) in
      try transaction.record(polled, ofJob: number)
    }
    guard let recording = recording ?? nil else { return false }
    if recording.endsJob, source.isPolled { metrics.lostWebhooks.add() }
    logger.log(.answerRecorded(recording, of: polled.snapshot.predictionID, from: source))
    return true
  }

  /// Whether the order still awaits the result of that create call.
  ///
  /// True also where it cannot be read.
  func awaitsResult(of step: OrderStep) async -> Bool {
    do throws(StorageError) {
      guard let order = try await store.order(ofJob: step.job.id) else { return false }
      return order.stage == .sending && order.isOfCall(of: step.order)
    } catch {
      return true
    }
  }

  /// Schedules a search, as ``persist(_:)`` does not: without a retry.
  ///
  /// - Returns: whether it is on disk.
  func noteUnanswered(_ step: OrderStep, _ plan: LostPredictionSearch.Plan) async -> Bool {
    do throws(StorageError) {
      try await store.write { transaction throws(StorageError) in
        try transaction.noteUnanswered(
          step.order, nextSearch: plan.firstCheck, absenceConclusive: plan.absenceConclusiveAt)
      }
      return true
    } catch {
      return false
    }
  }

  /// The job that the prediction's webhook names.
  func jobID(namedBy prediction: Prediction, _ body: [UInt8]) -> String? {
    guard let url = prediction.webhookURL(in: body.span), let value = JobToken.parameterValue(in: url) else {
      return nil
    }
    return token.job(named: value)
  }

  /// Whether the prediction was an earlier attempt of that job. False where the store rejects the question.
  func isPastAttempt(_ predictionID: String, ofJob number: Int64) async -> Bool {
    await persist { transaction throws(StorageError) in
      try transaction.isPastAttempt(predictionID, ofJob: number)
    } ?? false
  }

  /// Ends a job whose order still awaits the result of that step.
  func end(_ step: OrderStep, _ error: JobError, isRefusal: Bool = false) async {
    let now = clock.wall
    let ended = await persist { transaction throws(StorageError) in
      try transaction.end(awaiting: step.order, because: error, at: now, isRefusal: isRefusal)
    }
    guard ended ?? nil != nil else { return }
    logger.log(.jobEndedWithoutPrediction(step.job, error))
  }

  /// Makes a pause that concerns the account hold for the other processes too.
  func share(_ pause: ProviderPause) async {
    guard isShared, pause.isOfAccount else { return }
    let (now, rate) = (clock.wall, policy.createRate)
    await persist { transaction throws(StorageError) in try transaction.share(pause, rate, at: now) }
  }

  /// Notes a 404 of the call that creates the prediction.
  func noteNotFound(creating step: OrderStep, _ error: JobError) async {
    let now = clock.wall
    let ended = await persist { transaction throws(StorageError) in
      try transaction.noteNotFound(creating: step.order, because: error, at: now)
    }
    guard let job = ended ?? nil else { return }
    logger.log(.jobEndedWithoutPrediction(job, error))
  }

  /// Notes a 404 of a call about the prediction.
  func noteNotFound(
    _ number: Int64, _ predictionID: String, _ source: SnapshotSource, _ message: String
  ) async {
    let now = clock.wall
    let error = JobError(code: "gone", message: message)
    let ended = await persist { transaction throws(StorageError) in
      try transaction.noteNotFound(number, of: predictionID, from: source, because: error, at: now)
    }
    guard let job = ended ?? nil else { return }
    logger.log(.predictionNotFound(job))
  }
}

// MARK: - Metrics and logs

extension ProviderContext {
  func count<Value>(_ call: SchedulerMetrics.CallName, _ outcome: ReplicateClient.Outcome<Value>) {
    let result = CallResult(outcome)
    metrics.calls.add(for: SchedulerMetrics.CallSeries(call: call, result: result))
    guard let reason = outcome.reason, !Task.isCancelled else { return }
    let entry: LogEntry =
      switch outcome {
      case .failed(.unauthorized): .tokenRejected(call, reason: reason)
      case .failed(.insufficientCredit): .creditUsedUp(call, reason: reason)
      default: .providerCallFailed(call, result.outcome, reason: reason)
      }
    logger.log(entry)
  }

  func log(_ decision: CreateDecision, of job: Job) {
    switch decision {
    case .created, .fail, .failIfRepeated: return
    case .reschedule(let seconds, let reason):
      logger.log(.orderRescheduled(job, seconds: seconds, because: reason))
    case .backOff(let seconds, let error):
      logger.log(.orderRejected(job, seconds: seconds, error))
    case .search:
      logger.log(.createCallUnanswered(job))
    }
  }

  func logForeignAnswer(_ predictionID: String, to job: Job) {
    guard !Task.isCancelled else { return }
    logger.log(.createCallMisanswered(job, predictionID: predictionID))
  }
}
