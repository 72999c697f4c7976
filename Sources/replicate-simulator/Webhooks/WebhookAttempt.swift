/// One request to a receiver, due now.
struct WebhookAttempt: Sendable {
  let ordinal: Int
  /// The index among the prediction's webhooks.
  let index: Int
  let event: WebhookEvent
  /// The same for every copy and every attempt.
  let webhookID: String
  let url: String
  let body: [UInt8]
  /// When the first attempt was due.
  let start: Instant
  /// Whether this is a duplicate, which is never retried.
  ///
  /// Replicate promises retries, not repeats of acknowledged webhooks.
  let isCopy: Bool
  var retry = 0

  /// Replicate retries only the `completed` webhook.
  var isRetried: Bool { event == .completed && !isCopy }
}
