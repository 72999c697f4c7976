import Foundation

/// A value behind a lock that thread sanitizer understands.
///
/// The standard library's `Mutex` takes a contended lock inside the kernel, and is then reported for races
/// that are none.
///
/// `@unchecked Sendable`: the value is only accessed with the lock held.
package final class Guarded<Value>: @unchecked Sendable {
  private let lock = NSLock()
  private var value: Value

  package init(_ value: Value) {
    self.value = value
  }

  package func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
    lock.lock()
    defer { lock.unlock() }
    return try body(&value)
  }
}
