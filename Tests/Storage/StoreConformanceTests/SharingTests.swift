import Jobs
import Ledger
import StoreSeam
import StoreFixture
import Testing
import Time
import Work

/// What two processes make of one store: whose a claim is, and whose results count.
@Suite(.everyStore) struct SharingTests {
  private let (one, other): (OrderedStore, OrderedStore)

  init() throws {
    (one, other) = try OrderedStore.pair()
  }

  private func advance(_ milliseconds: Int64) {
    one.advance(milliseconds)
    other.advance(milliseconds)
  }

  private func recoverAbandoned(by process: OrderedStore) throws -> Int {
    let now = process.now
    return try process.commit { (transaction) throws(StorageError) in
      try transaction.recoverAbandonedCreates(at: now)
    }
  }

  /// A create call of the first process whose lease has ended, and whose search the other one has claimed.
  private func takenOver() throws -> OrderStep {
    let step = try one.send("j1")
    advance(35_000)
    #expect(try recoverAbandoned(by: other) == 1)
    guard case .find = try other.step().action else {
      Issue.record("it is not searched for")
      return step
    }
    return step
  }
}

// MARK: - Claims

extension SharingTests {
  @Test func `a create call of another process is its own until the lease ends`() async throws {
    let step = try one.send("j1")
    let now = other.now
    // A start is no reason to take it for lost.
    try other.commit { (transaction) throws(StorageError) in
      try transaction.recoverOrders(at: now, absenceGracePeriod: 60_000)
    }
    advance(34_999)
    #expect(try recoverAbandoned(by: other) == 0)
    #expect(try other.steps().isEmpty)
    #expect(try await other.order("j1").stage == .sending)
    advance(1)
    #expect(try recoverAbandoned(by: other) == 1)
    #expect(try recoverAbandoned(by: one) == 0)
    let order = try await other.order("j1")
    #expect(order.stage == .unanswered && order.sentAt == step.order.sentAt && order.tries == 1)
    // The call may have begun, and ended, shortly before the lease did.
    #expect(order.absenceConclusiveAt == other.now.advanced(byMilliseconds: 60_000))
    guard case .find = try other.step().action else {
      Issue.record("it is created again")
      return
    }
  }

  /// In a store of one process, its calls are those of an earlier life.
  @Test func `a start of the only process takes every call for lost`() async throws {
    let store = try OrderedStore()
    guard !store.ledger.store.isShared else { return }
    _ = try store.send("j1")
    let restarted = try OrderedStore(on: store.backend, opened: store.ledger.store, owner: "restarted")
    let now = restarted.now
    try restarted.commit { (transaction) throws(StorageError) in
      try transaction.recoverOrders(at: now, absenceGracePeriod: 60_000)
    }
    #expect(try await restarted.order("j1").stage == .unanswered)
  }

  @Test(arguments: [false, true])
  func `a start of the only process makes claimed searches and cancel calls due`(_ isCancel: Bool) throws {
    let store = try OrderedStore()
    guard !store.ledger.store.isShared else { return }
    let step = try store.send("j1")
    if isCancel {
      try store.report(step.order.number, .running)
      _ = try store.cancel("j1")
    } else {
      try store.noteUnanswered(step, nextSearchIn: 0)
    }
    _ = try store.step()
    #expect(try store.steps().isEmpty)
    let now = store.now
    try store.commit { (transaction) throws(StorageError) in
      try transaction.recoverOrders(at: now, absenceGracePeriod: 60_000)
    }
    #expect(try store.steps().count == 1)
  }

  @Test(arguments: [false, true])
  func `a claimed search or cancel call falls to another process with its lease`(_ isCancel: Bool) throws {
    let step = try one.send("j1")
    if isCancel {
      try one.report(step.order.number, .running)
      _ = try one.cancel("j1")
    } else {
      try one.noteUnanswered(step, nextSearchIn: 0)
    }
    let claimed = try one.step()
    #expect(try other.steps().isEmpty)
    advance(35_000)
    let next = try other.step()
    let claim = try other.work(isCancel ? .cancel : .search)
    #expect(claim.map(\.owner) == ["other"] && next.order.number == claimed.order.number)
    // What the first one finds out now moves nothing of the other's.
    let (number, now) = (claimed.order.number, one.now)
    try one.commit { (transaction) throws(StorageError) in
      try transaction.delay(claimed, until: now)
      try transaction.noteCanceled(number)
    }
    #expect(try other.work(isCancel ? .cancel : .search) == claim)
  }

