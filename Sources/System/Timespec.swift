internal import Glibc
internal import Time

extension timespec {
  /// An interval, not a point in time.
  init(_ duration: Duration) {
    let nanoseconds = duration.wholeNanoseconds
    self.init(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
  }
}
