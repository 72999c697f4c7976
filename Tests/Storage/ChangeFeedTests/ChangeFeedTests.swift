import EventLoop
import StoreSeam
import Simulation
import Synchronization
import System
import Testing

@testable import ChangeFeed
@testable import Time

func change(_ change: Int64, ofJob number: Int64) -> CommittedChange {
  CommittedChange(number: number, id: "job-\(number)", change: change, isDeleted: false)
}

/// A feed with the receiver of one simulated loop.
private final class FeedOnLoop: @unchecked Sendable {
  let kernel = SimulatedKernel(seed: 0)
  let loop: EventLoop
  let feed = ChangeFeed()
  let receiver: FeedReceiver
  var wakes: [FeedWake] = []
  var notifications = 0
  var canceler: FeedCanceler?
  var isOver = false

  init() {
    loop = EventLoop(kernel: kernel)
    receiver = feed.makeReceiver(on: loop)
  }

  /// Runs `body` on the loop until it returns.
  func run(_ body: @escaping @Sendable (FeedOnLoop) async -> Void) {
    loop.start { [self] in
      await body(self)
      isOver = true
    }
    for _ in 0..<10_000 where !isOver { loop.turn() }
    #expect(isOver)
  }

  func publish(_ changes: CommittedChange..., after delay: Duration) {
    kernel.after(delay) { [feed] in feed.publish(changes) }
  }

  func deadline(_ delay: Duration) -> MonotonicTime { loop.now + delay }
}

@Suite struct ChangeFeedTests {
  @Test(arguments: [(FeedTopic.all, FeedWake.changed), (.job(7), .changed), (.job(8), .deadline)])
  func `a subscriber is woken by what it subscribed to`(_ topic: FeedTopic, _ wake: FeedWake) {
    let fixture = FeedOnLoop()
    fixture.run { fixture in
      let subscription = fixture.receiver.subscribe(to: topic)
      fixture.publish(change(5, ofJob: 7), after: .milliseconds(10))
      fixture.wakes.append(await subscription.wait(after: 4, until: fixture.deadline(.seconds(1))))
    }
    #expect(fixture.wakes == [wake])
  }

  @Test func `a change before the wait ends it at once, and only once`() {
    let fixture = FeedOnLoop()
    fixture.run { fixture in
      let subscription = fixture.receiver.subscribe(to: .all)
      fixture.feed.publish([change(5, ofJob: 7)])
      _ = await fixture.loop.sleep(until: fixture.deadline(.milliseconds(1)))
      let start = fixture.loop.now
      fixture.wakes.append(await subscription.wait(after: 4, until: fixture.deadline(.seconds(1))))
      #expect(fixture.loop.now == start)
      fixture.wakes.append(await subscription.wait(after: 4, until: fixture.deadline(.seconds(1))))
      #expect(fixture.loop.now >= start + .seconds(1))
    }
    #expect(fixture.wakes == [.changed, .deadline])
  }

  @Test func `a change that was read already wakes nobody`() {
    let fixture = FeedOnLoop()
    fixture.run { fixture in
      let subscription = fixture.receiver.subscribe(to: .all)
      fixture.publish(change(5, ofJob: 7), after: .milliseconds(10))
      fixture.publish(change(6, ofJob: 7), after: .milliseconds(20))
      let start = fixture.loop.now
      fixture.wakes.append(await subscription.wait(after: 5, until: fixture.deadline(.seconds(1))))
      #expect(fixture.loop.now == start + .milliseconds(20))
    }
    #expect(fixture.wakes == [.changed])
  }

  /// Nothing is newer for a reader of jobs, but others have something to read.
  @Test func `an announcement notifies who waits for any change, and ends no wait`() {
    let fixture = FeedOnLoop()
    fixture.run { fixture in
      let ofAll = fixture.receiver.subscribe(to: .all) { fixture.notifications += 1 }
      let ofJob = fixture.receiver.subscribe(to: .job(7)) { fixture.notifications += 10 }
      fixture.kernel.after(.milliseconds(10)) { [feed = fixture.feed] in feed.announce() }
      fixture.wakes.append(await ofAll.wait(after: 4, until: fixture.deadline(.seconds(1))))
      fixture.wakes.append(await ofJob.wait(after: 4, until: fixture.deadline(.seconds(1))))
    }
    #expect(fixture.wakes == [.deadline, .deadline] && fixture.notifications == 1)
  }

