internal import HTTPClient
internal import JobRequests
internal import Jobs
internal import Logging
internal import Replicate
internal import StandardWebhooks
internal import Store
internal import System
internal import Time

/// A thread that makes calls to the provider, and commits their results.
final class ProviderCaller {
  private let position: Int
  private let client: ReplicateClient
  private let context: ProviderContext
  private let calls: BlockingQueue<ProviderCall>
  private let send: @Sendable (Mailbox.Event) -> Void

  init(
    position: Int, client: ReplicateClient, context: ProviderContext, calls: BlockingQueue<ProviderCall>,
    send: @escaping @Sendable (Mailbox.Event) -> Void
  ) {
    self.position = position
    self.client = client
    self.context = context
    self.calls = calls
    self.send = send
  }

  /// Returns when the queue of calls is closed.
  func run() {
    while let batch = calls.popAll() {
      for call in batch {
        let pause = perform(call)
        send(.done(caller: position, pause: pause))
      }
    }
  }

  private func perform(_ call: ProviderCall) -> ProviderPause? {
    switch call {
    case .create(let step): create(step)
    case .cancel(let step, let id): cancel(id, step)
    case .search(let steps): search(steps)
    case .poll(let poll): self.poll(poll)
    case .fetchSecret: fetchSecret()
    }
  }
}

// MARK: - Creating

extension ProviderCaller {
  private func create(_ step: OrderStep) -> ProviderPause? {
    let number = step.order.number
    let request: PredictionRequest
    do throws(PredictionRequestError) {
      request = try PredictionRequest(body: step.order.request.span, isStored: true)
    } catch {
      // An earlier version accepted a request that this one rejects.
      context.end(step.job, number, .failed, JobError(code: "invalid_input", message: "\(error)"))
      return nil
    }
    let webhook = context.publicURL.flatMap { context.token.webhookURL(publicURL: $0, jobID: step.job.id) }
    let outcome = client.create(request, webhook: webhook)
    context.count("create", outcome)
    let decision = CreateDecision(outcome, tries: step.order.tries, refusals: step.order.refusals)
    context.log(decision, of: step.job)
    return carryOut(decision, outcome, step)
  }

  private func carryOut(
    _ decision: CreateDecision, _ outcome: ReplicateClient.Outcome<ReplicateClient.Answer>, _ step: OrderStep
  ) -> ProviderPause? {
    let number = step.order.number
    switch decision {
    case .created:
      guard case .answered(let answer) = outcome else { return nil }
      if !context.record(answer.body, .answer, ofJob: number) { noteForeignAnswer(answer, to: step) }
    case .reschedule(let seconds, let reason):
      reschedule(step, seconds, because: reason)
      switch reason {
      case .rateLimited: return ProviderPause(seconds: seconds, affectsOnlyCreates: true, reason: reason)
      case .unauthorized: return .rejectedToken
      case .throttled, .unreachable, .refused: return nil
      }
    case .backOff(let seconds, let error): reschedule(step, seconds, because: .refused, refusal: error)
    case .search(let hasCallEnded): noteUnanswered(step, hasCallEnded: hasCallEnded)
    case .fail(let error): context.end(step.job, number, .failed, error, isRefusal: true)
    case .failIfRepeated(let error): context.noteNotFound(creating: step, error)
    }
    return nil
  }

  private func reschedule(
    _ step: OrderStep, _ seconds: Int, because reason: OrderReason, refusal: JobError? = nil
  ) {
    let now = context.now
    let moment = now.advanced(byMilliseconds: Int64(seconds) * 1000)
    context.persist { transaction throws(StoreError) in
      try transaction.reschedule(step.order, until: moment, at: now, because: reason, refusal: refusal)
    }
  }

  /// Schedules a search. It has no effect if a webhook has reported the prediction meanwhile.
  private func noteUnanswered(_ step: OrderStep, hasCallEnded: Bool) {
    let plan = LostPredictionSearch.Plan(
      sentAt: step.order.sentAt, now: context.now, hasCallEnded: hasCallEnded)
    context.persist { transaction throws(StoreError) in
      try transaction.noteUnanswered(
        step.order, nextSearch: plan.firstCheck, absenceConclusive: plan.absenceConclusiveAt)
    }
  }

