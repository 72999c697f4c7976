internal import Jobs
internal import Time

/// Notices when the wall clock jumps, by the clock that does not. A value; both times are arguments.
struct WallClockWatch {
  /// A clock that is merely slewed drifts by less than that between two looks.
  private static let tolerance: Int64 = 1000

  private var wall: Timestamp
  private var monotonic: MonotonicTime
  /// The time of day right after the last jump; nil while there was none.
  private(set) var setAt: Timestamp?

  init(wall: Timestamp, monotonic: MonotonicTime) {
    self.wall = wall
    self.monotonic = monotonic
  }

  /// - Returns: true where it has jumped since the last look.
  @discardableResult
  mutating func observe(wall: Timestamp, monotonic: MonotonicTime) -> Bool {
    let elapsed = Int64((monotonic - self.monotonic).wholeNanoseconds / 1_000_000)
    let moved = wall.milliseconds - self.wall.milliseconds
    (self.wall, self.monotonic) = (wall, monotonic)
    guard abs(moved - elapsed) > Self.tolerance else { return false }
    setAt = wall
    return true
  }
}
