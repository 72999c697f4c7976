internal import EventLoop
internal import Jobs
internal import Time

/// A reading of both clocks.
struct ClockReading: Equatable {
  /// For due times and the records of jobs.
  let wall: Timestamp
  /// For pauses and rates.
  let monotonic: MonotonicTime
}

/// The clocks of a loop's kernel.
struct SchedulerClock {
  let kernel: any Kernel

  var now: ClockReading { ClockReading(wall: wall, monotonic: kernel.monotonicTime) }
  var wall: Timestamp { Timestamp(milliseconds: kernel.wallTimeMilliseconds) }
}
