import EventLoop
internal import Time

/// The current wall clock time, used for signatures.
enum WallTime {
  /// Seconds since 1970-01-01T00:00:00Z.
  static var seconds: Int64 { WallClock.milliseconds / 1000 }
}
