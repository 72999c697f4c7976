internal import Glibc

/// The processor time of a piece of work, unaffected by other processes.
enum ProcessorTime {
  /// An input of this size reveals a quadratic cost.
  ///
  /// It would take a second.
  static let longInput = 16 * 1024

  #if DEBUG
    private static let limitMilliseconds: Int64 = 1500
  #else
    private static let limitMilliseconds: Int64 = 100
  #endif

  /// Runs `work`, which takes a millisecond or two if it is linear.
  static func bound(_ name: String, _ work: () throws(Violation) -> Void) throws(Violation) {
    let start = milliseconds
    try work()
    let taken = milliseconds - start
    try require(taken < limitMilliseconds, "\(name) took \(taken) ms for \(longInput) bytes")
  }

  private static var milliseconds: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
  }
}