  @Test func `orders are claimed by one of two processes`() throws {
    for number in 1...20 { try one.place("j\(number)") }
    var claimed: [String] = []
    for _ in 0..<5 {
      claimed += try one.steps(creates: 2).map(\.job.id) + other.steps(creates: 2).map(\.job.id)
    }
    #expect(claimed == (1...20).map { "j\($0)" })
    #expect(Set(try one.work(.create).compactMap(\.owner)) == ["one", "other"])
  }

  @Test func `a claim that is extended stays, and one that was taken over is lost`() throws {
    let step = try one.send("j1")
    try one.noteUnanswered(step, nextSearchIn: 0)
    let search = try one.step()
    advance(20_000)
    let end = one.now.advanced(byMilliseconds: 35_000)
    let extend = { (transaction: LedgerTransaction) throws(StorageError) in
      try transaction.extendClaims(of: [search], until: end)
    }
    #expect(try one.commit(extend) == [])
    let claim = try #require(try one.work(.search).first)
    #expect(claim.owner == "one" && claim.leaseEnd == end && claim.dueAt == end)
    advance(34_999)
    #expect(try other.steps().isEmpty)
    advance(1)
    _ = try other.step()
    #expect(try one.commit(extend) == [search.order.number])
    #expect(try one.work(.search).map(\.owner) == ["other"])
  }

  @Test func `a clock that was set moves no claim of another process`() throws {
    let step = try one.send("j1")
    try one.noteUnanswered(step, nextSearchIn: 0)
    _ = try one.step()
    let (claim, now) = (try one.work(.search), other.now)
    try other.commit { (transaction) throws(StorageError) in
      try transaction.clampDueTimes(from: now, within: 0)
    }
    #expect(try other.work(.search) == claim)
  }
}

// MARK: - Results

extension SharingTests {
  private enum Result: CaseIterable {
    case reschedule, refusal, unanswered, notFound, end
  }

  private func note(_ result: Result, of step: OrderStep) throws {
    let (order, now, error) = (step.order, one.now, JobError(code: "invalid_input", message: nil))
    try one.commit { (transaction) throws(StorageError) in
      switch result {
      case .reschedule: try transaction.reschedule(order, until: now, at: now)
      case .refusal: try transaction.reschedule(order, until: now, at: now, because: .refused, refusal: error)
      case .unanswered: try transaction.noteUnanswered(order, nextSearch: now, absenceConclusive: now)
      case .notFound: _ = try transaction.noteNotFound(creating: order, because: error, at: now)
      case .end: _ = try transaction.end(awaiting: order, because: error, at: now)
      }
    }
  }

  @Test func `a late result decides nothing about what another process does now`() async throws {
    let step = try takenOver()
    let (order, claim) = (try await one.order("j1"), try one.work(.search))
    for result in Result.allCases {
      try note(result, of: step)
      #expect(try await one.order("j1") == order, "\(result)")
      #expect(try one.work(.search) == claim, "\(result)")
    }
    #expect(try await one.job("j1").state == .pending)
    #expect(try await one.history("j1").isEmpty)
  }

  /// The control of the test above: the same results count while the claim is held.
  @Test func `a result in time decides`() async throws {
    for result in Result.allCases {
      let step = try one.send("\(result)")
      advance(34_999)
      let before = try await one.order("\(result)")
      try note(result, of: step)
      #expect(try await one.order("\(result)") != before || result == .end, "\(result)")
      #expect(try await one.order("\(result)").stage != .sending, "\(result)")
      advance(1_000_000)
      // Nothing of it is left for the next one.
      let number = step.order.number
      let now = one.now
      try one.commit { (transaction) throws(StorageError) in
        _ = try transaction.end(number, of: nil, as: .failed, because: interruption, at: now)
      }
    }
  }

  @Test func `a late answer is evidence, and no second prediction is made`() async throws {
    let step = try takenOver()
    let search = try one.work(.search)
    #expect(search.map(\.owner) == ["other"])
    // The answer binds the prediction, as a delivery does.
    #expect(try one.report(.answer, step.order.number, .running) != nil)
    #expect(try await one.order("j1").stage == .submitted)
    #expect(try one.work(.search).isEmpty)
    // The search has found nothing, and would have the order sent again.
    let (order, now) = (step.order, other.now)
    try other.commit { (transaction) throws(StorageError) in
      try transaction.reschedule(order, until: now, at: now)
      _ = try transaction.end(awaiting: order, because: interruption, at: now)
    }
    advance(1_000_000)
    #expect(try other.steps().isEmpty && one.steps().isEmpty)
    #expect(try await one.job("j1").state == .running)
  }

