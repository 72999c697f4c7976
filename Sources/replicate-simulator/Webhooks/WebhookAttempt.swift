/// One request to a receiver, to be made now.
struct WebhookAttempt: Sendable {
  let ordinal: Int
  /// Which of the prediction's webhooks it is.
  let index: Int
  let event: WebhookEvent
  /// The same for every copy and every attempt.
  let webhookID: String
  let url: String
  let body: [UInt8]
  /// When the first attempt was due.
  let start: Instant
  /// An extra copy is never tried again: Replicate promises to try again, not to repeat what was answered.
  let isCopy: Bool
  var retry = 0

  /// Replicate tries again only what tells of the end.
  var isRetried: Bool { event == .completed && !isCopy }
}
