internal import EventLoop
internal import StoreSeam
package import Time

/// A subscription to the change feed, which ends with its owner.
///
/// Used on its loop only.
package struct FeedSubscription: ~Copyable {
  private let subscriber: FeedSubscriber
  private let receiver: FeedReceiver

  init(_ subscriber: FeedSubscriber, of receiver: FeedReceiver) {
    self.subscriber = subscriber
    self.receiver = receiver
  }

  deinit {
    receiver.remove(subscriber)
  }

  /// Ends the subscription's waits from elsewhere, such as from a connection that closes.
  package var canceler: FeedCanceler { FeedCanceler(subscriber) }

  /// Whether a change after `change` was reported since the last call.
  ///
  /// For a subscriber that waits by itself and is notified.
  ///
  /// - Parameter change: the newest change that was read.
  package func takeChange(after change: Int64) -> Bool { subscriber.takeChange(after: change) }

  /// Waits for a change after `change`, the deadline, or the end by a ``FeedCanceler``.
  ///
  /// One task at a time. After ``FeedWake/changed`` the store must be read before the next wait. Where many
  /// jobs have changed at once, the change may be of another job.
  ///
  /// - Parameter change: the newest change that was read.
  package func wait(after change: Int64, until deadline: MonotonicTime) async -> FeedWake {
    await subscriber.wait(after: change, until: deadline)
  }
}

/// Why a ``FeedSubscription/wait(after:until:)`` has ended.
package enum FeedWake: Equatable, Sendable {
  case changed
  case deadline
  case canceled
}

/// Ends the current wait of a subscription and all later ones.
package struct FeedCanceler {
  private let subscriber: FeedSubscriber

  init(_ subscriber: FeedSubscriber) { self.subscriber = subscriber }

  /// To be called on the subscription's loop.
  package func cancel() { subscriber.cancel() }
}

/// The state of one subscription.
final class FeedSubscriber {
  let number: Int
  let topic: FeedTopic
  private let loop: EventLoop
  private let handle: WaitHandle
  private let notify: (() -> Void)?
  /// The newest change since the last report. 0 where there is none.
  private var newest: Int64 = 0
  private var isCanceled = false

  /// - Parameter number: orders the subscribers of a loop.
  init(number: Int, topic: FeedTopic, loop: EventLoop, notify: (() -> Void)?) {
    self.number = number
    self.topic = topic
    self.loop = loop
    self.notify = notify
    handle = loop.makeWaitHandle()
  }

  func note(_ pending: PendingChanges) {
    guard !isCanceled, let change = pending.change(of: topic) else { return }
    newest = max(newest, change)
    notify?()
    loop.interrupt(handle)
  }

  func cancel() {
    isCanceled = true
    loop.interrupt(handle)
  }

  func end() {
    cancel()
    loop.forgetDeadline(of: handle)
  }

  func takeChange(after change: Int64) -> Bool {
    defer { newest = 0 }
    return newest > change
  }

  func wait(after change: Int64, until deadline: MonotonicTime) async -> FeedWake {
    // Ends with a newer change, the deadline or the cancellation; other wake-ups are of known changes.
    while true {
      if isCanceled { return .canceled }
      if takeChange(after: change) { return .changed }
      if deadline <= loop.now { return .deadline }
      _ = await loop.sleep(handle, until: deadline)
    }
  }
}
