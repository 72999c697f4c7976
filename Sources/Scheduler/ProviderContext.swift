internal import GroupCommit
internal import JobRequests
internal import Jobs
internal import Logging
internal import Observability
internal import Replicate
internal import Store
internal import System
internal import Time

/// The shared state of all ``ProviderCaller``s.
///
/// It commits, counts and logs the results of their calls.
final class ProviderContext: Sendable {
  let publicURL: String?
  let token: JobToken
  let trainings = KnownTrainings()
  private let queue: CommitQueue
  private let rules: OutputRules
  private let metrics: SchedulerMetrics
  private let logger: Logger
  private let newSecret: @Sendable (SigningSecret) -> Void
  private let stopping = StopSignal()
  /// Predictions that are listed without their webhooks, and were fetched.
  let fetched = FetchedPredictions()

  /// - Parameters:
  ///   - publicURL: the URL that the provider reaches; nil to create predictions without webhooks.
  ///   - newSecret: receives the signing secret of webhooks.
  init(
    publicURL: String?, token: JobToken, queue: CommitQueue, rules: OutputRules, metrics: SchedulerMetrics,
    logger: Logger, newSecret: @escaping @Sendable (SigningSecret) -> Void
  ) {
    self.publicURL = publicURL
    self.token = token
    self.queue = queue
    self.rules = rules
    self.metrics = metrics
    self.logger = logger
    self.newSecret = newSecret
  }

  var isStopping: Bool { stopping.isRaised }

  /// Ends calls in flight within about a second.
  ///
  /// Results that cannot be committed are dropped.
  func stop() {
    stopping.raise()
  }

  var now: Timestamp { Timestamp(milliseconds: WallClock.milliseconds) }

  func updateSecret(_ secret: SigningSecret) { newSecret(secret) }
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
    _ work: @escaping @Sendable (StoreTransaction) throws(StoreError) -> Value
  ) -> Value? {
    var isBlocked = false
    defer { if isBlocked { metrics.blockedCallers.add(-1) } }
    while true {
      switch queue.write(work) {
      case .success(let value): return value
      case .failure(.unavailable(let error)) where !error.concernsWholeStore:
        metrics.droppedAnswers.add()
        logger.log(.answerDropped(cause: error))
        return nil
      case .failure:
        if !isBlocked { metrics.blockedCallers.add() }
        isBlocked = true
      }
      guard stopping.pause(for: Self.retryPause) else { return nil }
    }
  }

  /// Merges the provider's answer into the job of that number.
  ///
  /// - Returns: false where the answer is not of this job.
  @discardableResult
  func record(_ body: [UInt8], _ source: SnapshotSource, ofJob number: Int64) -> Bool {
    let decoded: (snapshot: Snapshot, body: [UInt8])
    do throws(PredictionError) {
      decoded = try SnapshotDecoder(rules: rules).decode(body)
    } catch {
      return false
    }
    let polled = PolledSnapshot(
      source: source, receivedAt: now, snapshot: decoded.snapshot, body: decoded.body)
    let recording = persist { transaction throws(StoreError) in
      try transaction.record(polled, ofJob: number)
    }
    guard let recording = recording ?? nil else { return false }
    if recording.endsJob, source.isPolled { metrics.lostWebhooks.add() }
    logger.log(.answerRecorded(recording, of: polled.snapshot.predictionID, from: source))
    return true
  }

  func end(_ job: Job, _ number: Int64, _ phase: Phase, _ error: JobError, isRefusal: Bool = false) {
    let now = now
    let ended = persist { transaction throws(StoreError) in
      try transaction.end(number, of: nil, as: phase, because: error, at: now, isRefusal: isRefusal)
    }
    guard ended ?? nil != nil else { return }
    logger.log(.jobEndedWithoutPrediction(job, error))
  }

  /// Notes a 404 of the call that creates the prediction.
  func noteNotFound(creating step: OrderStep, _ error: JobError) {
    let now = now
    let ended = persist { transaction throws(StoreError) in
      try transaction.noteNotFound(creating: step.order, because: error, at: now)
    }
    guard let job = ended ?? nil else { return }
    logger.log(.jobEndedWithoutPrediction(job, error))
  }

  /// Notes a 404 of a call about the prediction.
  func noteNotFound(_ number: Int64, _ predictionID: String, _ source: SnapshotSource, _ message: String) {
    let now = now
    let error = JobError(code: "gone", message: message)
    let ended = persist { transaction throws(StoreError) in
      try transaction.noteNotFound(number, of: predictionID, from: source, because: error, at: now)
    }
    guard let job = ended ?? nil else { return }
    logger.log(.predictionNotFound(job))
  }
}

// MARK: - Metrics and logs

extension ProviderContext {
  func count<Value>(_ call: StaticString, _ outcome: ReplicateClient.Outcome<Value>) {
    let result: SchedulerMetrics.CallOutcome
    var reason: String?
    switch outcome {
    case .answered: result = .answered
    case .failed(.rateLimited): result = .rateLimited
    case .failed(let failure):
      result = .refused
      reason = "\(failure)"
    case .unsent(let cause):
      result = .unsent
      reason = cause
    case .unanswered(let cause):
      result = .unanswered
      reason = cause
    }
    metrics.calls.add(for: result)
    guard let reason, !isStopping else { return }
    if case .failed(.unauthorized) = outcome {
      return logger.log(.tokenRejected(call, reason: reason))
    }
    logger.log(.providerCallFailed(call, result, reason: reason))
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
    logger.log(.createCallMisanswered(job, predictionID: predictionID))
  }
}
