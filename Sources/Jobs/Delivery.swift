package import Time

/// A verified webhook delivery.
///
/// It passes from thread to thread and from batch to batch. A class, because copying a struct would retain a
/// dozen references each time.
package final class Delivery: Sendable {
  /// The `webhook-id` header.
  ///
  /// It is the same for every attempt to deliver one event.
  package let webhookID: String
  package let receivedAt: Timestamp
  package let snapshot: Snapshot
  /// The signed body, in which the job token is masked.
  package let body: [UInt8]
  /// The job that the webhook's URL names, with a valid token.
  ///
  /// Nil where it names none.
  package let namedJob: String?

  package init(
    webhookID: String, receivedAt: Timestamp, snapshot: Snapshot, body: [UInt8], namedJob: String? = nil
  ) {
    self.webhookID = webhookID
    self.receivedAt = receivedAt
    self.snapshot = snapshot
    self.body = body
    self.namedJob = namedJob
  }
}

/// The effect of a delivery. The raw value appears in the store and in the API.
package enum DeliveryOutcome: String, Sendable, CaseIterable {
  /// It changed its job.
  case applied
  /// A repeated webhook id with the same body.
  case duplicate
  /// It carried nothing new, or arrived after the end.
  case late
  /// A repeated webhook id with another body.
  ///
  /// Or an end that contradicts the recorded one.
  case conflict
  /// A status that this version does not know.
  ///
  /// It is stored and shown, without changing the job's phase.
  case unknownStatus = "unknown_status"
  /// Not a delivery: a call to the provider was answered with 404.
  case notFound = "not_found"
}

extension DeliveryOutcome {
  /// The outcome of a repeated webhook id.
  ///
  /// `known` is the digest of the first body.
  package static func redelivery(of known: BodyDigest, as repeated: BodyDigest) -> DeliveryOutcome {
    known == repeated ? .duplicate : .conflict
  }
}

/// The first delivery with a webhook id.
package struct EarlierDelivery: Sendable {
  /// Nil where the job was deleted.
  package let job: Int64?
  package let digest: BodyDigest?

  package init(job: Int64?, digest: BodyDigest?) {
    self.job = job
    self.digest = digest
  }
}
