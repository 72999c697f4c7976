internal import Jobs
internal import ReplicateAPI
internal import Store

/// Looks for a prediction whose creation had no answer: by its webhook's URL, among the newest that the provider lists.
///
/// Where a list that reaches back beyond the call does not have it, some time after the call, it was never made, and the order
/// goes back into the queue: that second call is not made blindly.
struct PredictionSearch {
  /// Until the first look, in milliseconds: the webhook is often there before.
  static let firstPause: Int64 = 5000
  /// How old the call must be before its absence counts, in milliseconds: longer than any call may take to have its effect.
  static let certainty: Int64 = 60_000
  /// Clocks differ, in milliseconds.
  private static let tolerance: Int64 = 300_000
  /// Pages of a hundred predictions.
  private static let longestSearch = 30

  let client: ReplicateClient
  let context: ProviderContext

  func run(_ step: OrderStep) -> ProviderPause? {
    let number = step.order.number
    guard context.publicURL != nil else {
      let message =
        "the answer to the call that creates it was lost, and without PUBLIC_URL it cannot be found"
      context.end(step.job, number, .failed, JobError(code: "answer_lost", message: message))
      return nil
    }
    guard let sentAt = step.order.sentAt else { return nil }
    // What is made while the pages are read is on none of them.
    let begunAt = context.now
    var path: String?
    for _ in 0..<Self.longestSearch {
      let outcome = client.list(path)
      context.count("list", outcome)
      guard case .answered(let (page, body)) = outcome else { return nil }
      var isOlder = false
      for range in page.predictions {
        let item = Array(body[range])
        guard let prediction = try? Prediction(body: item.span) else { continue }
        if isOf(step.job, prediction, in: item), context.record(item, .answer, ofJob: number) { return nil }
        if let createdAt = prediction.createdAt,
          createdAt < sentAt.advanced(byMilliseconds: -Self.tolerance)
        {
          isOlder = true
        }
      }
      path = page.next
      if isOlder || path == nil {
        noteAbsence(step.order, sentAt: sentAt, listedAt: begunAt)
        return nil
      }
    }
    return nil
  }

  private func isOf(_ job: Job, _ prediction: Prediction, in body: [UInt8]) -> Bool {
    guard let url = prediction.webhookURL(in: body.span), let value = JobToken.parameterValue(in: url)
    else {
      return false
    }
    return context.token.job(named: value) == job.id
  }

  private func noteAbsence(_ order: StoredOrder, sentAt: Timestamp, listedAt: Timestamp) {
    guard sentAt.advanced(byMilliseconds: Self.certainty) <= listedAt else { return }
    let now = context.now
    context.persist { transaction throws(StoreError) in try transaction.putOff(order, until: now, at: now) }
  }
}
