internal import Ledger
internal import Jobs
internal import Replicate
internal import StoreSeam
internal import Time

/// Searches the provider's list for predictions whose create call had no response.
///
/// The newest predictions are matched by their webhooks' URLs. An item of the list need not show its webhook,
/// and Replicate documents none. Such an item proves nothing. If it may be a lost one, it is fetched by its
/// id, because that response repeats the webhook.
///
/// The list may reach back beyond the call without having the prediction. After a grace period, its absence
/// then proves that it was never created, and the order is queued again.
///
/// A call that fails is retried, and the search goes on from there: a page is found by its cursor, so new
/// predictions move none of the older ones. One search runs at a time.
final class LostPredictionSearch {
  /// The age of a call after which an absence is conclusive.
  static let absenceGracePeriod = StoredOrder.absenceGracePeriod
  /// The same after a response by which the call has failed.
  ///
  /// It covers the delay of the lists.
  private static let gracePeriodAfterEnd: Int64 = 5000
  /// Until the first search, in milliseconds. The webhook often comes earlier.
  private static let firstPause: Int64 = 5000
  /// Until the next search after one that failed.
  private static let pauseAfterFailure: Int64 = 5000
  /// The maximum of calls for one page or prediction.
  static let maxTries = 5
  /// The maximum pause before a retry. Where the provider requires more, the search ends.
  private static let maxRetryPause = 60
  /// Until a search continues that had too many candidates.
  private static let pauseBetweenParts: Int64 = 1000
  /// Between two searches for the same prediction.
  private static let maxPauseMilliseconds: Int64 = 60_000
  /// From the end of the grace period until an inconclusive search ends.
  private static let maxInconclusiveMilliseconds: Int64 = 600_000
  /// Pages of a hundred predictions: two hours at Replicate's rate limit.
  private static let maxPages = 1000
  /// Predictions that one search fetches by their ids. The results are cached for the next.
  static let maxCandidates = 100

  /// When to search for the prediction of a call without a response.
  struct Plan {
    let firstCheck: Timestamp
    /// The time from which the prediction's absence is conclusive.
    let absenceConclusiveAt: Timestamp

    /// - Parameter hasCallEnded: whether the provider's response shows that the call has failed.
    init(sentAt: Timestamp?, now: Timestamp, hasCallEnded: Bool) {
      if hasCallEnded {
        absenceConclusiveAt = now.advanced(byMilliseconds: gracePeriodAfterEnd)
        firstCheck = absenceConclusiveAt
      } else {
        absenceConclusiveAt = min(sentAt ?? now, now).advanced(byMilliseconds: absenceGracePeriod)
        firstCheck = now.advanced(byMilliseconds: firstPause)
      }
    }
  }

  private let client: ReplicateClient
  private let context: ProviderContext
  private let limit: RateLimit
  /// Predictions that are listed without their webhooks, and were fetched by this or earlier searches.
  private var fetched = FetchedPredictions()

  /// The time of the first call. Predictions created later are on none of its pages.
  private var startedAt = Timestamp(milliseconds: 0)
  /// The orders whose predictions are sought, in the order of their claims.
  private var steps: [OrderStep] = []
  /// Those whose predictions are not found yet, by their jobs' ids.
  private var lost: [String: OrderStep] = [:]
  /// Jobs that a prediction without a webhook may belong to.
  private var inconclusive: Set<String> = []
  private var candidateCalls = 0
  private var calls = 0
  /// When the claims of the steps are next extended.
  private var extensionDueAt = MonotonicTime(nanoseconds: 0)

  init(client: ReplicateClient, context: ProviderContext, limit: RateLimit) {
    self.client = client
    self.context = context
    self.limit = limit
  }

  /// Searches for the predictions of `steps`.
  ///
  /// - Returns: the pause that the provider requires, if any.
  func runOnce(now: ClockReading, for steps: [OrderStep]) async -> ProviderPause? {
    guard context.publicURL != nil else {
      for step in steps { await end(step, Self.unfindable(step)) }
      return nil
    }
    (startedAt, inconclusive, candidateCalls, calls) = (now.wall, [], 0, 0)
    self.steps = steps
    extensionDueAt = now.monotonic + context.policy.stepLease / 4
    lost = Dictionary(steps.map { ($0.job.id, $0) }) { first, _ in first }
    defer { (self.steps, lost) = ([], [:]) }
    var path: String?
    for _ in 0..<Self.maxPages {
      let outcome = await retrying(.list) { await client.list(path) }
      guard case .answered(let (page, body)) = outcome else { return await stop(after: outcome) }
      let (candidates, isPastWindows) = await match(page, body)
      if let end = await examine(candidates) { return end.pause }
      guard !lost.isEmpty else { return nil }
      path = page.next
      if isPastWindows || path == nil {
        for step in lostSteps { await noteAbsence(of: step) }
        return nil
      }
    }
    // The list is longer than a search, and its rest is unknown.
    for step in lostSteps { await noteInconclusive(step) }
    return nil
  }

