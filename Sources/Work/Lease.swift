package import Time

/// A duty of one process at a time, such as pruning: a row with its holder.
///
/// The holder renews it in time. Once it has ended, another process takes it over.
package struct Lease: Equatable, Sendable {
  package let name: String
  /// The process that holds it.
  package var owner: String
  package var until: Timestamp

  package init(_ name: String, owner: String, until: Timestamp) {
    self.name = name
    self.owner = owner
    self.until = until
  }

  /// Whether it has ended, or is that process's own.
  package func isFree(for owner: String, at now: Timestamp) -> Bool { self.owner == owner || until <= now }
}
