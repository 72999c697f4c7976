internal import Ledger
internal import JobRequests
internal import Jobs
internal import Replicate
internal import StoreSeam
internal import Time

/// Makes calls to the provider, and commits their results.
final class ProviderCalls {
  private let client: ReplicateClient
  private let context: ProviderContext
  private let search: LostPredictionSearch
  private let limit: RateLimit
  private let newSecret: @Sendable (SigningSecret) -> Void
  private var trainings = KnownTrainings()
  /// Orders whose create calls have ended, and whose results the store rejected, by their jobs' numbers.
  private var unsettled: [Int64: (step: OrderStep, retryAt: MonotonicTime)] = [:]

  /// Between two tries to note a rejected result.
  private static let settlingPause = Duration.seconds(60)

  /// What a call means for the next ones.
  struct Result: Equatable {
    var pause: ProviderPause?
    var isSecretMissing = false
  }

  /// - Parameter newSecret: receives the signing secret of webhooks.
  init(
    client: ReplicateClient, context: ProviderContext, limit: RateLimit,
    newSecret: @escaping @Sendable (SigningSecret) -> Void
  ) {
    self.client = client
    self.context = context
    self.newSecret = newSecret
    self.limit = limit
    search = LostPredictionSearch(client: client, context: context, limit: limit)
  }

  /// - Parameter moment: when the claim of the call's step was begun; nil for a call without a lease.
  func perform(_ call: ProviderCall, claimedAt moment: MonotonicTime? = nil) async -> Result {
    if let moment, moment + context.policy.stepLease / 2 < context.clock.now.monotonic {
      await release(call)
      return Result()
    }
    let result = await perform(call)
    if let pause = result.pause { await context.share(pause) }
    return result
  }

  private func perform(_ call: ProviderCall) async -> Result {
    switch call {
    case .create(let step): Result(pause: await createAndSettle(step))
    case .cancel(let step, let id): Result(pause: await cancel(id, step))
    case .search(let steps): Result(pause: await search.runOnce(now: context.clock.now, for: steps))
    case .poll(let poll): Result(pause: await self.poll(poll))
    case .fetchSecret: await fetchSecret()
    }
  }
}

// MARK: - Creating

extension ProviderCalls {
  /// Gives back a claim of which too little is left: the call could outlast it.
  ///
  /// Another process would then count it as unanswered, or make it too.
  private func release(_ call: ProviderCall) async {
    switch call {
    case .create(let step): await reschedule(step, 0, because: nil)
    case .cancel(let step, _): await retry(step, after: 0)
    case .search(let steps): for step in steps { await retry(step, after: 0) }
    case .poll, .fetchSecret: break
    }
  }

  /// Makes the call, and notes if the store rejected its result.
  private func createAndSettle(_ step: OrderStep) async -> ProviderPause? {
    let pause = await create(step)
    if !Task.isCancelled, await context.awaitsResult(of: step) {
      unsettled[step.order.number] = (step, context.clock.now.monotonic + Self.settlingPause)
    }
    return pause
  }

  /// Counts calls whose results the store rejected as unanswered.
  ///
  /// Their orders would stay `sending` until the next start, and no search would find their predictions.
  func settle(at now: ClockReading) async {
    for (number, (step, retryAt)) in unsettled.sorted(by: { $0.key < $1.key }) where retryAt <= now.monotonic
    {
      let plan = LostPredictionSearch.Plan(sentAt: step.order.sentAt, now: now.wall, hasCallEnded: false)
      unsettled[number] =
        await context.noteUnanswered(step, plan) ? nil : (step, now.monotonic + Self.settlingPause)
    }
  }

  private func create(_ step: OrderStep) async -> ProviderPause? {
    let request: PredictionRequest
    do throws(PredictionRequestError) {
      request = try PredictionRequest(body: step.order.request.span, isStored: true)
    } catch {
      // An earlier version accepted a request that this one rejects.
      await context.end(step, JobError(code: "invalid_input", message: "\(error)"))
      return nil
    }
    let webhook = context.publicURL.flatMap { context.token.webhookURL(publicURL: $0, jobID: step.job.id) }
    let outcome = await client.create(request, webhook: webhook)
    context.count(.create, outcome)
    let decision = CreateDecision(outcome, tries: step.order.tries, refusals: step.order.refusals)
    context.log(decision, of: step.job)
    return await carryOut(decision, outcome, step)
  }

  private func carryOut(
    _ decision: CreateDecision, _ outcome: ReplicateClient.Outcome<ReplicateClient.Answer>, _ step: OrderStep
  ) async -> ProviderPause? {
    let number = step.order.number
    switch decision {
    case .created:
      guard case .answered(let answer) = outcome else { return nil }
      let named = context.jobID(namedBy: answer.prediction, answer.body)
      let isForeign = named.map { $0 != step.job.id } ?? false
      var isRecorded = false
      if !isForeign { isRecorded = await context.record(answer.body, .answer, ofJob: number) }
      if !isRecorded { await noteForeignAnswer(answer, to: step) }
    case .reschedule(let seconds, let reason):
      if reason == .rateLimited || reason == .insufficientCredit {
        // Before the commit, during which other calls would still be claimed.
        let pause = ProviderPause(seconds: seconds, affectsOnlyCreates: true, reason: reason)
        limit.pause(pause, at: context.clock.now.monotonic)
        await context.share(pause)
      }
      await reschedule(step, seconds, because: reason)
      return reason == .unauthorized ? .rejectedToken : nil
    case .backOff(let seconds, let error): await reschedule(step, seconds, because: .refused, refusal: error)
    case .search(let hasCallEnded): await noteUnanswered(step, hasCallEnded: hasCallEnded)
    case .fail(let error): await context.end(step, error, isRefusal: true)
    case .failIfRepeated(let error): await context.noteNotFound(creating: step, error)
    }
    return nil
  }

