internal import EventLoop
package import Time

/// How slowly a peer may send or take bytes: some time to begin, and more for every byte that went through. A single
/// deadline would cut long transfers and wait too long for short ones.
package struct MinimumTransferRate: Sendable, Equatable {
  /// What a peer gets before the first byte, and what a stall may last.
  package var grace: Duration
  /// The slowest peer that is waited for; at least 1.
  package var bytesPerSecond: Int

  package init(grace: Duration, bytesPerSecond: Int) {
    self.grace = grace
    self.bytesPerSecond = bytesPerSecond
  }

  /// Until when to wait for the next byte of a transfer that began at `start` and has moved `count` bytes.
  package func deadline(from start: MonotonicTime, moved count: Int) -> MonotonicTime {
    let (thousandths, overflow) = Int64(count).multipliedReportingOverflow(by: 1000)
    let earned = overflow ? Int64.max : thousandths / Int64(max(1, bytesPerSecond))
    return start + grace + .milliseconds(earned)
  }
}
