/// A point in time on the monotonic clock, in nanoseconds.
///
/// The epoch is arbitrary. Deadlines are such points, so setting the wall clock neither ends nor prolongs a
/// wait.
package struct MonotonicTime: Hashable, InstantProtocol, Sendable {
  package let nanoseconds: UInt64

  package init(nanoseconds: UInt64) {
    self.nanoseconds = nanoseconds
  }

  package static func < (left: MonotonicTime, right: MonotonicTime) -> Bool {
    left.nanoseconds < right.nanoseconds
  }

  /// Saturates: a point too far away to be represented never comes.
  package static func + (time: MonotonicTime, duration: Duration) -> MonotonicTime {
    let (sum, overflow) = time.nanoseconds.addingReportingOverflow(duration.wholeNanoseconds)
    return MonotonicTime(nanoseconds: overflow ? .max : sum)
  }

  package func advanced(by duration: Duration) -> MonotonicTime { self + duration }

  package func duration(to later: MonotonicTime) -> Duration { later - self }

  /// The interval from `earlier` to `later`; zero if `earlier` is the later one.
  package static func - (later: MonotonicTime, earlier: MonotonicTime) -> Duration {
    .nanoseconds(
      Int64(clamping: later.nanoseconds > earlier.nanoseconds ? later.nanoseconds - earlier.nanoseconds : 0))
  }
}
