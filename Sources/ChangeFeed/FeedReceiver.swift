internal import EventLoop
internal import StoreSeam
internal import Synchronization
internal import System

/// The subscriptions of one loop.
///
/// `@unchecked Sendable`: the subscriptions are used on the loop only; the rest is atomic or locked.
package final class FeedReceiver: @unchecked Sendable {
  private let loop: EventLoop
  private let activity: FeedActivity
  private let isActive = Atomic(false)
  private let inbox = Lock(Inbox())

  /// In the order of their subscription, so that a simulated run repeats.
  private var subscribers: [FeedTopic: [FeedSubscriber]] = [:]
  private var lastNumber = 0
  /// Grows with every message from the commit thread, and with a first subscription.
  ///
  /// What was read since it last grew is what another reader would read now.
  package private(set) var generation = 0

  private struct Inbox {
    var pending = PendingChanges()
    /// Whether a message is on its way to the loop, which then takes everything.
    var isPosted = false
  }

  init(loop: EventLoop, activity: FeedActivity) {
    self.loop = loop
    self.activity = activity
  }

  /// Subscribes to the changes of one job, or of all.
  ///
  /// Read the store after this call, because earlier commits are not reported. To be called on the loop.
  ///
  /// - Parameter notify: called on the loop with each change, for example to signal a stream.
  package func subscribe(to topic: FeedTopic, notify: (() -> Void)? = nil) -> FeedSubscription {
    loop.checkIsolated()
    lastNumber += 1
    let subscriber = FeedSubscriber(number: lastNumber, topic: topic, loop: loop, notify: notify)
    if subscribers.isEmpty {
      // Nothing was posted without subscriptions.
      generation += 1
      isActive.store(true, ordering: .relaxed)
      activity.note(true)
    }
    subscribers[topic, default: []].append(subscriber)
    return FeedSubscription(subscriber, of: self)
  }

  func remove(_ subscriber: FeedSubscriber) {
    loop.checkIsolated()
    subscriber.end()
    subscribers[subscriber.topic]?.removeAll { $0 === subscriber }
    guard subscribers[subscriber.topic]?.isEmpty == true else { return }
    subscribers[subscriber.topic] = nil
    guard subscribers.isEmpty else { return }
    isActive.store(false, ordering: .relaxed)
    activity.note(false)
  }

  /// Posts changes to the loop, or adds them to those that it has not taken yet.
  func post(_ changes: [CommittedChange]) {
    guard isActive.load(ordering: .relaxed) else { return }
    let mustPost = inbox.withLock { inbox in
      inbox.pending.add(changes)
      defer { inbox.isPosted = true }
      return !inbox.isPosted
    }
    if mustPost { loop.post { [self] in deliver() } }
  }

  private func deliver() {
    generation += 1
    let pending = inbox.withLock { inbox in
      defer { inbox = Inbox() }
      return inbox.pending
    }
    // Copied, because a notification may end a subscription.
    var woken = subscribers[.all] ?? []
    if let jobs = pending.jobs, jobs.count <= subscribers.count {
      for job in jobs.keys { woken += subscribers[.job(job)] ?? [] }
    } else {
      for case (.job(let job), let waiting) in subscribers where pending.change(ofJob: job) != nil {
        woken += waiting
      }
    }
    for subscriber in woken.sorted(by: { $0.number < $1.number }) { subscriber.note(pending) }
  }
}

/// What a subscription is for.
package enum FeedTopic: Hashable, Sendable {
  case all
  /// The job of that number.
  case job(Int64)
}
