import Ledger
import Jobs
import StoreSeam
import Tables
import StoreFixture
import Testing
import Time

@testable import UsageSums

@Suite(.everyStore) struct UsageTests {
  private static let day: Int64 = 86_400_000

  @Test func endsAreSummedUpByDayAndModel() async throws {
    let store = try UsageSums.store()
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
    let rows = try await store.usage(on: 0...1)
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
    #expect(try await store.usage(on: 1...1).count == 2)
    #expect(try await store.usage(on: 2...9).isEmpty)
  }

  /// A late webhook counts on the day of its end.
  @Test func aLostWebhookIsCountedUntilItIsDelivered() async throws {
    let store = try UsageSums.store()
    try store.deliver("a", .running)
    try await store.report(.poll, try store.number("p1"), .succeeded)
    #expect(try await store.usage(on: 0...9).map(\.usage.lostWebhooks) == [1])
    store.advance(3 * Self.day)
    try store.deliver("late", .running, logs: 9)
    #expect(try await store.usage(on: 0...9).map(\.usage.lostWebhooks) == [1])
    try store.deliver("b", .succeeded)
    try store.deliver("b", .succeeded)
    try store.deliver("c", .succeeded)
    let rows = try await store.usage(on: 0...9)
    #expect(rows.map(\.day) == [0] && rows.map(\.usage.lostWebhooks) == [0])
    #expect(rows.map(\.usage.succeeded) == [1])
  }

  @Test func `a held end is counted once it is released`() async throws {
    let store = try UsageSums.store(endGate: HoldingGate(for: Self.day))
    for prediction in ["p1", "p2"] {
      try store.deliver("a \(prediction)", of: prediction, .running)
      try await store.report(.poll, try store.number(prediction), of: prediction, .succeeded)
    }
    #expect(try await store.usage(on: 0...9).isEmpty)
    store.advance(Self.day - 1)
    let now = store.now
    func release(_ prediction: String, as end: HeldEnd) async throws {
      let number = try await store.number(prediction)
      try store.commit { (transaction) throws(StorageError) in
        try transaction.release(number, as: end, at: now)
      }
    }
    try await release("p2", as: .failed(JobError(code: "not_kept", message: nil)))
    // That of the other is delivered while it is held, and has not been counted as lost.
    try store.deliver("b", of: "p1", .succeeded)
    try await release("p1", as: .succeeded)
    let rows = try await store.usage(on: 0...9)
    #expect(
      rows.map(\.usage) == [
        Usage(
          succeeded: 1, failed: 1, lostWebhooks: 1, predictMilliseconds: 8000, queueMilliseconds: 4000,
          runMilliseconds: 10_000)
      ])
  }

  @Test func anEndInTheAnswerToACallIsNoLostWebhook() async throws {
    let store = try UsageSums.store()
    try store.report(try store.send("j1").order.number, .succeeded)
    #expect(try await store.usage(on: 0...9).map(\.usage.lostWebhooks) == [0])
  }

  /// Implausible times from the provider must not overflow the sums.
  ///
  /// A job that lasted thousands of years would otherwise fail all later ends of its model.
  @Test func implausibleTimesAreCappedAndSumsSaturate() async throws {
    let store = try UsageSums.store()
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
      _ = try store.ledger.commit([delivery])
    }
    let sum = Usage(
      succeeded: 2, predictMilliseconds: 2 * month, queueMilliseconds: 2 * month, runMilliseconds: 2 * month)
    #expect(try await store.usage(on: 0...9).map(\.usage) == [sum])
    // Sums that an earlier version let grow.
    let day = try #require(try await store.usage(on: 0...9).first?.day)
    let large = Usage(predictMilliseconds: .max, queueMilliseconds: .max - 1)
    try store.put(large, day: day, model: "owner/model")
    try store.deliver("b", of: "p3", .succeeded)
    let usage = try #require(try await store.usage(on: 0...9).first?.usage)
    #expect(usage.succeeded == 1 && usage.predictMilliseconds == TableWrite.maxSum)
    var total = usage
    for _ in 0..<4 { total.add(usage) }
    #expect(total.predictMilliseconds == .max)
  }

  /// Models beyond a maximum share one row.
  ///
  /// Each would otherwise add a row forever.
  @Test func modelsBeyondTheMaximumAreCountedTogether() async throws {
    let store = try UsageSums.store()
    let bound = UsageTable.maxModelsPerDay
    func end(_ name: String, model: String) throws {
      _ = try store.ledger.commit([
        Sample.delivery(name, of: name, "succeeded", .succeeded, model: model, at: 1_000_000)
      ])
    }
    try end("first", model: "owner/first")
    try end("long", model: String(repeating: "x", count: 256))
    let others = (0..<bound + 20).map {
      Sample.delivery("w\($0)", of: "p\($0)", "succeeded", .succeeded, model: "m/\($0)", at: 1_000_000)
    }
    for start in stride(from: 0, to: others.count, by: 100) {
      _ = try store.ledger.commit(Array(others[start..<min(start + 100, others.count)]))
    }
    // A model with a row is counted there after a restart too.
    try store.reopen()
    try end("second", model: "owner/first")
    try end("another", model: "m/new")
    let rows = try await store.usage(on: 0...9)
    #expect(rows.count == bound)
    let counts = Dictionary(rows.map { ($0.model, $0.usage.succeeded) }) { $0 + $1 }
    #expect(counts["owner/first"] == 2 && counts["other"] == 24 && counts["m/new"] == nil)
  }

  /// The sums of a failed transaction are not written by the next.
  @Test func aTransactionThatFailsCountsNothing() async throws {
    let store = try UsageSums.store()
    let delivery = Sample.delivery("poison", "succeeded", .succeeded)
    #expect(throws: StorageError.self) {
      try store.commit { (transaction) throws(StorageError) in
        _ = try transaction.record(delivery)
        throw .rejected("poisoned")
      }
    }
    try store.deliver("a", of: "p2", .running)
    #expect(try await store.usage(on: 0...9).isEmpty)
    try store.deliver("b", of: "p2", .succeeded)
    #expect(try await store.usage(on: 0...9).map(\.usage.succeeded) == [1])
  }
}