  @Test func `a canceled subscription waits no more`() {
    let fixture = FeedOnLoop()
    fixture.run { fixture in
      let subscription = fixture.receiver.subscribe(to: .all) { fixture.notifications += 1 }
      let canceler = subscription.canceler
      fixture.kernel.after(.milliseconds(10)) {
        canceler.cancel()
        fixture.kernel.wake()
      }
      fixture.publish(change(5, ofJob: 7), after: .milliseconds(20))
      let start = fixture.loop.now
      fixture.wakes.append(await subscription.wait(after: 4, until: fixture.deadline(.seconds(1))))
      #expect(fixture.loop.now == start + .milliseconds(10))
      _ = await fixture.loop.sleep(until: fixture.deadline(.milliseconds(50)))
      fixture.wakes.append(await subscription.wait(after: 4, until: fixture.deadline(.seconds(1))))
      canceler.cancel()
    }
    #expect(fixture.wakes == [.canceled, .canceled])
    #expect(fixture.notifications == 0)
  }

  @Test func `a notified subscriber takes each change once`() {
    let fixture = FeedOnLoop()
    fixture.run { fixture in
      let subscription = fixture.receiver.subscribe(to: .job(7)) { fixture.notifications += 1 }
      fixture.publish(change(5, ofJob: 7), change(6, ofJob: 8), after: .milliseconds(10))
      _ = await fixture.loop.sleep(until: fixture.deadline(.milliseconds(50)))
      let (first, second) = (subscription.takeChange(after: 4), subscription.takeChange(after: 4))
      #expect(first && !second)
    }
    #expect(fixture.notifications == 1)
  }

  @Test func `a notification may end other subscriptions`() {
    let fixture = FeedOnLoop()
    fixture.run { fixture in
      let first = fixture.receiver.subscribe(to: .all) { fixture.canceler?.cancel() }
      let other = fixture.receiver.subscribe(to: .all) { fixture.notifications += 1 }
      fixture.canceler = other.canceler
      fixture.publish(change(5, ofJob: 7), after: .milliseconds(10))
      fixture.wakes.append(await first.wait(after: 4, until: fixture.deadline(.seconds(1))))
    }
    #expect(fixture.wakes == [.changed])
    #expect(fixture.notifications == 0)
  }

  @Test func `a subscription ends with its owner`() {
    let fixture = FeedOnLoop()
    fixture.run { fixture in
      do {
        _ = fixture.receiver.subscribe(to: .all) { fixture.notifications += 1 }
      }
      fixture.publish(change(5, ofJob: 7), after: .milliseconds(10))
      _ = await fixture.loop.sleep(until: fixture.deadline(.milliseconds(50)))
    }
    #expect(fixture.notifications == 0)
  }

  @Test func `a loop that is behind receives one message`() {
    let fixture = FeedOnLoop()
    fixture.run { fixture in
      let subscription = fixture.receiver.subscribe(to: .all) { fixture.notifications += 1 }
      for number in 1...10_000 as ClosedRange<Int64> {
        fixture.feed.publish([change(number, ofJob: number)])
      }
      fixture.wakes.append(await subscription.wait(after: 9999, until: fixture.deadline(.seconds(1))))
    }
    #expect(fixture.wakes == [.changed])
    #expect(fixture.notifications == 1)
  }

  @Test func `pending changes list few jobs, and of many only the newest number`() {
    var pending = PendingChanges()
    let bound = Int64(PendingChanges.maxJobs)
    for number in 1...bound {
      pending.add([change(number, ofJob: number), change(number + 1, ofJob: number)])
    }
    #expect(pending.jobs?.count == PendingChanges.maxJobs)
    #expect(pending.change(of: .job(1)) == 2)
    #expect(pending.change(of: .job(0)) == nil)
    pending.add([change(bound + 2, ofJob: bound + 1)])
    #expect(pending.jobs == nil)
    #expect(pending.change(of: .job(0)) == bound + 2)
    #expect(pending.change(of: .all) == bound + 2)
  }
}
