import Jobs
import Scratch
import Testing
@testable import Time

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
    // Deliveries without effect are not counted.
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

  /// A late webhook counts on the day of its end.
  @Test func aLostWebhookIsCountedUntilItIsDelivered() throws {
    let store = try OrderedStore()
    try store.deliver("a", .running)
    try store.report(.poll, try store.number("p1"), .succeeded)
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

  @Test func anEndInTheAnswerToACallIsNoLostWebhook() throws {
    let store = try OrderedStore()
    try store.report(try store.send("j1").order.number, .succeeded)
    #expect(try store.reader.usage(on: 0...9).map(\.usage.lostWebhooks) == [0])
  }

  /// Implausible times from the provider must not overflow the sums.
  ///
  /// A job that lasted thousands of years would otherwise fail all later ends of its model.
  @Test func implausibleTimesAreCappedAndSumsSaturate() throws {
    let store = try OrderedStore()
    let month: Int64 = 30 * Self.day
    for number in 1...2 {
      try store.deliver("w\(number)", of: "p\(number)", .running)
      var delivery = Sample.delivery("e\(number)", of: "p\(number)", "succeeded", .succeeded, at: 1_000_000)
      delivery = Delivery(
        webhookID: delivery.webhookID, receivedAt: delivery.receivedAt,
        snapshot: Snapshot(
          predictionID: "p\(number)", providerStatus: "succeeded", phase: .succeeded, model: "owner/model",
          createdAt: Timestamp(milliseconds: -62_135_596_800_000), startedAt: Timestamp(milliseconds: 0),
          completedAt: Timestamp(milliseconds: 253_402_300_799_999), predictMilliseconds: .max,
          evidence: delivery.snapshot.evidence), body: delivery.body)
      _ = try store.writer.commit([delivery])
    }
    let sum = Usage(
      succeeded: 2, predictMilliseconds: 2 * month, queueMilliseconds: 2 * month, runMilliseconds: 2 * month)
    #expect(try store.reader.usage(on: 0...9).map(\.usage) == [sum])
    // Sums that an earlier version let grow.
    try SQLiteShell.run(
      "UPDATE usage SET predict_milliseconds = \(Int64.max), queue_milliseconds = \(Int64.max - 1)",
      on: store.database.path)
    try store.deliver("b", of: "p3", .succeeded)
    let usage = try #require(try store.reader.usage(on: 0...9).first?.usage)
    #expect(usage.succeeded == 3 && usage.predictMilliseconds == UsageLedger.maxSum)
    var total = usage
    for _ in 0..<4 { total.add(usage) }
    #expect(total.predictMilliseconds == .max)
  }

  /// Models beyond a maximum share one row.
  ///
  /// Each would otherwise add a row forever.
  @Test func modelsBeyondTheMaximumAreCountedTogether() throws {
    let store = try OrderedStore()
    let bound = UsageLedger.maxModelsPerDay
    func end(_ name: String, model: String) throws {
      _ = try store.writer.commit([
        Sample.delivery(name, of: name, "succeeded", .succeeded, model: model, at: 1_000_000)
      ])
    }
    try end("first", model: "owner/first")
    try end("long", model: String(repeating: "x", count: 256))
    let others = (0..<bound + 20).map {
      Sample.delivery("w\($0)", of: "p\($0)", "succeeded", .succeeded, model: "m/\($0)", at: 1_000_000)
    }
    for start in stride(from: 0, to: others.count, by: 100) {
      _ = try store.writer.commit(Array(others[start..<min(start + 100, others.count)]))
    }
    // A model with a row is counted there after a restart too.
    try store.reopen()
    try end("second", model: "owner/first")
    try end("another", model: "m/new")
    let rows = try store.reader.usage(on: 0...9)
    #expect(rows.count == bound)
    let counts = Dictionary(rows.map { ($0.model, $0.usage.succeeded) }) { $0 + $1 }
    #expect(counts["owner/first"] == 2 && counts["other"] == 24 && counts["m/new"] == nil)
  }

  /// The sums of a failed transaction are not written by the next.
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
  /// A webhook id is kept while its delivery can be replayed.
  ///
  /// The signature is valid for twice the tolerance.
  @Test func aDeliveryThatCanBeReplayedKeepsItsJob() throws {
    let store = try OrderedStore()
    try store.deliver("a", .succeeded)
    try store.deliver("b", of: "p2", .succeeded)
    store.advance(1000)
    // It does not change the job, but is recorded.
    #expect(try store.deliver("late", .failed).outcome == .conflict)
    let now = store.now
    let prune = { (moment: Timestamp) in
      try store.commit { (transaction) throws(StoreError) in
        try transaction.prune(
          endedBefore: now, at: now, after: 0, count: 9, deliveredBefore: moment
        ).deleted
      }
    }
    #expect(try prune(now.advanced(byMilliseconds: -1000)) == 0)
    #expect(try prune(now) == 1)
    #expect(try store.deliver("late", .failed).outcome == .duplicate)
    #expect(try prune(now.advanced(byMilliseconds: 1)) == 1)
    #expect(try store.reader.jobCount() == 0)
  }

  private func prune(_ store: OrderedStore, after number: Int64 = 0, count: Int = 100) throws -> PruneStep {
    let limit = store.now.advanced(byMilliseconds: -OrderedStore.aWhile)
    return try store.commit { (transaction) throws(StoreError) in
      try transaction.prune(endedBefore: limit, at: store.now, after: number, count: count)
    }
  }

  @Test func onlyOldEndedJobsAreDeletedWithAllTheirRows() throws {
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
    for id in ["j1", "p1", "p2"] { #expect(try store.reader.job(id) == nil) }
    for id in ["p3", "queued", "p4"] { #expect(try store.reader.job(id) != nil) }
    for (table, count) in [("jobs", "3"), ("deliveries", "2"), ("orders", "1"), ("attempts", "0")] {
      #expect(try SQLiteShell.run("SELECT count(*) FROM \(table)", on: store.database.path) == [count])
    }
    // The sums stay, and so do rows that no job refers to.
    #expect(try store.reader.usage(on: 0...9).map(\.usage.succeeded) == [2])
    try store.place("j1")
    #expect(try store.reader.damage() == nil)
  }

  @Test func aPassRunsInStepsAndEndsAtTheFirstYoungJob() throws {
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

  /// Old jobs with recent activity have lower numbers than quiet ones.
  @Test func activityOfOldJobsDoesNotEndAPass() throws {
    let store = try OrderedStore()
    for number in 1...4 { try store.deliver("w\(number)", of: "p\(number)", .pending) }
    for number in 5...8 { try store.deliver("w\(number)", of: "p\(number)", .succeeded) }
    store.advance(2 * OrderedStore.aWhile)
    for number in 1...4 { try store.deliver("n\(number)", of: "p\(number)", .running) }
    #expect(try deletedInAPass(store) == 4)
    #expect(try store.reader.jobCount() == 4)
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
