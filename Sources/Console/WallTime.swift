internal import Time

/// The current wall clock time, used for signatures.
package enum WallTime {
  /// Seconds since 1970-01-01T00:00:00Z.
  package static var seconds: Int64 { WallClock.milliseconds / 1000 }
}