  private func reschedule(
    _ step: OrderStep, _ seconds: Int, because reason: OrderReason?, refusal: JobError? = nil
  ) async {
    let now = context.clock.wall
    let moment = now.advanced(byMilliseconds: Int64(seconds) * 1000)
    await context.persist { transaction throws(StorageError) in
      try transaction.reschedule(step.order, until: moment, at: now, because: reason, refusal: refusal)
    }
  }

  /// Schedules a search. It has no effect if a webhook has reported the prediction meanwhile.
  private func noteUnanswered(_ step: OrderStep, hasCallEnded: Bool) async {
    let plan = LostPredictionSearch.Plan(
      sentAt: step.order.sentAt, now: context.clock.wall, hasCallEnded: hasCallEnded)
    await context.persist { transaction throws(StorageError) in
      try transaction.noteUnanswered(
        step.order, nextSearch: plan.firstCheck, absenceConclusive: plan.absenceConclusiveAt)
    }
  }

  /// Treats an answer that cannot be recorded as a lost one.
  ///
  /// It has another job's prediction, or the store rejects it.
  private func noteForeignAnswer(_ answer: ReplicateClient.Answer, to step: OrderStep) async {
    context.logForeignAnswer(answer.prediction.id, to: step.job)
    await noteUnanswered(step, hasCallEnded: false)
  }
}

// MARK: - Polling and canceling

extension ProviderCalls {
  private func poll(_ poll: DuePolls.Poll) async -> ProviderPause? {
    let id = poll.predictionID
    let outcome = await callRoutes(.get, id, isCreatedHere: poll.isCreatedHere) { kind in
      await client.get(id, kind)
    }
    switch outcome {
    case .answered(let answer):
      // An answer about another prediction is ignored.
      guard answer.prediction.id == id else { return nil }
      await context.record(answer.body, .poll, ofJob: poll.number)
      return nil
    case .failed(.notFound(let message)):
      await context.noteNotFound(poll.number, id, .poll, message)
      return nil
    case .failed(let failure): return Self.pause(after: failure)
    case .unsent, .unanswered: return nil
    }
  }

  private func cancel(_ id: String, _ step: OrderStep) async -> ProviderPause? {
    let outcome = await callRoutes(.cancel, id, isCreatedHere: step.job.origin != nil) { kind in
      await client.cancel(id, kind)
    }
    let number = step.order.number
    switch outcome {
    case .answered(let answer):
      guard answer.prediction.id == id else { return nil }
      await context.record(answer.body, .answer, ofJob: number)
      await context.persist { transaction throws(StorageError) in try transaction.noteCanceled(number) }
      return nil
    case .failed(.notFound(let message)):
      await context.noteNotFound(number, id, .answer, message)
      await retry(step, after: Self.pauseAfterRefusal)
      return nil
    case .failed(.invalid), .failed(.refused):
      // It may have ended meanwhile. A delivery or a poll of its end stops the retries.
      await retry(step, after: Self.pauseAfterRefusal)
      return nil
    case .failed(let failure):
      let pause = Self.pause(after: failure)
      await retry(step, after: pause?.seconds ?? Self.pauseAfterFailure)
      return pause
    case .unsent, .unanswered:
      await retry(step, after: Self.pauseAfterFailure)
      return nil
    }
  }

  /// Calls the route for predictions, the one for trainings, or both.
  ///
  /// A prediction that was not created here may be a training, which its body does not show. After a 404 of
  /// the first route, the other one is called.
  private func callRoutes(
    _ name: SchedulerMetrics.CallName, _ id: String, isCreatedHere: Bool,
    _ call: (ReplicateClient.Kind) async -> ReplicateClient.Outcome<ReplicateClient.Answer>
  ) async -> ReplicateClient.Outcome<ReplicateClient.Answer> {
    let routes = isCreatedHere ? [.predictions] : trainings.routes(for: id)
    var outcome = await call(routes[0])
    context.count(name, outcome)
    for kind in routes.dropFirst() {
      guard case .failed(.notFound) = outcome else { break }
      outcome = await call(kind)
      context.count(name, outcome)
      if kind == .trainings, case .answered = outcome { trainings.insert(id) }
    }
    return outcome
  }

  /// In seconds.
  private static let pauseAfterFailure = 5
  /// The same where the response is likely to repeat.
  private static let pauseAfterRefusal = 60

  private func retry(_ step: OrderStep, after seconds: Int) async {
    let moment = context.clock.wall.advanced(byMilliseconds: Int64(seconds) * 1000)
    await context.persist { transaction throws(StorageError) in try transaction.delay(step, until: moment) }
  }

  private func fetchSecret() async -> Result {
    let outcome = await client.signingSecret()
    context.count(.secret, outcome)
    switch outcome {
    case .answered(let secret):
      newSecret(secret)
      return Result()
    case .failed(let failure): return Result(pause: Self.pause(after: failure), isSecretMissing: true)
    case .unsent, .unanswered: return Result(isSecretMissing: true)
    }
  }

  static func pause(after failure: APIFailure) -> ProviderPause? {
    switch failure {
    case .rateLimited(let seconds):
      ProviderPause(seconds: seconds, affectsOnlyCreates: false, reason: .rateLimited)
    case .unauthorized: .rejectedToken
    case .insufficientCredit, .refused, .notFound, .invalid, .unavailable, .unintelligible: nil
    }
  }
}
