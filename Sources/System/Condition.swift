internal import Glibc
internal import Time

/// A mutex and a condition variable, whose timeouts are on the monotonic clock.
///
/// The standard library's `Mutex` has no condition variable.
struct Condition: ~Copyable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let variable = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  init() {
    pthread_mutex_init(mutex, nil)
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(variable, &attributes)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_cond_destroy(variable)
    pthread_mutex_destroy(mutex)
    variable.deallocate()
    mutex.deallocate()
  }

  func lock() {
    pthread_mutex_lock(mutex)
  }

  func unlock() {
    pthread_mutex_unlock(mutex)
  }

  /// Releases the mutex until another thread signals, and takes it again. May return without a signal.
  func wait() {
    pthread_cond_wait(variable, mutex)
  }

  /// Like ``wait()``, until `time` at most.
  ///
  /// - Returns: false at that time.
  func wait(until time: timespec) -> Bool {
    var time = time
    return pthread_cond_timedwait(variable, mutex, &time) != ETIMEDOUT
  }

  /// Wakes one waiting thread.
  func signal() {
    pthread_cond_signal(variable)
  }

  /// Wakes every waiting thread.
  func broadcast() {
    pthread_cond_broadcast(variable)
  }

  /// The point in time after `timeout`, for ``wait(until:)``.
  static func time(after timeout: Duration) -> timespec {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    let nanoseconds = UInt64(time.tv_nsec) + timeout.wholeNanoseconds
    time.tv_sec += Int(nanoseconds / 1_000_000_000)
    time.tv_nsec = Int(nanoseconds % 1_000_000_000)
    return time
  }
}
