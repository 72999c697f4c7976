internal import Jobs
internal import ReplicateAPI
internal import Store

/// Looks for predictions whose creation had no answer: by their webhooks' URLs, among the newest that the provider lists.
///
/// Where a list that reaches back beyond the call does not have one, some time after the call, it was never made, and the order
/// goes back into the queue: that second call is not made blindly.
struct PredictionSearch {
  /// How old a call without an answer must be before the prediction's absence counts, in milliseconds: longer than any call
  /// may take to have its effect.
  static let certainty: Int64 = 60_000
  /// The same from the answer of a call that the provider itself says has failed: time for its lists to show what it did.
  private static let settlingTime: Int64 = 5000
  /// Until the first look, in milliseconds: the webhook is often there before.
  private static let firstPause: Int64 = 5000
  /// Until a list that could not be had is asked for again.
  private static let pauseAfterFailure: Int64 = 5000
  /// Clocks differ, in milliseconds.
  private static let tolerance: Int64 = 300_000
  /// Pages of a hundred predictions: ten minutes of as many as Replicate lets an account create.
  private static let longestSearch = 100

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
        certain = min(sentAt ?? now, now).advanced(byMilliseconds: certainty)
        firstLook = now.advanced(byMilliseconds: firstPause)
      }
    }
  }

  let client: ReplicateClient
  let context: ProviderContext

  func run(_ steps: [OrderStep]) -> ProviderPause? {
    guard context.publicURL != nil else {
      let message =
        "the answer to the call that creates it was lost, and without PUBLIC_URL it cannot be found"
      for step in steps {
        context.end(step.job, step.order.number, .failed, JobError(code: "answer_lost", message: message))
      }
      return nil
    }
    let begin = context.now
    var missing = Dictionary(steps.map { ($0.job.id, $0) }) { first, _ in first }
    var path: String?
    for _ in 0..<Self.longestSearch {
      let outcome = client.list(path)
      context.count("list", outcome)
      guard case .answered(let (page, body)) = outcome else {
        return giveUp(missing.values, after: outcome)
      }
      let oldest = missing.values.compactMap(\.order.sentAt).min()
      let limit = (oldest ?? begin).advanced(byMilliseconds: -Self.tolerance)
      var isOlder = false
      for range in page.predictions {
        let item = Array(body[range])
        guard let prediction = try? Prediction(body: item.span) else { continue }
        take(prediction, item, of: &missing)
        if let createdAt = prediction.createdAt, createdAt < limit { isOlder = true }
      }
      guard !missing.isEmpty else { return nil }
      path = page.next
      if isOlder || path == nil {
        for step in missing.values { noteAbsence(of: step, since: begin) }
        return nil
      }
    }
    return nil
  }

  /// What it says counts as asked for: no delivery has told of it.
  private func take(_ prediction: Prediction, _ item: [UInt8], of missing: inout [String: OrderStep]) {
    guard let url = prediction.webhookURL(in: item.span), let value = JobToken.parameterValue(in: url),
      let id = context.token.job(named: value), let step = missing[id],
      context.record(item, .list, ofJob: step.order.number)
    else { return }
    missing[id] = nil
  }

  /// - Parameter begin: when the list was first asked for; what was made later is on none of its pages.
  private func noteAbsence(of step: OrderStep, since begin: Timestamp) {
    let certain = step.order.certainAt ?? begin
    let now = context.now
    context.persist { transaction throws(StoreError) in
      if certain <= begin {
        try transaction.putOff(step.order, until: now, at: now)
      } else {
        // Again after as long a time as has passed: most calls have their effect soon.
        let age = max(begin.milliseconds - (step.order.sentAt ?? begin).milliseconds, Self.firstPause)
        try transaction.delay(step, until: min(certain, now.advanced(byMilliseconds: age)))
      }
    }
  }

  private func giveUp<Value>(
    _ steps: some Sequence<OrderStep>, after outcome: ReplicateClient.Outcome<Value>
  ) -> ProviderPause? {
    var pause: ProviderPause?
    if case .failed(let failure) = outcome { pause = ProviderCaller.pause(after: failure) }
    let wait = pause.map { Int64($0.seconds) * 1000 } ?? Self.pauseAfterFailure
    let moment = context.now.advanced(byMilliseconds: wait)
    let steps = Array(steps)
    context.persist { transaction throws(StoreError) in
      for step in steps { try transaction.delay(step, until: moment) }
    }
    return pause
  }
}
