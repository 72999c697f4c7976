internal import Jobs
internal import Replicate
internal import Store
internal import Time

/// Looks for predictions whose creation had no answer, among the newest that the provider lists, by their webhooks' URLs.
///
/// The items of a list need not show webhooks, and Replicate documents none. Such an item proves nothing: what may be one of
/// those that are missing is asked for by its id, since that answer repeats the webhook.
///
/// Where a list that reaches back beyond the call does not have a prediction, some time after the call, it was never made, and
/// the order goes back into the queue: that second call is not made blindly.
final class PredictionSearch {
  /// How old a call without an answer must be before the prediction's absence counts, in milliseconds: longer than any call
  /// may take to have its effect.
  static let absenceGracePeriod: Int64 = 60_000
  /// The same from the answer of a call that the provider itself says has failed: time for its lists to show what it did.
  private static let settlingTime: Int64 = 5000
  /// Until the first look, in milliseconds: the webhook is often there before.
  private static let firstPause: Int64 = 5000
  /// Until a list that could not be had is asked for again.
  private static let pauseAfterFailure: Int64 = 5000
  /// Until the next part of a search that had more to ask for than one may.
  private static let pauseBetweenParts: Int64 = 1000
  /// The longest pause between two searches for the same prediction.
  private static let maxPause: Int64 = 60_000
  /// From when an absence would count, until a prediction that cannot be told from others is given up.
  private static let undecidedTime: Int64 = 600_000
  /// Pages of a hundred predictions: two hours of as many as Replicate lets an account create.
  private static let maxPages = 1000
  /// Predictions that one search asks for by their ids. What it learns is kept for the next.
  static let maxCandidates = 100

  /// When to look for what a call may have made.
  struct Plan {
    let firstLook: Timestamp
    /// From when on it counts that the prediction is not listed.
    let certain: Timestamp

    /// - Parameter isOver: the provider itself says that the call has failed.
    init(sentAt: Timestamp?, now: Timestamp, isOver: Bool) {
      if isOver {
        certain = now.advanced(byMilliseconds: settlingTime)
        firstLook = certain
      } else {
        certain = min(sentAt ?? now, now).advanced(byMilliseconds: absenceGracePeriod)
        firstLook = now.advanced(byMilliseconds: firstPause)
      }
    }
  }

  private let client: ReplicateClient
  private let context: ProviderContext
  /// When the list was first asked for; what was made later is on none of its pages.
  private let begin: Timestamp
  /// By their jobs' ids.
  private var missing: [String: OrderStep] = [:]
  /// Jobs whose prediction may be one that could not be told from others.
  private var undecided: Set<String> = []
  private var candidateCalls = 0
  /// Calls that were made.
  private(set) var calls = 0

  init(client: ReplicateClient, context: ProviderContext) {
    self.client = client
    self.context = context
    begin = context.now
  }

  func run(_ steps: [OrderStep]) -> ProviderPause? {
    guard context.publicURL != nil else {
      for step in steps { end(step, Self.unfindable(step)) }
      return nil
    }
    missing = Dictionary(steps.map { ($0.job.id, $0) }) { first, _ in first }
    var path: String?
    for _ in 0..<Self.maxPages {
      let outcome = client.list(path)
      calls += 1
      context.count("list", outcome)
      guard case .answered(let (page, body)) = outcome else { return giveUp(after: outcome) }
      let limit = missing.values.map { SearchWindow(of: $0, at: begin).start }.min() ?? begin
      var isOlder = false
      var candidates: [Prediction] = []
      for range in page.predictions {
        let item = Array(body[range])
        guard let prediction = try? Prediction(body: item.span) else { continue }
        if prediction.showsWebhook { take(prediction, item) } else { candidates.append(prediction) }
        if let createdAt = prediction.createdAt, createdAt < limit { isOlder = true }
      }
      if let end = examine(candidates) { return end.pause }
      guard !missing.isEmpty else { return nil }
      path = page.next
      if isOlder || path == nil {
        for step in missing.values { noteAbsence(of: step) }
        return nil
      }
    }
    // The list is longer than a search: nobody knows what is on the rest.
    for step in missing.values { noteUndecided(step) }
    return nil
  }

