package import EventLoop
package import StoreSeam
internal import Synchronization
internal import System

/// What was committed, for those who wait for it.
///
/// The commit thread publishes the changes of each commit. Every loop with subscriptions receives them in one
/// message. They carry numbers only: a subscriber reads the newest state from the store.
///
/// A subscriber that subscribes first, then reads, and then waits misses nothing.
package final class ChangeFeed: Sendable {
  private let receivers = Lock<[FeedReceiver]>([])
  private let activity = FeedActivity()

  package init() {}

  /// Makes the receiver of `loop`, on which its subscribers run.
  ///
  /// One is enough for a loop. It lasts as long as the feed.
  package func makeReceiver(on loop: EventLoop) -> FeedReceiver {
    let receiver = FeedReceiver(loop: loop, activity: activity)
    receivers.withLock { $0.append(receiver) }
    return receiver
  }

  /// Whether anybody waits for changes.
  package var hasSubscriptions: Bool { activity.isAny }

  /// Passes on what a commit has changed.
  ///
  /// Called by the commit thread after each commit. Without subscriptions it costs a fence and a load.
  package func publish(_ changes: [CommittedChange]) {
    guard !changes.isEmpty, activity.isAny else { return }
    for receiver in receivers.withLock(\.self) { receiver.post(changes) }
  }

  /// Wakes those who wait for any change, after a commit that no change of a job may come with.
  package func announce() {
    guard activity.isAny else { return }
    for receiver in receivers.withLock(\.self) { receiver.post([]) }
  }
}

/// The number of receivers that have subscriptions.
final class FeedActivity: Sendable {
  private let count = Atomic(0)

  /// Whether any has. Called after a commit.
  ///
  /// The fence pairs with the one in ``note(_:)``. Either this thread sees the new subscription, or the
  /// subscriber's next read sees the commit.
  var isAny: Bool {
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    return count.load(ordering: .relaxed) > 0
  }

  /// Counts a receiver that has its first subscription, or has none left.
  func note(_ isActive: Bool) {
    count.add(isActive ? 1 : -1, ordering: .relaxed)
    atomicMemoryFence(ordering: .sequentiallyConsistent)
  }
}