  /// In the order of their claims, so that a simulation repeats itself.
  private var lostSteps: [OrderStep] { steps.filter { lost[$0.job.id] != nil } }

  /// Makes a call, and retries it while its failure may pass.
  private func retrying<Value>(
    _ name: SchedulerMetrics.CallName, _ call: () async -> ReplicateClient.Outcome<Value>
  ) async -> ReplicateClient.Outcome<Value> {
    var tries: Int64 = 0
    while true {
      await extendClaims()
      // The first call was counted when the search started.
      if calls > 0 { limit.noteCall(at: context.clock.now.monotonic) }
      let outcome = await call()
      (calls, tries) = (calls + 1, tries + 1)
      context.count(name, outcome)
      if case .failed(let failure) = outcome, let pause = ProviderCalls.pause(after: failure) {
        await context.share(pause)
      }
      guard tries < Self.maxTries, let pause = pause(before: outcome, retriedAfter: tries),
        await context.pause(for: pause)
      else { return outcome }
    }
  }

  /// Extends the claims of a long search, and drops the orders that other processes have taken over.
  private func extendClaims() async {
    let now = context.clock.now
    guard context.isShared, extensionDueAt <= now.monotonic else { return }
    extensionDueAt = now.monotonic + context.policy.stepLease / 4
    let (steps, end) = (lostSteps, now.wall.advanced(by: context.policy.stepLease))
    let gone = await context.persist { transaction throws(StorageError) in
      try transaction.extendClaims(of: steps, until: end)
    }
    for step in steps where gone?.contains(step.order.number) ?? false { lost[step.job.id] = nil }
  }

  /// The time until a failed call is retried; nil where it is not.
  private func pause<Value>(
    before outcome: ReplicateClient.Outcome<Value>, retriedAfter tries: Int64
  ) -> Duration? {
    switch outcome {
    case .unsent, .unanswered: return .seconds(CreateDecision.backoff(afterTries: tries))
    case .failed(.unavailable(_, let retryAfter, _)):
      let seconds = max(retryAfter ?? 0, CreateDecision.backoff(afterTries: tries))
      return seconds <= Self.maxRetryPause ? .seconds(seconds) : nil
    case .failed(.rateLimited(let seconds)):
      guard seconds <= Self.maxRetryPause, case .failed(let failure) = outcome,
        let pause = ProviderCalls.pause(after: failure)
      else { return nil }
      // It holds for all other calls too.
      let now = context.clock.now.monotonic
      limit.pause(pause, at: now)
      return limit.callDelay(at: now)
    case .answered, .failed: return nil
    }
  }

  /// Records the lost predictions on a page that show their webhooks.
  ///
  /// - Returns: the predictions without a webhook, and whether one is older than all windows.
  private func match(_ page: PredictionPage, _ body: [UInt8]) async -> ([Prediction], isPastWindows: Bool) {
    let start = lost.values.map { SearchWindow(of: $0, at: startedAt).start }.min() ?? startedAt
    var isPastWindows = false
    var candidates: [Prediction] = []
    for range in page.predictions {
      let item = Array(body[range])
      guard let prediction = try? Prediction(body: item.span) else { continue }
      if prediction.showsWebhook { await record(prediction, item) } else { candidates.append(prediction) }
      if let createdAt = prediction.createdAt, createdAt < start { isPastWindows = true }
    }
    return (candidates, isPastWindows)
  }

  /// Records a found prediction. It counts as polled, because no delivery reported it.
  private func record(_ prediction: Prediction, _ body: [UInt8]) async {
    guard let id = context.jobID(namedBy: prediction, body), let step = lost[id] else { return }
    let number = step.order.number
    if await context.record(body, .list, ofJob: number) {
      lost[id] = nil
    } else if await !context.isPastAttempt(prediction.id, ofJob: number) {
      // A prediction that cannot be recorded exists all the same.
      inconclusive.insert(id)
    }
  }
}

// MARK: - Predictions that are listed without their webhooks

extension LostPredictionSearch {
  /// The end of a search before the list's end.
  private struct EarlyEnd {
    var pause: ProviderPause?
  }

  /// Fetches each listed prediction that may be a lost one.
  private func examine(_ listed: [Prediction]) async -> EarlyEnd? {
    var candidates: [Prediction] = []
    for prediction in listed where lost.values.contains(where: { isCandidate(prediction, for: $0) }) {
      switch fetched[prediction.id] {
      case .foreign: break
      case .job(let id): if lost[id] != nil { candidates.append(prediction) }
      case .unattributed: noteUnattributed(prediction)
      case nil: candidates.append(prediction)
      }
    }
    guard !candidates.isEmpty else { return nil }
    let ids = candidates.map(\.id)
    let unbound = await context.persist { transaction throws(StorageError) in
      try transaction.unbound(among: ids)
    }
    guard let unbound else { return await delayAll(by: Self.pauseAfterFailure) }
    candidates.removeAll { !unbound.contains($0.id) }
    let models = Set(lost.values.compactMap(\.job.model))
    let likely = candidates.filter { $0.model.map(models.contains) ?? true }
    let unlikely = candidates.filter { !($0.model.map(models.contains) ?? true) }
    for candidate in likely + unlikely {
      guard !lost.isEmpty else { return nil }
      guard candidateCalls < Self.maxCandidates else { return await delayAll(by: Self.pauseBetweenParts) }
      if let end = await fetch(candidate) { return end }
    }
    return nil
  }