  /// What it says counts as asked for: no delivery has told of it.
  private func take(_ prediction: Prediction, _ body: [UInt8]) {
    guard let id = job(namedBy: prediction, body), let step = missing[id] else { return }
    if context.record(body, .list, ofJob: step.order.number) {
      missing[id] = nil
    } else {
      // What cannot be recorded is not absent for that.
      undecided.insert(id)
    }
  }

  private func job(namedBy prediction: Prediction, _ body: [UInt8]) -> String? {
    guard let url = prediction.webhookURL(in: body.span), let value = JobToken.parameterValue(in: url) else {
      return nil
    }
    return context.token.job(named: value)
  }
}

// MARK: - Predictions that are listed without their webhooks

extension PredictionSearch {
  /// Why a search ends before its list does.
  private struct EarlyEnd {
    var pause: ProviderPause?
  }

  /// Asks for each of the predictions that may be missing.
  private func examine(_ listed: [Prediction]) -> EarlyEnd? {
    var candidates: [Prediction] = []
    for prediction in listed where missing.values.contains(where: { isCandidate(prediction, for: $0) }) {
      switch context.seen[prediction.id] {
      case .foreign: break
      case .job(let id): if missing[id] != nil { candidates.append(prediction) }
      case .unmarked: noteUndecided(prediction)
      case nil: candidates.append(prediction)
      }
    }
    guard !candidates.isEmpty else { return nil }
    let ids = candidates.map(\.id)
    let unbound = context.persist { transaction throws(StoreError) in try transaction.unbound(among: ids) }
    guard let unbound else { return delayAll(by: Self.pauseAfterFailure) }
    candidates.removeAll { !unbound.contains($0.id) }
    let models = Set(missing.values.compactMap(\.job.model))
    let likely = candidates.filter { $0.model.map(models.contains) ?? true }
    let unlikely = candidates.filter { !($0.model.map(models.contains) ?? true) }
    for candidate in likely + unlikely {
      guard !missing.isEmpty else { return nil }
      guard candidateCalls < Self.maxCandidates else { return delayAll(by: Self.pauseBetweenParts) }
      if let end = ask(for: candidate) { return end }
    }
    return nil
  }

  private func ask(for candidate: Prediction) -> EarlyEnd? {
    let outcome = client.get(candidate.id, .predictions)
    (calls, candidateCalls) = (calls + 1, candidateCalls + 1)
    context.count("get", outcome)
    switch outcome {
    case .answered(let answer) where answer.prediction.id == candidate.id:
      guard answer.prediction.showsWebhook else {
        context.seen.note(.unmarked, of: candidate.id)
        noteUndecided(candidate)
        return nil
      }
      let job = job(namedBy: answer.prediction, answer.body)
      context.seen.note(job.map { .job($0) } ?? .foreign, of: candidate.id)
      take(answer.prediction, answer.body)
      return nil
    case .unsent, .unanswered, .failed(.unavailable), .failed(.rateLimited), .failed(.unauthorized):
      return EarlyEnd(pause: giveUp(after: outcome))
    case .answered, .failed:
      noteUndecided(candidate)
      return nil
    }
  }

  private func isCandidate(_ prediction: Prediction, for step: OrderStep) -> Bool {
    SearchWindow(of: step, at: begin).contains(prediction.createdAt)
  }

  /// It may be the prediction of each that is missing, unless it is of another model.
  private func noteUndecided(_ prediction: Prediction) {
    for (id, step) in missing where isCandidate(prediction, for: step) {
      guard let model = prediction.model, let wanted = step.job.model, model != wanted else {
        undecided.insert(id)
        continue
      }
    }
  }

