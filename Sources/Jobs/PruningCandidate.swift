package import Time

/// What decides whether a job is pruned.
package struct PruningCandidate: Sendable {
  package let number: Int64
  package let hasEnded: Bool
  package let updatedAt: Timestamp
  /// When its last delivery was received. Nil where there is none, or the job is too recent to prune.
  package let lastDeliveryAt: Timestamp?
  /// When the job was created. Nil where it has been quiet since before the retention limit.
  package let createdAt: Timestamp?

  package init(
    number: Int64, hasEnded: Bool, updatedAt: Timestamp, lastDeliveryAt: Timestamp?, createdAt: Timestamp?
  ) {
    self.number = number
    self.hasEnded = hasEnded
    self.updatedAt = updatedAt
    self.lastDeliveryAt = lastDeliveryAt
    self.createdAt = createdAt
  }
}

/// The result of one step of a pruning pass.
package struct PruneStep: Equatable, Sendable {
  package let deleted: Int
  /// The number to continue after. Nil where the pass is complete.
  package let next: Int64?

  package init(deleted: Int, next: Int64?) {
    self.deleted = deleted
    self.next = next
  }
}
