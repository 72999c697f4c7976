import Ledger
@testable import GroupCommit
import Jobs
@testable import Scheduler
import StoreSeam
import SQLiteStore
import Testing
@testable import Time

/// The next try that the API shows for a queued order.
///
/// It is never in the past while no prediction may be created.
@Suite struct NextTryTests {
  private static func time(_ seconds: Int64) -> Timestamp { Timestamp(milliseconds: seconds * 1000) }

  /// A queued order due at second `due`, read in second 100.
  @Test(
    arguments: [
      // The order is not held up.
      (90, nil, 50, .throttled, 0, 90, nil), (150, .unreachable, 50, .throttled, 0, 150, .unreachable),
      // The call that probes a rejected token is in flight.
      (90, nil, 100, .unauthorized, 0, 90, .unauthorized),
      (90, nil, 160, .insufficientCredit, 0, 160, .insufficientCredit),
      // The provider's rate limit or a rejected token delays all orders.
      (90, nil, 160, .rateLimited, 0, 160, .rateLimited),
      (150, nil, 160, .unauthorized, 0, 160, .unauthorized),
      (150, .refused, 160, .rateLimited, 0, 160, .refused),
      (170, .refused, 160, .rateLimited, 0, 170, .refused),
      // Earlier orders come first, ten a second.
      (90, nil, 50, .throttled, 600, 160, .throttled), (90, nil, 130, .rateLimited, 600, 190, .rateLimited),
    ] as [(Int64, OrderReason?, Int64, OrderReason, Int, Int64, OrderReason?)])
  func `the next try respects the pace and the queue`(
    _ due: Int64, _ reason: OrderReason?, _ next: Int64, _ paceReason: OrderReason, _ before: Int,
    _ expected: Int64, _ expectedReason: OrderReason?
  ) throws {
    let store = try SimulatedStore()
    let order = try SimulatedStore.order("a", at: Self.time(0))
    try store.write { transaction throws(StorageError) in
      _ = try transaction.enqueue(order)
      let steps = try transaction.claimOrderSteps(
        at: Self.time(0), creates: 1, cancels: 0, finds: 0, lease: 1000)
      for step in steps {
        try transaction.reschedule(step.order, until: Self.time(due), at: Self.time(0), because: reason)
      }
    }
    let stored = try #require(try store.job("a")?.order)
    #expect(stored.reason == reason)
    let pace = CreationPace.State(next: Self.time(next), interval: 100, reason: paceReason)
    let shown = NextTry(of: stored, at: Self.time(100), pace: pace, queuedBefore: before)
    #expect(shown.time == Self.time(expected) && shown.reason == expectedReason)
  }
}
