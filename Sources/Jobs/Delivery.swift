package import Time

/// One verified webhook call: who sent what, when it came, and what it says.
///
/// A class, for it goes from thread to thread and from batch to batch: a copy would count a dozen references anew.
package final class Delivery: Sendable {
  /// `webhook-id`: the same for every attempt to deliver one event.
  package let webhookID: String
  package let receivedAt: Timestamp
  package let snapshot: Snapshot
  /// The body as it was signed, but for the token in it, which is masked.
  package let body: [UInt8]
  /// The job that was created here and that the webhook's URL names, with its token; nil where it names none.
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

/// What a delivery did. The raw value is what the store and the API say.
package enum DeliveryOutcome: String, Sendable, CaseIterable {
  /// It changed its job.
  case applied
  /// Its id was seen before, with the same body.
  case duplicate
  /// It told nothing that was not known, or came after the end.
  case late
  /// Its id was seen before with another body, or it claims another end than the one that stands.
  case conflict
  /// Its status is not known to this version: kept and shown, without moving the job.
  case unknownStatus = "unknown_status"
  /// No delivery: the provider was asked, and answered 404.
  case notFound = "not_found"
}

extension DeliveryOutcome {
  /// What a delivery is whose id was seen before: `known` is the body that came first.
  package static func redelivery(of known: BodyDigest, as repeated: BodyDigest) -> DeliveryOutcome {
    known == repeated ? .duplicate : .conflict
  }
}