  private func delayAll(by milliseconds: Int64) -> EarlyEnd {
    let moment = context.now.advanced(byMilliseconds: milliseconds)
    let steps = Array(missing.values)
    context.persist { transaction throws(StoreError) in
      for step in steps { try transaction.delay(step, until: moment) }
    }
    return EarlyEnd()
  }
}

// MARK: - What was not found

extension PredictionSearch {
  private func noteAbsence(of step: OrderStep) {
    guard !undecided.contains(step.job.id) else { return noteUndecided(step) }
    let certain = step.order.absenceConclusiveAt ?? begin
    let now = context.now
    let again = min(certain, now.advanced(byMilliseconds: pause(before: step)))
    let begin = begin
    context.persist { transaction throws(StoreError) in
      if certain <= begin {
        try transaction.reschedule(step.order, until: now, at: now)
      } else {
        try transaction.delay(step, until: again)
      }
    }
  }

  /// Again after as long a time as has passed: most calls have their effect soon.
  private func pause(before step: OrderStep) -> Int64 {
    max(begin.milliseconds - (step.order.sentAt ?? begin).milliseconds, Self.firstPause)
  }

  /// It may exist, and no list says so: a second call is not made. A webhook may still come.
  private func noteUndecided(_ step: OrderStep) {
    let certain = step.order.absenceConclusiveAt ?? begin
    guard certain.advanced(byMilliseconds: Self.undecidedTime) > begin else {
      return end(
        step,
        "the answer to the call that creates it was lost, and Replicate does not show which prediction is its own"
      )
    }
    let again = context.now.advanced(byMilliseconds: min(pause(before: step), Self.maxPause))
    context.persist { transaction throws(StoreError) in try transaction.delay(step, until: again) }
  }

  private func end(_ step: OrderStep, _ message: String) {
    context.end(step.job, step.order.number, .failed, JobError(code: "answer_lost", message: message))
  }

  private static func unfindable(_ step: OrderStep) -> String {
    step.order.isRestored
      ? "the database is a restored backup: it may have been created since, and without PUBLIC_URL it cannot be found"
      : "the answer to the call that creates it was lost, and without PUBLIC_URL it cannot be found"
  }

  private func giveUp<Value>(after outcome: ReplicateClient.Outcome<Value>) -> ProviderPause? {
    // What is not understood, or is too long to be read, will be no better in a moment.
    if case .failed(.unintelligible) = outcome {
      for step in missing.values { noteUndecided(step) }
      return nil
    }
    var pause: ProviderPause?
    if case .failed(let failure) = outcome { pause = ProviderCaller.pause(after: failure) }
    _ = delayAll(by: pause.map { Int64($0.seconds) * 1000 } ?? Self.pauseAfterFailure)
    return pause
  }
}

/// When a prediction was created that a call without an answer may have made, by the provider's clock.
struct SearchWindow {
  let start: Timestamp
  private let end: Timestamp

  /// Clocks differ, in milliseconds.
  private static let tolerance: Int64 = 300_000
  private static let day: Int64 = 86_400_000

  init(of step: OrderStep, at now: Timestamp) {
    let order = step.order
    guard let sentAt = order.sentAt, !order.isRestored else {
      // Another daemon may have made the call at any time since.
      start = min(step.job.createdAt ?? now, now).advanced(byMilliseconds: -Self.tolerance)
      end = .distantFuture
      return
    }
    // A call of tomorrow was made while the clock was wrong, and so perhaps was one of long ago.
    let isWrong = sentAt > now
    start = (isWrong ? now : sentAt).advanced(byMilliseconds: isWrong ? -Self.day : -Self.tolerance)
    let isOld = now.milliseconds - sentAt.milliseconds > Self.day
    end =
      isWrong || isOld
      ? .distantFuture
      : max(sentAt, order.absenceConclusiveAt ?? now).advanced(byMilliseconds: Self.tolerance)
  }

  /// One without a time may be of any.
  func contains(_ moment: Timestamp?) -> Bool { moment.map { start <= $0 && $0 <= end } ?? true }
}
