import Ledger
import Jobs
import StoreSeam
import StoreFixture
import Testing

@Suite(.everyStore) struct RecordingTests {
  @Test func everyOutcomeIsRecordedWithItsJob() async throws {
    let store = try OrderedStore()
    let deliveries = [
      Sample.delivery("a", "processing", .running, logs: 5),
      Sample.delivery("b", "starting", .pending),
      Sample.delivery("c", "hibernating", nil, logs: 9),
      Sample.delivery("a", "processing", .running, logs: 5),
      Sample.delivery("a", "failed", .failed, logs: 5),
      Sample.delivery("d", "succeeded", .succeeded, logs: 9),
      Sample.delivery("e", "failed", .failed, logs: 9),
    ]
    let expected: [DeliveryOutcome] = [
      .applied, .late, .unknownStatus, .duplicate, .conflict, .applied, .conflict,
    ]
    #expect(try deliveries.map { try store.ledger.commit([$0])[0].outcome } == expected)

    let stored = try await store.record("p1")
    #expect(stored.job.state == .succeeded)
    #expect(stored.body == deliveries[5].body)
    let all = try #require(try await store.reader.history(ofJob: "p1", after: 0, limit: 100))
    let history = all.entries
    #expect(history.map(\.outcome) == expected)
    #expect(history.map(\.webhookID) == ["a", "b", "c", "a", "a", "d", "e"])
    #expect(history.map(\.position) == Array(1...7))
    #expect(
      history.map(\.phase) == [.running, .running, .running, .running, .running, .succeeded, .succeeded])
    #expect(all.counts == [.applied: 2, .late: 1, .unknownStatus: 1, .duplicate: 1, .conflict: 2])
    let part = try #require(try await store.reader.history(ofJob: "p1", after: 5, limit: 1))
    #expect(part.entries.map(\.position) == [6])
    #expect(part.counts == all.counts && part.job == stored.job)
  }

  @Test func aHundredCopiesInOneTransactionHaveOneEffect() async throws {
    let store = try OrderedStore()
    let copy = Sample.delivery("a", "processing", .running)
    let outcomes = try store.ledger.commit(Array(repeating: copy, count: 100)).map(\.outcome)
    #expect(outcomes == [.applied] + Array(repeating: .duplicate, count: 99))
    #expect(try await store.job("p1").revision == 1)
  }

  @Test func repeatsBeyondAThousandAreAnsweredAndNotRecorded() async throws {
    let store = try OrderedStore()
    let copy = Sample.delivery("a", "processing", .running)
    let outcomes = try store.ledger.commit(Array(repeating: copy, count: 1200)).map(\.outcome)
    #expect(outcomes.filter { $0 == .duplicate }.count == 1199)
    // A first delivery is always recorded.
    _ = try store.ledger.commit([Sample.delivery("b", "succeeded", .succeeded)])
    #expect(try await store.history("p1").count == 1001)
    #expect(try await store.job("p1").state == .succeeded)
  }

  @Test func anIDThatNamesAnotherPredictionIsAConflictWithoutEffect() async throws {
    let store = try OrderedStore()
    _ = try store.ledger.commit([Sample.delivery("a", of: "p1", "starting", .pending)])
    let recording = try store.ledger.commit([Sample.delivery("a", of: "p2", "succeeded", .succeeded)])[0]
    #expect(recording.outcome == .conflict)
    #expect(recording.jobID == "p1")
    #expect(try await store.reader.job("p2") == nil)
  }

  /// The store ends a job as the in-memory merge does.
  ///
  /// That holds in any order and any split into transactions.
  @Test func everyOrderEndsInTheSameJob() async throws {
    let store = try OrderedStore()
    for (number, order) in permutations(of: [0, 1, 2, 3]).enumerated() {
      let id = "p\(number)"
      let life = Sample.life(of: id, prefix: "w\(number)-")
      let deliveries = order.map { life[$0] }
      for cut in 0...deliveries.count {
        if cut == number % 5 {
          _ = try store.ledger.commit(Array(deliveries[..<cut]))
          _ = try store.ledger.commit(Array(deliveries[cut...]))
        }
      }
      let stored = try await store.record(id)
      #expect(stored.job.phase == .succeeded)
      #expect(stored.job.snapshot == life[3].snapshot)
      #expect(stored.body == life[3].body)
    }
  }

  @Test(arguments: ["", "é😀 \u{0} end", String(repeating: "x", count: 3_000_000)])
  func bodiesAndTextsRoundTripExactly(_ text: String) async throws {
    let store = try OrderedStore()
    let delivery = Sample.delivery("a", "fail\u{0}ed", .failed, model: text, body: text)
    _ = try store.ledger.commit([delivery])
    let stored = try await store.record("p1")
    #expect(stored.body == delivery.body)
    #expect(stored.job.snapshot == delivery.snapshot)
  }

  @Test func aTransactionThatFailsStoresNothing() async throws {
    let store = try OrderedStore()
    let good = Sample.delivery("good", of: "p1", "starting", .pending)
    #expect(throws: StorageError.rejected("poisoned")) {
      try store.commit { (transaction) throws(StorageError) in
        _ = try transaction.record(good)
        throw .rejected("poisoned")
      }
    }
    #expect(try await store.reader.job("p1") == nil)
    // The store is usable again at once.
    #expect(try store.ledger.commit([good])[0].outcome == .applied)
    #expect(try await store.reader.job("p1") != nil)
  }

  @Test func commitsSurviveReopening() async throws {
    let store = try OrderedStore()
    for number in 0..<50 { _ = try store.ledger.commit(Sample.life(of: "p\(number)", prefix: "w\(number)-")) }
    try store.reopen()
    #expect(
      try store.ledger.commit([Sample.delivery("w7-3", of: "p7", "succeeded", .succeeded, logs: 20)])[0]
        .outcome == .duplicate)
    #expect(try await store.jobCount() == 50)
  }
}
