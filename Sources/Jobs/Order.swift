package import Time

/// A request to create a prediction.
package struct Order: Sendable {
  /// The job's id.
  package let id: String
  /// The caller's `Idempotency-Key`.
  package let idempotencyKey: String?
  /// The request's digest. Another request with the same id is a conflict.
  package let digest: BodyDigest
  package let request: [UInt8]
  package let model: String?
  package let createdAt: Timestamp
  /// The job's own timeout for staleness, in milliseconds.
  package let timeout: Int64?
  /// How often an interrupted prediction is retried.
  package let retries: Int64
  /// Nil where the request has none.
  package let metadata: JobMetadata?
  /// Until when it may be sent. Nil where it has no such deadline.
  package let startBefore: Timestamp?
  /// The id of the job that it repeats. Nil where it repeats none.
  package let retryOf: String?
  /// Where the app is notified of the job. Nil where the request names nothing.
  package let callback: Callback?
  /// How the files of its output are kept. Nil where the request leaves that to the daemon.
  package let archive: String?

  package struct Callback: Equatable, Sendable {
    package let url: String
    /// The events to send beside the ends.
    package let events: Set<String>

    package init(url: String, events: Set<String>) {
      self.url = url
      self.events = events
    }
  }

  package init(
    id: String, idempotencyKey: String?, digest: BodyDigest, request: [UInt8], model: String?,
    createdAt: Timestamp, timeout: Int64?, retries: Int64, metadata: JobMetadata? = nil,
    startBefore: Timestamp? = nil, retryOf: String? = nil, callback: Callback? = nil, archive: String? = nil
  ) {
    self.id = id
    self.idempotencyKey = idempotencyKey
    self.digest = digest
    self.request = request
    self.model = model
    self.createdAt = createdAt
    self.timeout = timeout
    self.retries = retries
    self.metadata = metadata
    self.startBefore = startBefore
    self.retryOf = retryOf
    self.callback = callback
    self.archive = archive
  }
}

/// The progress of an order. The raw value appears in the store and in the API.
package enum OrderStage: String, Sendable, CaseIterable {
  /// Waits to be sent.
  case queued
  /// The create call is in flight.
  case sending
  /// The create call had no answer, so the prediction may exist.
  case unanswered
  /// The prediction exists and is known.
  case submitted = "placed"
  /// No prediction will be created.
  case ended
}

/// Why an order waits for its next create call.
package enum OrderReason: String, Sendable, CaseIterable {
  /// `CREATES_PER_MINUTE` is exhausted.
  case throttled
  /// 429: the provider's rate limit.
  case rateLimited = "rate_limited"
  /// 401: the provider rejects the token.
  case unauthorized
  /// The provider could not be reached, or failed to answer.
  case unreachable
  /// 402: the account has to be paid.
  case insufficientCredit = "insufficient_credit"
  /// The provider refused this order, and may accept it later.
  case refused
}
