import Ledger
import Jobs
import StoreSeam
import StoreFixture
import Testing
import Time

/// Results of an order's calls, in any order of arrival.
@Suite(.everyStore) struct OrderCallTests {
  private let store: OrderedStore
  /// Of each step, in milliseconds.
  private static let lease: Int64 = 1_000_000

  init() throws { store = try OrderedStore(policy: PollPolicy(timeout: 900_000, firstPoll: nil)) }

  /// A late search result has no effect after another create call.
  @Test func aStaleCallerCannotRequeueAnOrderThatIsSentAgain() async throws {
    try place("a")
    let first = try send(at: 0)
    try noteUnanswered(first, absenceConclusive: 100)
    let search = try #require(try find(at: 100).first)
    #expect(search.order.request.isEmpty && search.order.absenceConclusiveAt == time(100))
    try reschedule(search, until: 100)
    let second = try send(at: 200)
    #expect(second.order.tries == 2 && second.order.absenceConclusiveAt == nil)
    // Both are about the first call, and the second is in flight.
    try reschedule(search, until: 250)
    try noteUnanswered(first, absenceConclusive: 250)
    try store.commit { (transaction) throws(StorageError) in
      try transaction.delay(search, until: time(250))
    }
    #expect(try steps(at: 10_000).isEmpty)
    #expect(try await store.order("a").stage == .sending)
    // The call in flight may.
    try reschedule(second, until: 300)
    #expect(try await store.order("a").stage == .queued)
  }

  /// A second call without an answer has a search of its own.
  @Test func aStaleCallerCannotDelayTheSearchForANewerCall() throws {
    try place("a")
    let first = try send(at: 0)
    try noteUnanswered(first, absenceConclusive: 100)
    let search = try #require(try find(at: 100).first)
    try reschedule(search, until: 100)
    try noteUnanswered(try send(at: 200), absenceConclusive: 300)
    try store.commit { (transaction) throws(StorageError) in
      try transaction.delay(search, until: time(5000))
    }
    #expect(try find(at: 300).count == 1)
  }

  /// The first result of a call counts.
  ///
  /// A search may have begun since.
  @Test func aCallBecomesUnansweredOnce() async throws {
    try place("a")
    let step = try send(at: 0)
    try noteUnanswered(step, absenceConclusive: 100)
    try noteUnanswered(step, absenceConclusive: 50)
    #expect(try await store.order("a").absenceConclusiveAt == time(100))
  }

  @Test func aSubmittedOrderIsNotSentAgain() async throws {
    try place("a")
    let step = try send(at: 0)
    let delivery = Sample.delivery("w", "starting", .pending)
    _ = try store.ledger.commit([
      Delivery(
        webhookID: "w", receivedAt: time(1), snapshot: delivery.snapshot, body: delivery.body, namedJob: "a")
    ])
    try reschedule(step, until: 10)
    try noteUnanswered(step, absenceConclusive: 10)
    #expect(try await store.order("a").stage == .submitted)
    #expect(try steps(at: 10_000).isEmpty)
  }

