/// A point in time on the monotonic clock, in nanoseconds.
///
/// The epoch is arbitrary. Deadlines are such points, so setting the wall clock neither ends nor prolongs a
/// wait.
package struct MonotonicTime: Hashable, Comparable, Sendable {
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

  /// The interval from `earlier` to `later`; zero if `earlier` is the later one.
  package static func - (later: MonotonicTime, earlier: MonotonicTime) -> Duration {
    .nanoseconds(
      Int64(clamping: later.nanoseconds > earlier.nanoseconds ? later.nanoseconds - earlier.nanoseconds : 0))
  }
}

extension Duration {
  /// Zero for a negative duration.
  package var wholeNanoseconds: UInt64 {
    let (seconds, attoseconds) = components
    guard seconds >= 0, attoseconds >= 0 else { return 0 }
    let (whole, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
    return overflow ? .max : whole.addingReportingOverflow(UInt64(attoseconds / 1_000_000_000)).partialValue
  }
}
