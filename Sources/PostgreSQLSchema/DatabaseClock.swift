internal import Synchronization
package import Time

/// The difference between the server's clock and the local one.
///
/// A process's connections share it.
///
/// Leases are compared on several machines, so they are stored in the server's time. The rules know local
/// time only.
package final class DatabaseClock: Sendable {
  /// Smaller differences are those of round trips.
  ///
  /// They would make a lease's end differ when it is read again.
  private static let tolerance: Int64 = 250

  private let difference = Atomic<Int64>(0)

  package init() {}

  /// The server's time minus the local time, in milliseconds.
  package var offset: Int64 { difference.load(ordering: .relaxed) }

  package func note(server: Int64, local: Timestamp) {
    let measured = server - local.milliseconds
    if abs(measured - offset) > Self.tolerance { difference.store(measured, ordering: .relaxed) }
  }

  package func local(_ moment: Timestamp) -> Timestamp {
    moment == .distantFuture ? moment : moment.advanced(byMilliseconds: -offset)
  }

  package func server(_ moment: Timestamp) -> Timestamp {
    moment == .distantFuture ? moment : moment.advanced(byMilliseconds: offset)
  }
}