  /// Treats an answer that cannot be recorded as a lost one.
  ///
  /// It has another job's prediction, or the store rejects it.
  private func noteForeignAnswer(_ answer: ReplicateClient.Answer, to step: OrderStep) {
    if !context.isStopping { context.logForeignAnswer(answer.prediction.id, to: step.job) }
    noteUnanswered(step, hasCallEnded: false)
  }

  private func search(_ steps: [OrderStep]) -> ProviderPause? {
    let search = LostPredictionSearch(client: client, context: context)
    let pause = search.run(steps)
    send(.called(search.calls))
    return pause
  }
}

// MARK: - Polling and canceling

extension ProviderCaller {
  private func poll(_ poll: DuePolls.Poll) -> ProviderPause? {
    let id = poll.predictionID
    let outcome = callRoutes("get", id, isCreatedHere: poll.isCreatedHere) { client.get(id, $0) }
    switch outcome {
    case .answered(let answer):
      // An answer about another prediction is ignored.
      guard answer.prediction.id == id else { return nil }
      context.record(answer.body, .poll, ofJob: poll.number)
      return nil
    case .failed(.notFound(let message)):
      context.noteNotFound(poll.number, id, .poll, message)
      return nil
    case .failed(let failure): return Self.pause(after: failure)
    case .unsent, .unanswered: return nil
    }
  }

  private func cancel(_ id: String, _ step: OrderStep) -> ProviderPause? {
    let outcome = callRoutes("cancel", id, isCreatedHere: step.job.origin != nil) { client.cancel(id, $0) }
    let number = step.order.number
    switch outcome {
    case .answered(let answer):
      guard answer.prediction.id == id else { return nil }
      context.record(answer.body, .answer, ofJob: number)
      context.persist { transaction throws(StoreError) in try transaction.noteCanceled(number) }
      return nil
    case .failed(.notFound(let message)):
      context.noteNotFound(number, id, .answer, message)
      retry(step, after: Self.pauseAfterRefusal)
      return nil
    case .failed(.invalid), .failed(.refused):
      // It may have ended meanwhile. A delivery or a poll of its end stops the retries.
      retry(step, after: Self.pauseAfterRefusal)
      return nil
    case .failed(let failure):
      let pause = Self.pause(after: failure)
      retry(step, after: pause?.seconds ?? Self.pauseAfterFailure)
      return pause
    case .unsent, .unanswered:
      retry(step, after: Self.pauseAfterFailure)
      return nil
    }
  }

  /// Calls the route for predictions, the one for trainings, or both.
  ///
  /// A prediction that was not created here may be a training, which its body does not show. After a 404 of
  /// the first route, the other one is called.
  private func callRoutes(
    _ name: StaticString, _ id: String, isCreatedHere: Bool,
    _ call: (ReplicateClient.Kind) -> ReplicateClient.Outcome<ReplicateClient.Answer>
  ) -> ReplicateClient.Outcome<ReplicateClient.Answer> {
    let routes = isCreatedHere ? [.predictions] : context.trainings.routes(for: id)
    var outcome = call(routes[0])
    context.count(name, outcome)
    for kind in routes.dropFirst() {
      guard case .failed(.notFound) = outcome else { break }
      outcome = call(kind)
      context.count(name, outcome)
      if kind == .trainings, case .answered = outcome { context.trainings.insert(id) }
    }
    return outcome
  }

  /// In seconds.
  private static let pauseAfterFailure = 5
  /// The same where the response is likely to repeat.
  private static let pauseAfterRefusal = 60

  private func retry(_ step: OrderStep, after seconds: Int) {
    let moment = context.now.advanced(byMilliseconds: Int64(seconds) * 1000)
    context.persist { transaction throws(StoreError) in try transaction.delay(step, until: moment) }
  }

  private func fetchSecret() -> ProviderPause? {
    let outcome = client.signingSecret()
    context.count("secret", outcome)
    switch outcome {
    case .answered(let secret):
      context.updateSecret(secret)
      return nil
    case .failed(let failure):
      send(.secretNotFetched)
      return Self.pause(after: failure)
    case .unsent, .unanswered:
      send(.secretNotFetched)
      return nil
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
