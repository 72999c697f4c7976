import Jobs
import Scratch
import Store
import Testing

@Suite struct RecordingTests {
  @Test func everyOutcomeIsRecordedWithItsJob() throws {
    let database = try TemporaryDatabase()
    let writer = try StoreWriter(path: database.path)
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
    #expect(try deliveries.map { try writer.commit([$0])[0].outcome } == expected)

    let reader = try StoreReader(path: database.path)
    let stored = try #require(try reader.job("p1"))
    #expect(stored.job.state == .succeeded)
    #expect(stored.body == deliveries[5].body)
    let history = try reader.history(ofJob: stored.number, after: 0, limit: 100)
    #expect(history.map(\.outcome) == expected)
    #expect(history.map(\.webhookID) == ["a", "b", "c", "a", "a", "d", "e"])
    #expect(history.map(\.position) == Array(1...7))
    #expect(
      history.map(\.phase) == [.running, .running, .running, .running, .running, .succeeded, .succeeded])
    #expect(
      try reader.outcomeCounts(ofJob: stored.number) == [
        .applied: 2, .late: 1, .unknownStatus: 1, .duplicate: 1, .conflict: 2,
      ])
    #expect(try reader.history(ofJob: stored.number, after: 5, limit: 1).map(\.position) == [6])
  }

  @Test func aHundredCopiesInOneTransactionHaveOneEffect() throws {
    let database = try TemporaryDatabase()
    let writer = try StoreWriter(path: database.path)
    let copy = Sample.delivery("a", "processing", .running)
    let outcomes = try writer.commit(Array(repeating: copy, count: 100)).map(\.outcome)
    #expect(outcomes == [.applied] + Array(repeating: .duplicate, count: 99))
    #expect(try StoreReader(path: database.path).job("p1")?.job.revision == 1)
  }

  @Test func repeatsBeyondAThousandAreAnsweredAndNotRecorded() throws {
    let database = try TemporaryDatabase()
    let writer = try StoreWriter(path: database.path)
    let copy = Sample.delivery("a", "processing", .running)
    let outcomes = try writer.commit(Array(repeating: copy, count: 1200)).map(\.outcome)
    #expect(outcomes.filter { $0 == .duplicate }.count == 1199)
    // A first delivery is always recorded.
    _ = try writer.commit([Sample.delivery("b", "succeeded", .succeeded)])
    let reader = try StoreReader(path: database.path)
    let number = try #require(try reader.job("p1")).number
    #expect(try reader.history(ofJob: number, after: 0, limit: 5000).count == 1001)
    #expect(try reader.job("p1")?.job.state == .succeeded)
  }

  @Test func anIDThatNamesAnotherPredictionIsAConflictWithoutEffect() throws {
    let database = try TemporaryDatabase()
    let writer = try StoreWriter(path: database.path)
    _ = try writer.commit([Sample.delivery("a", of: "p1", "starting", .pending)])
    let recording = try writer.commit([Sample.delivery("a", of: "p2", "succeeded", .succeeded)])[0]
    #expect(recording.outcome == .conflict)
    #expect(recording.jobID == "p1")
    #expect(try StoreReader(path: database.path).job("p2") == nil)
  }

  /// The store ends a job as the in-memory merge does.
  ///
  /// That holds in any order and any split into transactions.
  @Test func everyOrderEndsInTheSameJob() throws {
    let database = try TemporaryDatabase()
    let writer = try StoreWriter(path: database.path)
    let reader = try StoreReader(path: database.path)
    for (number, order) in permutations(of: [0, 1, 2, 3]).enumerated() {
      let id = "p\(number)"
      let life = Sample.life(of: id, prefix: "w\(number)-")
      let deliveries = order.map { life[$0] }
      for cut in 0...deliveries.count {
        if cut == number % 5 {
          _ = try writer.commit(Array(deliveries[..<cut]))
          _ = try writer.commit(Array(deliveries[cut...]))
        }
      }
      let stored = try #require(try reader.job(id))
      #expect(stored.job.phase == .succeeded)
      #expect(stored.job.snapshot == life[3].snapshot)
      #expect(stored.body == life[3].body)
    }
  }

  @Test(arguments: ["", "é😀 \u{0} end", String(repeating: "x", count: 3_000_000)])
  func bodiesAndTextsRoundTripExactly(_ text: String) throws {
    let database = try TemporaryDatabase()
    let writer = try StoreWriter(path: database.path)
    let delivery = Sample.delivery("a", "fail\u{0}ed", .failed, model: text, body: text)
    _ = try writer.commit([delivery])
    let stored = try #require(try StoreReader(path: database.path).job("p1"))
    #expect(stored.body == delivery.body)
    #expect(stored.job.snapshot == delivery.snapshot)
  }

  @Test func aTransactionThatFailsStoresNothing() throws {
    let database = try TemporaryDatabase()
    let writer = try StoreWriter(path: database.path)
    try SQLiteShell.run(
      """
      CREATE TRIGGER poison BEFORE INSERT ON deliveries WHEN NEW.webhook_id = 'poison'
      BEGIN SELECT RAISE(ABORT, 'poisoned'); END
      """, on: database.path)
    let good = Sample.delivery("good", of: "p1", "starting", .pending)
    let bad = Sample.delivery("poison", of: "p2", "starting", .pending)
    #expect(throws: StoreError.self) { try writer.commit([good, bad]) }
    let reader = try StoreReader(path: database.path)
    #expect(try reader.job("p1") == nil)
    // The connection is usable again at once.
    #expect(try writer.commit([good])[0].outcome == .applied)
    #expect(try reader.job("p1") != nil)
  }

  @Test func commitsSurviveReopening() throws {
    let database = try TemporaryDatabase()
    do {
      let writer = try StoreWriter(path: database.path)
      for number in 0..<50 { _ = try writer.commit(Sample.life(of: "p\(number)", prefix: "w\(number)-")) }
    }
    let writer = try StoreWriter(path: database.path)
    #expect(
      try writer.commit([Sample.delivery("w7-3", of: "p7", "succeeded", .succeeded, logs: 20)])[0].outcome
        == .duplicate)
    let reader = try StoreReader(path: database.path)
    #expect(try reader.jobCount() == 50)
    #expect(try reader.damage() == nil)
  }
}
