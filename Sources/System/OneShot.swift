/// A value that one thread sets once, and that others wait for.
///
/// `@unchecked Sendable`: the condition guards the value.
package final class OneShot<Value: Sendable>: @unchecked Sendable {
  private let condition = Condition()
  private var value: Value?

  package init() {}

  /// Sets the value and wakes all waiting threads. Later calls have no effect.
  package func set(_ value: Value) {
    condition.lock()
    if self.value == nil { self.value = value }
    condition.unlock()
    condition.broadcast()
  }

  /// Blocks until the value is set.
  package func wait() -> Value {
    condition.lock()
    defer { condition.unlock() }
    // Unbounded: it ends with the value, which is what it waits for.
    while true {
      if let value { return value }
      condition.wait()
    }
  }

  /// Nil until the value is set.
  package var current: Value? {
    condition.lock()
    defer { condition.unlock() }
    return value
  }

  /// Blocks until the value is set, at most for `timeout`.
  ///
  /// - Returns: nil on timeout.
  package func wait(timeout: Duration) -> Value? {
    condition.lock()
    defer { condition.unlock() }
    let limit = Condition.time(after: timeout)
    while value == nil, condition.wait(until: limit) {}
    return value
  }
}

/// A signal to stop: it is raised once, and ends every wait from then on.
package final class StopSignal: Sendable {
  private let raised = OneShot<Void>()

  package init() {}

  package var isRaised: Bool { raised.current != nil }

  package func raise() {
    raised.set(())
  }

  /// Blocks for `duration`, or until the signal is raised.
  ///
  /// - Returns: false if the signal is raised.
  package func pause(for duration: Duration) -> Bool {
    raised.wait(timeout: duration) == nil
  }
}
