internal import Jobs
package import Store
internal import Synchronization
package import Time

/// When the ``Dispatcher`` creates next, which the API shows with orders that wait for their turn.
package final class CreationPace: Sendable {
  package struct State: Equatable, Sendable {
    /// Before that nothing is created.
    var next: Timestamp
    /// Between two creations in the long run, in milliseconds.
    var interval: Int64
    /// Why nothing is created before.
    var reason: OrderReason
  }

  /// Nil where nothing was ever created.
  private let stored = Mutex<State?>(nil)

  package var state: State? {
    get { stored.withLock { $0 } }
    set { stored.withLock { $0 = newValue } }
  }
}

/// When an order is tried next, and why not before.
package struct NextTry: Equatable, Sendable {
  package let time: Timestamp?
  package let reason: OrderReason?

  /// - Parameters:
  ///   - queuedBefore: orders that come before this one.
  package init(of order: StoredOrder, at now: Timestamp, pace: CreationPace.State?, queuedBefore: Int) {
    guard order.stage == .queued, let due = order.dueAt, let pace, due <= max(pace.next, now) else {
      (time, reason) = (order.dueAt, order.reason)
      return
    }
    let turn = max(pace.next, now).advanced(byMilliseconds: Int64(queuedBefore) * pace.interval)
    guard turn > now else {
      (time, reason) = (due, order.reason)
      return
    }
    // In whole seconds, so that it stays the same while the queue moves on.
    time = Timestamp(milliseconds: (turn.milliseconds + 999) / 1000 * 1000)
    reason = due > now ? order.reason ?? pace.reason : pace.reason
  }
}
