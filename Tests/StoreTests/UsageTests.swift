import Jobs
import Testing

@testable import Store

@Suite struct UsageTests {
  private static let day: Int64 = 86_400_000

  @Test func endsAreSummedUpByDayAndModel() throws {
    let store = try OrderedStore()
    try store.deliver("a", of: "p1", .succeeded)
    try store.deliver("b", of: "p2", .running)
    store.advance(Self.day)
    try store.deliver("c", of: "p2", .failed)
    try store.deliver("d", of: "p3", .canceled)
    try store.place("j1", model: nil)
    try store.end(try store.step())
    // What has no effect is not counted.
    try store.deliver("a", of: "p1", .succeeded)
    try store.deliver("e", of: "p1", .succeeded)
    try store.deliver("f", of: "p1", .failed)
    let rows = try store.reader.usage(on: 0...1)
    #expect(rows.map(\.day) == [1, 1, 0] && rows.map(\.model) == ["", "owner/model", "owner/model"])
    #expect(rows[0].usage == Usage(failed: 1))
    #expect(
      rows[1].usage
        == Usage(
          failed: 1, canceled: 1, predictMilliseconds: 8000, queueMilliseconds: 4000, runMilliseconds: 10_000)
    )
    #expect(
      rows[2].usage
        == Usage(
          succeeded: 1, predictMilliseconds: 4000, queueMilliseconds: 2000, runMilliseconds: 5000))
    #expect(try store.reader.usage(on: 1...1).count == 2 && store.reader.usage(on: 2...9).isEmpty)
  }

  /// A lost webhook counts on the day of its end, also when it comes after all on another.
  @Test func aLostWebhookIsCountedUntilItIsHeard() throws {
    let store = try OrderedStore()
    try store.deliver("a", .running)
    try store.hear(.poll, try store.number("p1"), .succeeded)
    #expect(try store.reader.usage(on: 0...9).map(\.usage.lostWebhooks) == [1])
    store.advance(3 * Self.day)
    try store.deliver("late", .running, logs: 9)
    #expect(try store.reader.usage(on: 0...9).map(\.usage.lostWebhooks) == [1])
    try store.deliver("b", .succeeded)
    try store.deliver("b", .succeeded)
    try store.deliver("c", .succeeded)
    let rows = try store.reader.usage(on: 0...9)
    #expect(rows.map(\.day) == [0] && rows.map(\.usage.lostWebhooks) == [0])
    #expect(rows.map(\.usage.succeeded) == [1])
  }

  @Test func anEndThatTheAnswerToACallToldIsNoLostWebhook() throws {
    let store = try OrderedStore()
    try store.hear(try store.send("j1").order.number, .succeeded)
    #expect(try store.reader.usage(on: 0...9).map(\.usage.lostWebhooks) == [0])
  }

  /// What a transaction that failed has summed up is not written by the next.
  @Test func aTransactionThatFailsCountsNothing() throws {
    let store = try OrderedStore()
    let path = store.database.path
    try SQLiteShell.run(
      """
      CREATE TRIGGER poison BEFORE INSERT ON deliveries WHEN NEW.webhook_id = 'poison'
      BEGIN SELECT RAISE(ABORT, 'poisoned'); END
      """, on: path)
    #expect(throws: StoreError.self) { try store.deliver("poison", .succeeded) }
    try store.deliver("a", of: "p2", .running)
    #expect(try store.reader.usage(on: 0...9).isEmpty)
    try store.deliver("b", of: "p2", .succeeded)
    #expect(try store.reader.usage(on: 0...9).map(\.usage.succeeded) == [1])
  }
}

@Suite struct PruneTests {
  private func prune(_ store: OrderedStore, after number: Int64 = 0, count: Int = 100) throws -> PruneStep {
    let limit = store.now.advanced(byMilliseconds: -OrderedStore.aWhile)
    return try store.commit { (transaction) throws(StoreError) in
      try transaction.prune(endedBefore: limit, at: store.now, after: number, count: count)
    }
  }

  @Test func onlyWhatHasEndedAndIsOldGoesWithAllThatBelongsToIt() throws {
    let store = try OrderedStore()
    let step = try store.send("j1", retries: 1)
    try store.deliver("a", .failed, naming: "j1", error: interruption)
    store.advance(2000)
    _ = try store.step()
    try store.hear(step.order.number, of: "p2", .succeeded)
    try store.deliver("open", of: "p3", .running)
    try store.place("queued")
    store.advance(OrderedStore.aWhile)
    try store.deliver("young", of: "p4", .succeeded)
    #expect(try prune(store).deleted == 0)
    store.advance(1)
    let step1 = try prune(store)
    #expect(step1.deleted == 1 && step1.next == nil)
    for id in ["j1", "p1", "p2"] { #expect(try store.reader.job(id) == nil) }
    for id in ["p3", "queued", "p4"] { #expect(try store.reader.job(id) != nil) }
    for (table, count) in [("jobs", "3"), ("deliveries", "2"), ("orders", "1"), ("attempts", "0")] {
      #expect(try SQLiteShell.run("SELECT count(*) FROM \(table)", on: store.database.path) == [count])
    }
    // What was summed up stays, and so does what names nothing any more.
    #expect(try store.reader.usage(on: 0...9).map(\.usage.succeeded) == [2])
    try store.place("j1")
    #expect(try store.reader.damage() == nil)
  }

  @Test func aPassGoesInStepsAndEndsWhereNothingIsOld() throws {
    let store = try OrderedStore()
    for number in 1...7 {
      // The open ones stay, and are passed over.
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
    // The last step finds the first that was heard of since, and nothing is looked at behind it.
    #expect(deleted == [2, 1, 1, 1])
    #expect(try store.reader.jobCount() == 7)
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

  /// Old jobs of which something was heard lately stand before others that have been quiet.
  @Test func newsOfOldJobsKeepNobodyBehindThem() throws {
    let store = try OrderedStore()
    for number in 1...4 { try store.deliver("w\(number)", of: "p\(number)", .pending) }
    for number in 5...8 { try store.deliver("w\(number)", of: "p\(number)", .succeeded) }
    store.advance(2 * OrderedStore.aWhile)
    for number in 1...4 { try store.deliver("n\(number)", of: "p\(number)", .running) }
    #expect(try deletedInAPass(store) == 4)
    #expect(try store.reader.jobCount() == 4)
  }

  /// Jobs that were recorded while the clock was years ahead are young for years; those behind them are not.
  @Test func aClockThatWasAheadKeepsNobodyBehind() throws {
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
