package import Time

/// A snapshot that a call to the provider returned.
///
/// The call was a poll, a search, or a create or cancel call.
package struct PolledSnapshot: Sendable {
  package let source: SnapshotSource
  package let receivedAt: Timestamp
  package let snapshot: Snapshot
  /// The response's body, in which the job token is masked.
  package let body: [UInt8]

  package init(source: SnapshotSource, receivedAt: Timestamp, snapshot: Snapshot, body: [UInt8]) {
    self.source = source
    self.receivedAt = receivedAt
    self.snapshot = snapshot
    self.body = body
  }

  /// A delivery in the same form, because both are merged alike.
  package init(_ delivery: Delivery) {
    self.init(
      source: .webhook, receivedAt: delivery.receivedAt, snapshot: delivery.snapshot, body: delivery.body)
  }
}
