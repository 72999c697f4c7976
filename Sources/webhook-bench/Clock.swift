import Glibc

/// The monotonic clock and the wall clock.
enum Clock {
  /// CLOCK_MONOTONIC, in nanoseconds.
  static var nanoseconds: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// Wall time in seconds since 1970, used for signatures.
  static var wallSeconds: Int { time(nil) }

  static func seconds(since start: UInt64) -> Double { Double(nanoseconds - start) / 1e9 }
}
