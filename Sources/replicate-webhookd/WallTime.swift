import EventLoop
internal import Time

/// Now, for what is signed.
enum WallTime {
  /// Since 1970-01-01T00:00:00Z.
  static var seconds: Int64 { WallClock.milliseconds / 1000 }
}
