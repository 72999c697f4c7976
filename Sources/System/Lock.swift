internal import Glibc

/// A value behind a pthread mutex.
///
/// The standard library's `Mutex` would do, but under contention it takes the lock inside the kernel, where thread
/// sanitizer cannot see it, and then reports races that are none. A sanitizer that is ignored finds nothing.
///
/// `@unchecked Sendable`: the value is reached with the mutex held only.
package final class Lock<Value>: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private var value: Value

  package init(_ value: Value) {
    self.value = value
    pthread_mutex_init(mutex, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  package func withLock<Result, Failure>(
    _ body: (inout Value) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body(&value)
  }
}

extension Lock<Void> {
  /// Guards nothing but the time of `body`. The value is not touched: one without a size has the address of the lock itself,
  /// and thread sanitizer takes them for one.
  package func withLock<Result, Failure>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body()
  }
}
