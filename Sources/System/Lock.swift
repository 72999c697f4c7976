internal import Glibc

/// A value behind a pthread mutex.
///
/// The standard library's `Mutex` takes a contended lock inside the kernel. Thread sanitizer cannot see that
/// and reports false races, and a sanitizer that is ignored finds nothing.
///
/// `@unchecked Sendable`: the value is accessed with the mutex held only.
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
  /// Runs `body` in a critical section without a value.
  ///
  /// The value is not touched: a value of size zero has the address of the lock itself, and thread sanitizer
  /// confuses the two.
  package func withLock<Result, Failure>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body()
  }
}
