import Glibc

/// The two clocks: one for durations, one for signatures.
enum Clock {
  /// CLOCK_MONOTONIC, in nanoseconds.
  static var nanoseconds: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// Seconds since 1970.
  static var wallSeconds: Int { time(nil) }

  static func seconds(since start: UInt64) -> Double { Double(nanoseconds - start) / 1e9 }
}