  @Test func `a late failure does not touch the next call`() async throws {
    let late = try takenOver()
    let (order, now) = (late.order, other.now)
    try other.commit { (transaction) throws(StorageError) in
      try transaction.reschedule(order, until: now, at: now)
    }
    let next = try other.step()
    guard case .create = next.action else {
      Issue.record("it is not created again")
      return
    }
    let stored = try await one.order("j1")
    for result in Result.allCases { try note(result, of: late) }
    #expect(try await one.order("j1") == stored && stored.stage == .sending && stored.tries == 2)
    #expect(try one.work(.create).map(\.owner) == ["other"])
  }
}

// MARK: - Leases, budgets and keys

extension SharingTests {
  private func holds(_ process: OrderedStore, _ name: String = "duty") throws -> Bool {
    let now = process.now
    return try process.commit { (transaction) throws(StorageError) in
      try transaction.holdsLease(name, for: .seconds(60), at: now)
    }
  }

  private func lease(_ name: String = "duty") throws -> Lease? {
    try one.read { (rows) throws(StorageError) in try rows.lease(name) }
  }

  @Test func `a duty is one process's until its lease ends`() throws {
    #expect(try lease() == nil)
    #expect(try holds(one) && !holds(other) && holds(other, "another"))
    let first = try #require(try lease())
    #expect(first == Lease("duty", owner: "one", until: one.now.advanced(byMilliseconds: 60_000)))
    // It is renewed in its second half.
    advance(29_000)
    #expect(try holds(one) && lease() == first)
    advance(1000)
    #expect(try holds(one) && !holds(other))
    #expect(try lease()?.until == one.now.advanced(byMilliseconds: 60_000))
    advance(59_999)
    #expect(try !holds(other))
    advance(1)
    #expect(try holds(other) && !holds(one))
    #expect(try lease()?.owner == "other")
  }

  @Test func `a duty that was taken holds for the rest of its transaction`() throws {
    let now = one.now
    let held = try one.commit { (transaction) throws(StorageError) in
      let first = try transaction.holdsLease("duty", for: .seconds(60), at: now)
      return try [first, transaction.holdsLease("duty", for: .seconds(60), at: now)]
    }
    #expect(held == [true, true])
    #expect(try lease()?.owner == "one")
  }

  @Test func `a store of one process has no competitor for a duty`() throws {
    let store = try OrderedStore()
    guard !store.ledger.store.isShared else { return }
    #expect(try holds(store))
    #expect(try store.read { (rows) throws(StorageError) in try rows.lease("duty") } == nil)
  }

  @Test func `a budget is the same row for both processes`() throws {
    let (rate, now) = (Budget.Rate(perMinute: 60, burst: 8), one.now)
    let budget = try one.commit { (transaction) throws(StorageError) in
      var budget = try transaction.budget("creates", rate, at: now)
      var bucket = budget.bucket(rate, at: now)
      bucket.take(5, at: now)
      budget.note(bucket)
      transaction.put(budget)
      return try transaction.budget("creates", rate, at: now)
    }
    #expect(budget.tokens == 3 && budget.pauseReason == nil)
    let found = try other.commit { (transaction) throws(StorageError) in
      var budget = try transaction.budget("creates", rate, at: now)
      let found = budget
      (budget.pausedUntil, budget.pauseReason) = (now.advanced(byMilliseconds: 9000), "rate_limited")
      transaction.put(budget)
      return found
    }
    #expect(found == budget)
    let paused = try one.read { (rows) throws(StorageError) in try rows.budget("creates") }
    #expect(paused?.pauseReason == "rate_limited" && paused?.tokens == 3)
    #expect(paused?.pausedUntil == now.advanced(byMilliseconds: 9000))
    #expect(try one.read { (rows) throws(StorageError) in try rows.budget("calls") } == nil)
  }

  @Test func `both processes have the key that the first one made`() throws {
    let keys = try [one, other, one].enumerated().map { index, process in
      try process.commit { (transaction) throws(StorageError) in
        try transaction.key("test", orStore: [UInt8(index)])
      }
    }
    #expect(keys == [[0], [0], [0]])
  }

  @Test func `a capability's claim counts as abandoned once its lease has ended`() throws {
    let kind = WorkKind(rawValue: "test")
    let step = try one.send("j1")
    let (key, now) = (WorkKey(kind, job: step.order.number), one.now)
    try one.commit { (transaction) throws(StorageError) in
      var item = WorkItem(key, dueAt: now)
      item.claim(by: transaction.owner, until: now.advanced(byMilliseconds: 1000))
      transaction.write(.insert(item))
    }
    for (time, count) in [(999 as Int64, 0), (1000, 1)] {
      let abandoned = try other.commit { (transaction) throws(StorageError) in
        try transaction.abandonedWork(kind, at: now.advanced(byMilliseconds: time))
      }
      #expect(abandoned.count == count)
    }
  }
}
