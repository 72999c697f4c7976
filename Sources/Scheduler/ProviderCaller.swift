internal import HTTPClient
internal import JobRequests
internal import Jobs
internal import Logging
internal import Replicate
internal import StandardWebhooks
internal import Store
internal import System
internal import Time

/// Makes calls to the provider, one after another, on a thread of its own, and commits what comes of each.
final class ProviderCaller {
  private let position: Int
  private let client: ReplicateClient
  private let context: ProviderContext
  private let calls: BlockingQueue<ProviderCall>
  private let done: @Sendable (DispatcherEvent) -> Void

  init(
    position: Int, client: ReplicateClient, context: ProviderContext, calls: BlockingQueue<ProviderCall>,
    done: @escaping @Sendable (DispatcherEvent) -> Void
  ) {
    self.position = position
    self.client = client
    self.context = context
    self.calls = calls
    self.done = done
  }

  /// Returns when the queue of its calls is closed.
  func run() {
    while let batch = calls.popAll() {
      for call in batch {
        let pause = perform(call)
        done(.done(caller: position, pause: pause))
      }
    }
  }

  private func perform(_ call: ProviderCall) -> ProviderPause? {
    switch call {
    case .create(let step): create(step)
    case .cancel(let step, let id): cancel(id, step)
    case .find(let steps): find(steps)
    case .ask(let question): ask(question)
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
      // An earlier version took what this one does not.
      context.end(step.job, number, .failed, JobError(code: "invalid_input", message: "\(error)"))
      return nil
    }
    let webhook = context.publicURL.flatMap { context.token.webhookURL(publicURL: $0, jobID: step.job.id) }
    let outcome = client.create(request, webhook: webhook)
    context.count("create", outcome)
    let decision = CreateDecision(outcome, tries: step.order.tries, refusals: step.order.refusals)
    context.log(decision, of: step.job)
    switch decision {
    case .place:
      guard case .answered(let answer) = outcome else { return nil }
      if !context.record(answer.body, .answer, ofJob: number) { search(for: step, notFor: answer) }
    case .putOff(let seconds, let reason):
      putOff(step, seconds, because: reason)
      switch reason {
      case .rateLimited: return ProviderPause(seconds: seconds, isForCreates: true, reason: reason)
      case .unauthorized: return .refusedToken
      case .throttled, .unreachable, .refused: return nil
      }
    case .backOff(let seconds, let error): putOff(step, seconds, because: .refused, refusal: error)
    case .find(let isOver): noteUnanswered(step, isOver: isOver)
    case .refuse(let error): context.end(step.job, number, .failed, error, isRefusal: true)
    case .refuseIfRepeated(let error): context.noteNotFound(creating: step, error)
    }
    return nil
  }

  private func putOff(
    _ step: OrderStep, _ seconds: Int, because reason: OrderReason, refusal: JobError? = nil
  ) {
    let now = context.now
    let moment = now.advanced(byMilliseconds: Int64(seconds) * 1000)
    context.persist { transaction throws(StoreError) in
      try transaction.reschedule(step.order, until: moment, at: now, because: reason, refusal: refusal)
    }
  }

  /// Of no effect where a webhook has told of the prediction meanwhile.
  private func noteUnanswered(_ step: OrderStep, isOver: Bool) {
    let plan = PredictionSearch.Plan(sentAt: step.order.sentAt, now: context.now, isOver: isOver)
    context.persist { transaction throws(StoreError) in
      try transaction.noteUnanswered(step.order, nextSearch: plan.firstLook, absenceConclusive: plan.certain)
    }
  }

  /// An answer with another job's prediction, or one that the store refuses, says nothing of this call: as good as none.
  private func search(for step: OrderStep, notFor answer: ReplicateClient.Answer) {
    if !context.isStopping { context.logForeignAnswer(answer.prediction.id, to: step.job) }
    noteUnanswered(step, isOver: false)
  }

  private func find(_ steps: [OrderStep]) -> ProviderPause? {
    let search = PredictionSearch(client: client, context: context)
    let pause = search.run(steps)
    done(.called(search.calls))
    return pause
  }
}

// MARK: - Asking and canceling

extension ProviderCaller {
  private func ask(_ question: DuePolls.Poll) -> ProviderPause? {
    let id = question.predictionID
    let outcome = answer("get", id, isCreatedHere: question.isCreatedHere) { client.get(id, $0) }
    switch outcome {
    case .answered(let answer):
      // Whoever answers for another prediction is not believed.
      guard answer.prediction.id == id else { return nil }
      context.record(answer.body, .poll, ofJob: question.number)
      return nil
    case .failed(.notFound(let message)):
      context.noteNotFound(question.number, id, .poll, message)
      return nil
    case .failed(let failure): return Self.pause(after: failure)
    case .unsent, .unanswered: return nil
    }
  }

  private func cancel(_ id: String, _ step: OrderStep) -> ProviderPause? {
    let outcome = answer("cancel", id, isCreatedHere: step.job.origin != nil) { client.cancel(id, $0) }
    let number = step.order.number
    switch outcome {
    case .answered(let answer):
      guard answer.prediction.id == id else { return nil }
      context.record(answer.body, .answer, ofJob: number)
      context.persist { transaction throws(StoreError) in try transaction.noteCanceled(number) }
      return nil
    case .failed(.notFound(let message)):
      context.noteNotFound(number, id, .answer, message)
      tryAgain(step, after: Self.pauseAfterRefusal)
      return nil
    case .failed(.invalid), .failed(.refused):
      // Perhaps it has ended meanwhile. Its end, by a webhook or a poll, ends the tries too.
      tryAgain(step, after: Self.pauseAfterRefusal)
      return nil
    case .failed(let failure):
      let pause = Self.pause(after: failure)
      tryAgain(step, after: pause?.seconds ?? Self.pauseAfterFailure)
      return pause
    case .unsent, .unanswered:
      tryAgain(step, after: Self.pauseAfterFailure)
      return nil
    }
  }

  /// A prediction that was not created here may be a training, and its body does not tell which. If the first
  /// route answers 404, the other one is called.
  private func answer(
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
  /// The same where the answer is likely to stay as it is.
  private static let pauseAfterRefusal = 60

  private func tryAgain(_ step: OrderStep, after seconds: Int) {
    let moment = context.now.advanced(byMilliseconds: Int64(seconds) * 1000)
    context.persist { transaction throws(StoreError) in try transaction.delay(step, until: moment) }
  }

  private func fetchSecret() -> ProviderPause? {
    let outcome = client.signingSecret()
    context.count("secret", outcome)
    switch outcome {
    case .answered(let secret):
      context.take(secret)
      return nil
    case .failed(let failure):
      done(.secretNotFetched)
      return Self.pause(after: failure)
    case .unsent, .unanswered:
      done(.secretNotFetched)
      return nil
    }
  }

  static func pause(after failure: APIFailure) -> ProviderPause? {
    switch failure {
    case .rateLimited(let seconds):
      ProviderPause(seconds: seconds, isForCreates: false, reason: .rateLimited)
    case .unauthorized: .refusedToken
    case .insufficientCredit, .refused, .notFound, .invalid, .unavailable, .unintelligible: nil
    }
  }
}
