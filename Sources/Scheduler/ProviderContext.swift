internal import GroupCommit
internal import JobRequests
internal import Jobs
internal import Logging
internal import Observability
internal import Replicate
internal import Store
internal import System
internal import Time

/// What all ``ProviderCaller``s share: where what comes of calls is committed, counted and logged.
final class ProviderContext: Sendable {
  let publicURL: String?
  let token: JobToken
  let trainings = KnownTrainings()
  private let queue: CommitQueue
  private let rules: OutputRules
  private let metrics: Metrics
  private let logger: Logger
  private let newSecret: @Sendable (SigningSecret) -> Void
  private let stopping = StopSignal()
  /// What was found out of predictions that are listed without their webhooks.
  let seen = SeenPredictions()

  /// - Parameters:
  ///   - publicURL: what the provider reaches; nil where predictions are created without webhooks.
  ///   - newSecret: takes what webhooks are signed with.
  init(
    publicURL: String?, token: JobToken, queue: CommitQueue, rules: OutputRules, metrics: Metrics,
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

  /// Calls that are under way end within about a second, and what failed to be committed is given up.
  func stop() {
    stopping.raise()
  }

  var now: Timestamp { Timestamp(milliseconds: WallClock.milliseconds) }

  func take(_ secret: SigningSecret) { newSecret(secret) }
}

// MARK: - What is committed

extension ProviderContext {
  /// How long to wait for a store that cannot be written, between two tries.
  private static let retryPause = Duration.seconds(1)

  /// Commits `work`, and waits for the store where it cannot be written: what the provider answered is told only once.
  ///
  /// An error of this one write would come again for ever, and with as many of them as there are callers no call would be
  /// made any more: then it is dropped.
  ///
  /// - Returns: nil where it was dropped, or the daemon stops before. Then the order is found `sending` at the next start, and
  ///   searched for.
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
        logger.error(
          "the store refused an answer of the provider: it was dropped, and is asked for again",
          metadata: ["cause": "\(error)"])
        return nil
      case .failure:
        if !isBlocked { metrics.blockedCallers.add() }
        isBlocked = true
      }
      guard stopping.pause(for: Self.retryPause) else { return nil }
    }
  }

  /// Merges what the provider answered into the job of that number.
  ///
  /// - Returns: false where it is no news of this job.
  @discardableResult
  func record(_ body: [UInt8], _ source: SnapshotSource, ofJob number: Int64) -> Bool {
    let decoded: (snapshot: Snapshot, body: [UInt8])
    do throws(PredictionError) {
      decoded = try SnapshotDecoder(rules: rules).decode(body)
    } catch {
      return false
    }
    let news = PolledSnapshot(source: source, receivedAt: now, snapshot: decoded.snapshot, body: decoded.body)
    let recording = persist { transaction throws(StoreError) in try transaction.record(news, ofJob: number) }
    guard let recording = recording ?? nil else { return false }
    if recording.endsJob, source.isPolled { metrics.lostWebhooks.add() }
    logger.info(
      "answer",
      metadata: [
        "source": "\(source.rawValue)", "job": "\(recording.jobID)",
        "outcome": "\(recording.outcome.rawValue)",
        "prediction_id": "\(news.snapshot.predictionID)", "revision": .number(recording.revision),
        "state": "\(recording.state.rawValue)",
      ])
    return true
  }

  func end(_ job: Job, _ number: Int64, _ phase: Phase, _ error: JobError, isRefusal: Bool = false) {
    let now = now
    let ended = persist { transaction throws(StoreError) in
      try transaction.end(number, of: nil, as: phase, because: error, at: now, isRefusal: isRefusal)
    }
    guard ended ?? nil != nil else { return }
    logEnd(of: job, error)
  }

  private func logEnd(of job: Job, _ error: JobError) {
    logger.notice(
      "a job has ended without a prediction", metadata: ["job": "\(job.id)", "code": "\(error.code)"])
  }

  /// The call that creates the prediction was answered with a 404.
  func noteNotFound(creating step: OrderStep, _ error: JobError) {
    let now = now
    let ended = persist { transaction throws(StoreError) in
      try transaction.noteNotFound(creating: step.order, because: error, at: now)
    }
    guard let job = ended ?? nil else { return }
    logEnd(of: job, error)
  }

  /// A call about the prediction was answered with a 404.
  func noteNotFound(_ number: Int64, _ predictionID: String, _ source: SnapshotSource, _ message: String) {
    let now = now
    let error = JobError(code: "gone", message: message)
    let ended = persist { transaction throws(StoreError) in
      try transaction.noteNotFound(number, of: predictionID, from: source, because: error, at: now)
    }
    guard let job = ended ?? nil else { return }
    logger.notice("the provider does not know a job's prediction", metadata: ["job": "\(job.id)"])
  }
}

// MARK: - What is counted and logged

extension ProviderContext {
  func count<Value>(_ call: StaticString, _ outcome: ReplicateClient.Outcome<Value>) {
    let result: String
    var reason: String?
    switch outcome {
    case .answered: result = "answered"
    case .failed(.rateLimited): result = "rate_limited"
    case .failed(let failure):
      result = "refused"
      reason = "\(failure)"
    case .unsent(let cause):
      result = "unsent"
      reason = cause
    case .unanswered(let cause):
      result = "unanswered"
      reason = cause
    }
    metrics.providerCalls[result]?.add()
    guard let reason, !isStopping else { return }
    if case .failed(.unauthorized) = outcome {
      logger.error(
        "the provider refuses the token: nothing is created until REPLICATE_API_TOKEN is right",
        metadata: ["call": "\(call)", "reason": "\(reason)"])
      return
    }
    logger.notice(
      "a call to the provider failed",
      metadata: ["call": "\(call)", "result": "\(result)", "reason": "\(reason)"])
  }

  func log(_ decision: CreateDecision, of job: Job) {
    switch decision {
    case .place, .refuse, .refuseIfRepeated: return
    case .putOff(let seconds, let reason):
      logger.info(
        "an order was put off",
        metadata: ["job": "\(job.id)", "seconds": .number(seconds), "reason": "\(reason.rawValue)"])
    case .backOff(let seconds, let error):
      logger.warning(
        "the provider refused an order: it is tried again",
        metadata: ["job": "\(job.id)", "seconds": .number(seconds), "reason": "\(error.message ?? "")"])
    case .find:
      logger.warning(
        "the answer to a call that creates a prediction was lost: it will be looked for",
        metadata: ["job": "\(job.id)"])
    }
  }

  func logForeignAnswer(_ predictionID: String, to job: Job) {
    logger.warning(
      "the answer to a call that creates a prediction names another job's: the prediction will be looked for",
      metadata: ["job": "\(job.id)", "prediction_id": "\(predictionID)"])
  }
}