  private func fetch(_ candidate: Prediction) async -> EarlyEnd? {
    candidateCalls += 1
    let outcome = await retrying(.get) { await client.get(candidate.id, .predictions) }
    switch outcome {
    case .answered(let answer) where answer.prediction.id == candidate.id:
      guard answer.prediction.showsWebhook else {
        fetched.note(.unattributed, of: candidate.id)
        noteUnattributed(candidate)
        return nil
      }
      let id = context.jobID(namedBy: answer.prediction, answer.body)
      fetched.note(id.map { .job($0) } ?? .foreign, of: candidate.id)
      await record(answer.prediction, answer.body)
      return nil
    case .unsent, .unanswered, .failed(.unavailable), .failed(.rateLimited), .failed(.unauthorized):
      return EarlyEnd(pause: await stop(after: outcome))
    case .answered, .failed:
      noteUnattributed(candidate)
      return nil
    }
  }

  private func isCandidate(_ prediction: Prediction, for step: OrderStep) -> Bool {
    SearchWindow(of: step, at: startedAt).contains(prediction.createdAt)
  }

  /// Notes a prediction that may be any lost one of its model.
  private func noteUnattributed(_ prediction: Prediction) {
    for (id, step) in lost where isCandidate(prediction, for: step) {
      guard let model = prediction.model, let wanted = step.job.model, model != wanted else {
        inconclusive.insert(id)
        continue
      }
    }
  }

  private func delayAll(by milliseconds: Int64) async -> EarlyEnd {
    let moment = context.clock.wall.advanced(byMilliseconds: milliseconds)
    let steps = lostSteps
    await context.persist { transaction throws(StorageError) in
      for step in steps { try transaction.delay(step, until: moment) }
    }
    return EarlyEnd()
  }
}

// MARK: - Predictions that were not found

extension LostPredictionSearch {
  private func noteAbsence(of step: OrderStep) async {
    guard !inconclusive.contains(step.job.id) else { return await noteInconclusive(step) }
    let conclusive = step.order.absenceConclusiveAt ?? startedAt
    let now = context.clock.wall
    let nextSearch = min(conclusive, now.advanced(byMilliseconds: backoff(of: step)))
    let isConclusive = conclusive <= startedAt
    await context.persist { transaction throws(StorageError) in
      if isConclusive {
        try transaction.reschedule(step.order, until: now, at: now)
      } else {
        try transaction.delay(step, until: nextSearch)
      }
    }
  }

  /// As long as the time since the call.
  ///
  /// Most calls have their effect soon.
  private func backoff(of step: OrderStep) -> Int64 {
    max(startedAt.milliseconds - (step.order.sentAt ?? startedAt).milliseconds, Self.firstPause)
  }

  /// Schedules another search, because the prediction may exist.
  ///
  /// No second call is made, and a webhook may still come.
  private func noteInconclusive(_ step: OrderStep) async {
    let conclusive = step.order.absenceConclusiveAt ?? startedAt
    guard conclusive.advanced(byMilliseconds: Self.maxInconclusiveMilliseconds) > startedAt else {
      return await end(
        step,
        "the answer to the call that creates it was lost, "
          + "and Replicate does not show which prediction is its own"
      )
    }
    let delay = min(backoff(of: step), Self.maxPauseMilliseconds)
    let nextSearch = context.clock.wall.advanced(byMilliseconds: delay)
    await context.persist { transaction throws(StorageError) in try transaction.delay(step, until: nextSearch)
    }
  }

  private func end(_ step: OrderStep, _ message: String) async {
    await context.end(step, JobError(code: "answer_lost", message: message))
  }

  private static func unfindable(_ step: OrderStep) -> String {
    step.order.isRestored
      ? "the database is a restored backup: it may have been created since, "
        + "and without PUBLIC_URL it cannot be found"
      : "the answer to the call that creates it was lost, and without PUBLIC_URL it cannot be found"
  }

  private func stop<Value>(after outcome: ReplicateClient.Outcome<Value>) async -> ProviderPause? {
    // A response that is invalid or too long stays so for a while.
    if case .failed(.unintelligible) = outcome {
      for step in lostSteps { await noteInconclusive(step) }
      return nil
    }
    var pause: ProviderPause?
    if case .failed(let failure) = outcome { pause = ProviderCalls.pause(after: failure) }
    _ = await delayAll(by: pause.map { Int64($0.seconds) * 1000 } ?? Self.pauseAfterFailure)
    return pause
  }
}
