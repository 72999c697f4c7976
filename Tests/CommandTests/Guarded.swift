import Foundation

/// A value behind a lock that thread sanitizer sees: the standard library's `Mutex` takes a contended lock inside the kernel,
/// and is then reported for races that are none.
///
/// `@unchecked Sendable`: the value is reached with the lock held only.
final class Guarded<Value>: @unchecked Sendable {
  private let lock = NSLock()
  private var value: Value

  init(_ value: Value) {
    self.value = value
  }

  func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
    lock.lock()
    defer { lock.unlock() }
    return try body(&value)
  }
}
