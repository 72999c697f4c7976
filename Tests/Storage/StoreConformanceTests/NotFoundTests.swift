import Ledger
import Jobs
import StoreSeam
import StoreFixture
import Testing
import Time

extension OrderedStore {
  fileprivate static let minute: Int64 = 60_000

  /// Answers a poll or a cancel call with a 404.
  @discardableResult
  fileprivate func miss(
    _ number: Int64, of prediction: String = "p1", from source: SnapshotSource = .poll
  ) throws -> Job? {
    let now = now
    return try commit { (transaction) throws(StorageError) in
      try transaction.noteNotFound(
        number, of: prediction, from: source, because: JobError(code: "gone", message: "no such thing"),
        at: now)
    }
  }

  /// Records `count` 404s, a minute apart, the last one now.
  fileprivate func miss(_ count: Int, times number: Int64) throws -> Job? {
    var job: Job?
    for index in 0..<count {
      if index > 0 { advance(Self.minute) }
      job = try miss(number)
    }
    return job
  }

  @discardableResult
  fileprivate func missCreation(_ step: OrderStep) throws -> Job? {
    let now = now
    return try commit { (transaction) throws(StorageError) in
      try transaction.noteNotFound(
        creating: step.order, because: JobError(code: "invalid_input", message: "no such model"), at: now)
    }
  }
}

/// A single 404 ends nothing.
///
/// A proxy, a wrong address or another account's token may have caused it.
@Suite(.everyStore) struct NotFoundTests {
  @Test func severalInARowOverMinutesEndAJob() async throws {
    let store = try OrderedStore()
    try store.deliver("a", .running)
    let number = try await store.number("p1")
    store.advance(OrderedStore.minute)
    let before = try await store.job("p1")
    #expect(try store.miss(5, times: number) == nil)
    // The job is unchanged, and polling goes on.
    #expect(try await store.job("p1") == before)
    #expect(before.pollState.dueAt != nil)
    #expect(try await store.outcomes("p1") == [.applied] + Array(repeating: .notFound, count: 5))
    store.advance(OrderedStore.minute)
    let ended = try #require(try store.miss(number))
    #expect(ended.state == .failed && ended.error == JobError(code: "gone", message: "no such thing"))
    #expect(try await store.job("p1") == ended)
    #expect(try store.miss(number) == nil)
    let rows = try await store.history("p1").suffix(2)
    #expect(rows.map(\.source) == [.poll, .daemon] && rows.map(\.outcome) == [.notFound, .applied])
    #expect(rows.map(\.providerStatus) == ["", "gone"] && rows.map(\.phase) == [.running, .failed])
    #expect(rows.allSatisfy { $0.digest == nil && $0.webhookID == nil })
  }

  @Test func manyAtOnceEndNothing() async throws {
    let store = try OrderedStore()
    try store.deliver("a", .running)
    let number = try await store.number("p1")
    store.advance(1)
    for _ in 0..<50 { #expect(try store.miss(number) == nil) }
    store.advance(5 * OrderedStore.minute - 1)
    #expect(try store.miss(number) == nil)
    store.advance(1)
    #expect(try store.miss(number) != nil)
  }

  /// Deliveries and answered polls prove that the provider knows the prediction.
  @Test(arguments: ["new delivery", "delivery without changes", "poll without changes", "redelivery"])
  func `any other answer or delivery resets the count`(_ event: String) async throws {
    let store = try OrderedStore()
    try store.deliver("a", .running, logs: 5)
    let number = try await store.number("p1")
    for _ in 0..<3 {
      store.advance(OrderedStore.minute)
      #expect(try store.miss(5, times: number) == nil)
      store.advance(OrderedStore.minute)
      switch event {
      case "new delivery":
        try store.deliver("b\(store.now.milliseconds)", .running, logs: Int(store.now.milliseconds))
      case "redelivery": try store.deliver("a", .running, logs: 5)
      case "poll without changes": try store.report(.poll, number, .running, logs: 5)
      default: try store.deliver("b\(store.now.milliseconds)", .running, logs: 1)
      }
    }
    store.advance(OrderedStore.minute)
    #expect(try store.miss(5, times: number) == nil)
    store.advance(OrderedStore.minute)
    #expect(try store.miss(number)?.state == .failed)
  }

  @Test func aCancelCallCountsToo() async throws {
    let store = try OrderedStore()
    let number = try store.send("j1").order.number
    try store.report(number, .running)
    store.advance(OrderedStore.minute)
    #expect(try store.miss(5, times: number) == nil)
    store.advance(OrderedStore.minute)
    #expect(try store.miss(number, from: .answer)?.state == .failed)
    #expect(try await store.history("j1").suffix(2).map(\.source) == [.answer, .daemon])
  }

  @Test func anotherPredictionsAnswerIsNotCounted() async throws {
    let store = try OrderedStore()
    try store.deliver("a", .running)
    let number = try await store.number("p1")
    store.advance(1)
    #expect(try store.miss(number, of: "p2") == nil && store.miss(999) == nil)
    #expect(try await store.outcomes("p1") == [.applied])
  }

  /// A create call is retried with backoff until the fifth 404.
  @Test func aCreateCallFailsAtTheFifth404() async throws {
    let store = try OrderedStore()
    var step = try store.send("j1")
    for seconds: Int64 in [10, 20, 40, 60] {
      #expect(try store.missCreation(step) == nil)
      #expect(try await store.order("j1").stage == .queued)
      #expect(try await store.job("j1").state == .pending)
      store.advance(seconds * 1000 - 1)
      #expect(try store.steps().isEmpty)
      store.advance(1)
      step = try store.step()
    }
    let ended = try #require(try store.missCreation(step))
    #expect(ended.state == .failed && ended.error?.code == "invalid_input")
    #expect(try await store.order("j1").stage == .ended)
    #expect(try await store.outcomes("j1") == Array(repeating: .notFound, count: 5) + [.applied])
    #expect(try await store.history("j1").map(\.source) == Array(repeating: .answer, count: 5) + [.daemon])
  }

  /// The API address was wrong for a while.
  @Test func anAnsweredCreateCallResetsTheCount() async throws {
    let store = try OrderedStore()
    let step = try store.send("j1")
    try store.missCreation(step)
    store.advance(10_000)
    let second = try store.step()
    // A late result of the first call does not count for the second.
    #expect(try store.missCreation(step) == nil)
    try store.report(second.order.number, .running)
    #expect(try store.missCreation(second) == nil)
    #expect(try await store.job("j1").state == .running)
    #expect(try await store.outcomes("j1") == [.notFound, .applied])
    // Those 404s were about the model, and do not count for polls.
    store.advance(10 * OrderedStore.minute)
    #expect(try store.miss(3, times: second.order.number) == nil)
  }

  @Test func aCreateCallOfACanceledOrderIsNotRepeated() async throws {
    let store = try OrderedStore()
    let step = try store.send("j1")
    _ = try store.cancel("j1")
    try store.missCreation(step)
    #expect(try await store.job("j1").state == .canceled)
    #expect(try await store.order("j1").stage == .ended)
    #expect(try await store.outcomes("j1") == [.notFound, .applied])
  }
}
