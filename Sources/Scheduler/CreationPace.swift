package import Jobs
internal import Synchronization
package import Time

/// When the ``Scheduler`` creates next. The API shows it with waiting orders.
package final class CreationPace: Sendable {
  package struct State: Equatable, Sendable {
    /// The earliest time of the next creation.
    var next: Timestamp
    /// Between two creations in the long run, in milliseconds.
    var interval: Int64
    /// Why nothing is created earlier.
    var reason: OrderReason
  }

  /// Nil without a token.
  private let stored = Mutex<State?>(nil)

  package var state: State? {
    get { stored.withLock { $0 } }
    set { stored.withLock { $0 = newValue } }
  }
}

/// An order's next try, and the reason of its delay.
package struct NextTry: Equatable, Sendable {
  package let time: Timestamp?
  package let reason: OrderReason?

  /// - Parameter queuedBefore: the number of orders ahead of this one.
  package init(of order: StoredOrder, at now: Timestamp, pace: CreationPace.State?, queuedBefore: Int) {
    guard order.stage == .queued, let due = order.dueAt, let pace, due <= max(pace.next, now) else {
      (time, reason) = (order.dueAt, order.reason)
      return
    }
    let turn = max(pace.next, now).advanced(byMilliseconds: Int64(queuedBefore) * pace.interval)
    guard turn > now else {
      // What pauses all orders may last, such as a rejected token whose next call is in flight.
      (time, reason) = (due, order.reason ?? (pace.reason == .throttled ? nil : pace.reason))
      return
    }
    // In whole seconds, so that it stays the same while the queue moves on.
    time = Timestamp(milliseconds: (turn.milliseconds + 999) / 1000 * 1000)
    reason = due > now ? order.reason ?? pace.reason : pace.reason
  }
}
