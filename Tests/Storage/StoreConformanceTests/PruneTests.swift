import Ledger
import Jobs
import StoreSeam
import StoreFixture
import Testing
import Time

@Suite(.everyStore) struct PruneTests {
  /// A webhook id is kept while its delivery can be replayed.
  ///
  /// The signature is valid for twice the tolerance.
  @Test func aDeliveryThatCanBeReplayedKeepsItsJob() async throws {
    let store = try OrderedStore()
    try store.deliver("a", .succeeded)
    try store.deliver("b", of: "p2", .succeeded)
    store.advance(1000)
    // It does not change the job, but is recorded.
    #expect(try store.deliver("late", .failed).outcome == .conflict)
    let now = store.now
    let prune = { (moment: Timestamp) in
      try store.commit { (transaction) throws(StorageError) in
        try transaction.prune(
          endedBefore: now, at: now, after: 0, count: 9, deliveredBefore: moment
        ).deleted
      }
    }
    #expect(try prune(now.advanced(byMilliseconds: -1000)) == 0)
    #expect(try prune(now) == 1)
    #expect(try store.deliver("late", .failed).outcome == .duplicate)
    #expect(try prune(now.advanced(byMilliseconds: 1)) == 1)
    #expect(try await store.jobCount() == 0)
  }

  private func prune(_ store: OrderedStore, after number: Int64 = 0, count: Int = 100) throws -> PruneStep {
    let limit = store.now.advanced(byMilliseconds: -OrderedStore.aWhile)
    return try store.commit { (transaction) throws(StorageError) in
      try transaction.prune(endedBefore: limit, at: store.now, after: number, count: count)
    }
  }

  @Test func onlyOldEndedJobsAreDeletedWithAllTheirRows() async throws {
    let store = try OrderedStore()
    let step = try store.send("j1", retries: 1)
    try store.deliver("a", .failed, naming: "j1", error: interruption)
    store.advance(2000)
    _ = try store.step()
    try store.report(step.order.number, of: "p2", .succeeded)
    try store.deliver("open", of: "p3", .running)
    try store.place("queued")
    store.advance(OrderedStore.aWhile)
    try store.deliver("young", of: "p4", .succeeded)
    #expect(try prune(store).deleted == 0)
    store.advance(1)
    let step1 = try prune(store)
    #expect(step1.deleted == 1 && step1.next == nil)
    for id in ["j1", "p1", "p2"] { #expect(try await store.reader.job(id) == nil) }
    for id in ["p3", "queued", "p4"] { #expect(try await store.reader.job(id) != nil) }
    try store.place("j1")
  }

  @Test func aPassRunsInStepsAndEndsAtTheFirstYoungJob() async throws {
    let store = try OrderedStore()
    for number in 1...7 {
      // Open jobs are skipped.
      try store.deliver("w\(number)", of: "p\(number)", number.isMultiple(of: 3) ? .running : .succeeded)
    }
    store.advance(2 * OrderedStore.aWhile)
    for number in 8...12 { try store.deliver("w\(number)", of: "p\(number)", .succeeded) }
    var (cursor, deleted, steps): (Int64?, [Int], Int) = (0, [], 0)
    while let after = cursor, steps < 20 {
      let step = try prune(store, after: after, count: 2)
      cursor = step.next
      deleted.append(step.deleted)
      steps += 1
    }
    // The last step finds the first young job, and reads nothing behind it.
    #expect(deleted == [2, 1, 1, 1])
    #expect(try await store.jobCount() == 7)
    #expect(try prune(store, count: 2).deleted == 0)
  }

  private func deletedInAPass(_ store: OrderedStore) throws -> Int {
    var (cursor, deleted): (Int64?, Int) = (0, 0)
    while let after = cursor {
      let step = try prune(store, after: after, count: 2)
      cursor = step.next
      deleted += step.deleted
    }
    return deleted
  }

  /// Old jobs with recent activity have lower numbers than quiet ones.
  @Test func activityOfOldJobsDoesNotEndAPass() async throws {
    let store = try OrderedStore()
    for number in 1...4 { try store.deliver("w\(number)", of: "p\(number)", .pending) }
    for number in 5...8 { try store.deliver("w\(number)", of: "p\(number)", .succeeded) }
    store.advance(2 * OrderedStore.aWhile)
    for number in 1...4 { try store.deliver("n\(number)", of: "p\(number)", .running) }
    #expect(try deletedInAPass(store) == 4)
    #expect(try await store.jobCount() == 4)
  }

  /// Jobs recorded while the clock was ahead stay young.
  ///
  /// Those behind them do not.
  @Test func jobsDatedInTheFutureDoNotEndAPass() throws {
    let store = try OrderedStore()
    let (years, now) = (10 * 365 * 24 * OrderedStore.aWhile, store.now)
    store.advance(years)
    for number in 1...4 { try store.deliver("w\(number)", of: "p\(number)", .succeeded) }
    store.now = now
    for number in 5...8 { try store.deliver("w\(number)", of: "p\(number)", .succeeded) }
    store.advance(2 * OrderedStore.aWhile)
    #expect(try deletedInAPass(store) == 4)
  }
}