  /// Both ways in which a call has no effect.
  @Test(arguments: [false, true])
  func anOrderToBeCanceledEndsWhenItsCallHadNoEffect(_ isSearched: Bool) async throws {
    try place("a")
    var step = try send(at: 0)
    if isSearched { try noteUnanswered(step, absenceConclusive: 5) }
    let cancellation = try store.commit { (transaction) throws(StorageError) in
      try transaction.cancel("a", at: time(1))
    }
    guard case .requested = cancellation else {
      Issue.record("\(cancellation)")
      return
    }
    if isSearched { step = try #require(try find(at: 10).first) }
    try reschedule(step, until: 20)
    #expect(try await store.job("a").phase == .canceled)
    #expect(try await store.job("a").error?.code == "canceled")
    #expect(try steps(at: 10_000).isEmpty)
  }

  @Test func callsInFlightAtACrashAreSearchedFor() throws {
    try place("a")
    _ = try send(at: 1000)
    // In a store of several processes a call may be of one that lives, and be made until its lease ends.
    let isShared = store.ledger.store.isShared
    let (found, latestCall) = isShared ? (1000 + Self.lease, 1000 + Self.lease) : (5000, 1000)
    try recover(at: found)
    let step = try #require(try find(at: found).first)
    #expect(step.order.absenceConclusiveAt == time(latestCall + 60_000))
    guard !isShared else { return }
    // The clock was set back meanwhile, which makes the grace period no longer.
    try reschedule(step, until: 5000)
    _ = try send(at: 90_000)
    try recover(at: 6000)
    #expect(try find(at: 6000).first?.order.absenceConclusiveAt == time(66_000))
  }

  private func recover(at milliseconds: Int64) throws {
    try store.commit { (transaction) throws(StorageError) in
      _ = try transaction.recoverOrders(at: time(milliseconds), absenceGracePeriod: 60_000)
    }
  }

  /// An end of a past attempt's prediction does not end the job.
  @Test func aPredictionThatIsGoneEndsItsOwnJobOnly() async throws {
    try place("a", retries: 1)
    let step = try send(at: 0)
    let interrupted = Snapshot(
      predictionID: "p1", providerStatus: "failed", phase: .failed, model: nil,
      error: JobError(code: JobError.interrupted, message: "m"),
      evidence: Evidence(logsSize: 0, outputSize: 0, digest: Sample.digest(of: "x")))
    let end = { (prediction: String) throws -> Job? in
      try store.commit { (transaction) throws(StorageError) in
        try transaction.end(
          step.order.number, of: prediction, as: .failed,
          because: JobError(code: "gone", message: "m"), at: time(3))
      }
    }
    _ = try store.commit { (transaction) throws(StorageError) in
      try transaction.record(
        PolledSnapshot(source: .answer, receivedAt: time(1), snapshot: interrupted, body: []),
        ofJob: step.order.number)
    }
    #expect(try end("p1") == nil)
    #expect(try await store.job("a").phase == .pending)
    #expect(try await store.job("a").attempt == 2)
  }
}

extension OrderCallTests {
  private func time(_ milliseconds: Int64) -> Timestamp { Timestamp(milliseconds: milliseconds) }

  private func place(_ id: String, retries: Int64 = 0) throws {
    let order = Order(
      id: id, idempotencyKey: nil, digest: Sample.digest(of: id), request: Array("{}".utf8), model: "m",
      createdAt: time(0), timeout: nil, retries: retries)
    _ = try store.commit { (transaction) throws(StorageError) in try transaction.enqueue(order) }
  }

  private func steps(at now: Int64, creates: Int = 9, finds: Int = 9) throws -> [OrderStep] {
    try store.commit { (transaction) throws(StorageError) in
      try transaction.claimOrderSteps(
        at: time(now), creates: creates, cancels: 9, finds: finds, lease: Self.lease)
    }
  }

  private func send(at now: Int64) throws -> OrderStep {
    let taken = try steps(at: now, finds: 0)
    let step = try #require(taken.first)
    #expect(taken.count == 1 && step.order.sentAt == time(now))
    return step
  }

  private func find(at now: Int64) throws -> [OrderStep] { try steps(at: now, creates: 0) }

  private func reschedule(_ step: OrderStep, until moment: Int64) throws {
    try store.commit { (transaction) throws(StorageError) in
      try transaction.reschedule(step.order, until: time(moment), at: time(moment))
    }
  }

  private func noteUnanswered(_ step: OrderStep, absenceConclusive: Int64) throws {
    try store.commit { (transaction) throws(StorageError) in
      try transaction.noteUnanswered(
        step.order, nextSearch: time(absenceConclusive),
        absenceConclusive: time(absenceConclusive))
    }
  }
}
