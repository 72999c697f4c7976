internal import Glibc
internal import Time

extension timespec {
  /// A span of time, and not a point.
  init(_ duration: Duration) {
    let nanoseconds = duration.wholeNanoseconds
    self.init(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
  }
}
