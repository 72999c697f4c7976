internal import EventLoop
package import Time

/// The minimum rate at which a peer must send or receive.
///
/// A peer gets a grace period, and more time for every byte transferred. A single deadline would cut long
/// transfers and wait too long for short ones.
package struct MinimumTransferRate: Sendable, Equatable {
  /// The time allowed before the first byte, and for a stall.
  package var grace: Duration
  /// The minimum rate; at least 1.
  package var bytesPerSecond: Int

  package init(grace: Duration, bytesPerSecond: Int) {
    self.grace = grace
    self.bytesPerSecond = bytesPerSecond
  }

  /// The deadline for the next byte of a transfer.
  ///
  /// - Parameters:
  ///   - start: when the transfer began.
  ///   - count: the bytes transferred since.
  package func deadline(from start: MonotonicTime, moved count: Int) -> MonotonicTime {
    let (thousandths, overflow) = Int64(count).multipliedReportingOverflow(by: 1000)
    let earned = overflow ? Int64.max : thousandths / Int64(max(1, bytesPerSecond))
    return start + grace + .milliseconds(earned)
  }
}
