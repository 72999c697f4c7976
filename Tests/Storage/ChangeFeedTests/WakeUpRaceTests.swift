import ChangeFeed
import EventLoop
import StoreSeam
import Synchronization
import System
import Testing

@testable import Time

/// The last change of a store that only counts, and how far its reader is.
private final class Counters: Sendable {
  let committed = Atomic<Int64>(0)
  let seen = Atomic<Int64>(0)
  let lost = Atomic<Int64>(0)
}

@Suite struct WakeUpRaceTests {
  /// Each commit comes while the reader subscribes, reads or begins to wait.
  ///
  /// The next one follows only when it was seen, so no later wake-up hides a lost one.
  @Test func `no commit is missed between a subscription and its wait`() async throws {
    let rounds: Int64 = 5_000
    let loop = EventLoop(kernel: try LinuxKernel())
    let loopThread = try Thread(named: "loop") { loop.run() }
    let feed = ChangeFeed()
    let receiver = feed.makeReceiver(on: loop)
    let counters = Counters()
    let writer = try Thread(named: "writer") {
      for change in 1...rounds {
        while counters.seen.load(ordering: .acquiring) < change - 1,
          counters.lost.load(ordering: .acquiring) == 0
        {}
        counters.committed.store(change, ordering: .relaxed)
        feed.publish([
          CommittedChange(number: change % 3, id: "", change: change, isDeleted: false)
        ])
      }
    }
    await withUnsafeContinuation { (done: UnsafeContinuation<Void, Never>) in
      loop.start {
        // Ends after the last round, or with the first lost wake-up.
        while counters.seen.load(ordering: .relaxed) < rounds {
          let next = counters.seen.load(ordering: .relaxed) + 1
          let subscription = receiver.subscribe(to: next % 2 == 0 ? .all : .job(next % 3))
          let committed = counters.committed.load(ordering: .relaxed)
          if committed < next {
            let deadline = MonotonicClock.now + .seconds(20)
            guard await subscription.wait(after: committed, until: deadline) == .changed else {
              counters.lost.store(next, ordering: .releasing)
              break
            }
          }
          counters.seen.store(next, ordering: .releasing)
        }
        done.resume()
      }
    }
    #expect(counters.lost.load(ordering: .relaxed) == 0)
    writer.join()
    loop.stop()
    loopThread.join()
  }
}
