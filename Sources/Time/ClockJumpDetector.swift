/// Detects jumps of the wall clock by the monotonic clock.
///
/// A value; both times are arguments.
package struct ClockJumpDetector {
  /// In milliseconds. A clock that is only slewed drifts by less between two observations.
  private static let tolerance: Int64 = 1000

  private var wall: Timestamp
  private var monotonic: MonotonicTime
  /// The wall-clock time right after the last jump, if any.
  package private(set) var setAt: Timestamp?

  package init(wall: Timestamp, monotonic: MonotonicTime) {
    self.wall = wall
    self.monotonic = monotonic
  }

  /// - Returns: whether the clock has jumped since the last observation.
  @discardableResult
  package mutating func observe(wall: Timestamp, monotonic: MonotonicTime) -> Bool {
    let elapsed = Int64((monotonic - self.monotonic).wholeNanoseconds / 1_000_000)
    let moved = wall.milliseconds - self.wall.milliseconds
    (self.wall, self.monotonic) = (wall, monotonic)
    guard abs(moved - elapsed) > Self.tolerance else { return false }
    setAt = wall
    return true
  }
}
