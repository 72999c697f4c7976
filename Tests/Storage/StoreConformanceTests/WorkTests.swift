import Jobs
import Ledger
import StoreSeam
import StoreFixture
import Testing
import Time
import Work

/// Work items: who claims them, until when, and what becomes of them afterwards.
@Suite(.everyStore) struct WorkTests {
  @Test func `a step is claimed by its process until the lease ends`() throws {
    let store = try OrderedStore()
    _ = try store.send("j1")
    let item = try #require(try store.work(.create).first)
    #expect(item.owner == LedgerRules().owner && item.tries == 1)
    #expect(item.leaseEnd == store.now.advanced(byMilliseconds: 35_000) && item.dueAt == item.leaseEnd)
    store.advance(34_999)
    #expect(try store.steps().isEmpty)
  }

  /// The process that held the claim is dead, or hangs.
  @Test func `a create call whose lease has expired counts as unanswered`() async throws {
    let store = try OrderedStore()
    let step = try store.send("j1")
    store.advance(35_000)
    // The claim itself finds it, and a search is due at once.
    #expect(try store.steps().isEmpty)
    let order = try await store.order("j1")
    #expect(order.stage == .unanswered && order.dueAt == store.now && order.sentAt == step.order.sentAt)
    // A process that hangs may have sent it until the end of its lease.
    let sentUntil = store.ledger.store.isShared ? store.now : order.sentAt
    #expect(order.absenceConclusiveAt == sentUntil?.advanced(byMilliseconds: 60_000))
    #expect(try store.work(.create).isEmpty)
    guard case .find = try store.step().action else {
      Issue.record("it is not searched for")
      return
    }
    // Its late answer still counts.
    try store.report(step.order.number, .running)
    #expect(try await store.order("j1").stage == .submitted)
    #expect(try store.work(.search).isEmpty)
  }

  @Test(arguments: [false, true])
  func `a search and a cancel call are due again after the lease`(_ isCancel: Bool) throws {
    let store = try OrderedStore()
    let first = try store.send("j1")
    if isCancel {
      try store.report(first.order.number, .running)
      _ = try store.cancel("j1")
    } else {
      try store.noteUnanswered(first, nextSearchIn: 0)
    }
    for tries in 1...3 {
      _ = try store.step()
      let item = try #require(try store.work(isCancel ? .cancel : .search).first)
      #expect(item.tries == Int64(tries) || item.tries == 1)
      #expect(item.owner != nil)
      store.advance(34_999)
      #expect(try store.steps().isEmpty)
      store.advance(1)
    }
  }

  /// A claim made in one transaction holds in the same and in the next.
  @Test func `no step is claimed twice`() throws {
    let store = try OrderedStore()
    for number in 1...30 { try store.place("j\(number)") }
    var claimed: [String] = []
    let now = store.now
    for _ in 0..<4 {
      try store.commit { (transaction) throws(StorageError) in
        for _ in 0..<3 {
          let steps = try transaction.claimOrderSteps(
            at: now, creates: 3, cancels: 3, finds: 3, lease: 35_000)
          claimed += steps.map(\.job.id)
        }
      }
    }
    #expect(claimed == (1...30).map { "j\($0)" })
  }

  /// The order is loaded by the cancel request, and its step stays that of the call in flight.
  @Test func `a claim beside a cancel request leaves the call in flight alone`() async throws {
    let store = try OrderedStore()
    _ = try store.send("j1")
    let claimed = try #require(try store.work(.create).first)
    let now = store.now
    let steps = try store.commit { (transaction) throws(StorageError) in
      _ = try transaction.cancel("j1", at: now)
      return try transaction.claimOrderSteps(at: now, creates: 9, cancels: 9, finds: 9, lease: 35_000)
    }
    #expect(steps.isEmpty)
    #expect(try store.work(.create) == [claimed])
    let order = try await store.order("j1")
    #expect(order.stage == .sending && order.isCancelRequested)
  }

  /// A step that was deferred goes on from where its order is.
  @Test func `an order that goes on ends the deferral of its step`() throws {
    let store = try OrderedStore()
    try store.place("j1")
    let (now, later) = (store.now, store.now.advanced(byMilliseconds: 60_000))
    try store.commit { (transaction) throws(StorageError) in
      try transaction.deferFirstStep(of: .queued, at: now, until: later)
    }
    #expect(try store.work(.create).map(\.dueAt) == [later])
    #expect(try store.steps().isEmpty)
    // The same transaction finds the order as deferred.
    let latest = later.advanced(byMilliseconds: 60_000)
    let steps = try store.commit { (transaction) throws(StorageError) in
      try transaction.deferFirstStep(of: .queued, at: later, until: latest)
      return try transaction.claimOrderSteps(at: latest, creates: 0, cancels: 0, finds: 0, lease: 1)
    }
    #expect(steps.isEmpty)
    #expect(try store.work(.create).map(\.dueAt) == [latest])
    let delivery = Sample.delivery("a", "processing", .running, at: 1_000_000, naming: "j1")
    try store.commit { (transaction) throws(StorageError) in
      try transaction.deferFirstStep(of: .queued, at: latest, until: latest)
      _ = try transaction.record(delivery)
    }
    #expect(try store.work(.create).isEmpty)
  }

  @Test func `a check that is deferred is not claimed in the same transaction`() throws {
    let store = try OrderedStore()
    try store.deliver("a", .running)
    store.advance(30_000)
    let now = store.now
    let delivery = Sample.delivery("b", "processing", .running, logs: 1, at: now.milliseconds)
    let polls = try store.commit { (transaction) throws(StorageError) in
      try transaction.deferFirstCheck(at: now, until: now.advanced(byMilliseconds: 60_000))
      _ = try transaction.record(delivery)
      return try transaction.claimDuePolls(at: now, clockSetAt: nil, limit: 9) { 0 }
    }
    #expect(polls.polls.isEmpty)
    #expect(try store.work(.poll).map(\.dueAt) == [now.advanced(byMilliseconds: 60_000)])
  }

  /// No other version of the program writes such an item, but it must not be claimed forever.
  @Test func `an item that its order has passed is deleted`() throws {
    let store = try OrderedStore()
    let number = try store.send("j1").order.number
    try store.report(number, .running)
    let stray = WorkItem(WorkKey(.create, job: number), dueAt: store.now)
    let orphan = WorkItem(WorkKey(.search, job: 999), dueAt: store.now)
    _ = try store.ledger.store.commit(reading: { .none }) { _ in
      var writes = WriteSet()
      writes.work = [.insert(stray), .insert(orphan)]
      return writes
    }
    #expect(try store.read { (rows) throws(StorageError) in try rows.unclaimedCount(of: .create) } == 1)
    #expect(try store.steps().isEmpty)
    #expect(try store.work(.create).isEmpty)
    #expect(try store.work(.search).isEmpty)
    #expect(try store.read { (rows) throws(StorageError) in try rows.unclaimedCount(of: .create) } == 0)
  }

  @Test func `work of any kind is kept in the order of its due times`() async throws {
    let store = try OrderedStore()
    let kind = WorkKind(rawValue: "test")
    try store.deliver("a", .running)
    let number = try await store.number("p1")
    var items: [WorkItem] = []
    for index in 0..<20 {
      let due = Timestamp(milliseconds: Int64(index * 7 % 20))
      items.append(WorkItem(WorkKey(kind, job: number, key: "\(index)"), dueAt: due))
    }
    items[3].claim(by: "me", until: items[3].dueAt)
    _ = try store.ledger.store.commit(reading: { .none }) { _ in
      var writes = WriteSet()
      for item in items { writes.work.append(.insert(item)) }
      writes.work += [.delete(items[0].key), .update(items[3])]
      return writes
    }
    let rest = items.dropFirst().sorted { $0.dueAt < $1.dueAt }
    try store.read { (rows) throws(StorageError) in
      #expect(try rows.work(kind, dueAt: .distantFuture, limit: 100) == rest)
      #expect(try rows.work(kind, dueAt: Timestamp(milliseconds: 9), limit: 100) == Array(rest.prefix(9)))
      #expect(try rows.work(kind, dueAt: .distantFuture, limit: 4) == Array(rest.prefix(4)))
      #expect(try rows.work(kind, dueAt: .distantFuture, limit: -1).isEmpty)
      #expect(try rows.work(kind, dueAfter: Timestamp(milliseconds: 9)).count == 10)
      #expect(try rows.claimedWork(kind, endingUntil: .distantFuture) == [items[3]])
      #expect(try rows.unclaimedCount(of: kind) == 18)
    }
  }

  /// A call in flight is no longer in the queue.
  @Test func `orders ahead in the queue are counted`() async throws {
    let store = try OrderedStore()
    for number in 1...5 {
      try store.place("j\(number)")
      store.advance(1)
    }
    let far = store.now.advanced(byMilliseconds: 1_000_000)
    #expect(try await store.reader.queuedOrders(before: far, limit: 100) == 5)
    #expect(try await store.reader.queuedOrders(before: far, limit: 3) == 3)
    #expect(
      try await store.reader.queuedOrders(before: store.now.advanced(byMilliseconds: -3), limit: 9) == 2)
    _ = try store.steps(creates: 2)
    #expect(try await store.reader.queuedOrders(before: far, limit: 100) == 3)
  }

  @Test func `open orders are counted by stage`() async throws {
    let store = try OrderedStore()
    #expect(try await store.reader.openOrders() == OpenOrders())
    let start = store.now
    for number in 1...6 {
      try store.place("j\(number)")
      store.advance(10)
    }
    var orders = try await store.reader.openOrders()
    #expect(orders.counts == [.queued: 6] && orders.oldest == start)
    let steps = try store.steps(creates: 3)
    orders = try await store.reader.openOrders()
    #expect(orders.counts == [.queued: 3, .sending: 3] && orders.oldest == start)
    try store.report(steps[0].order.number, of: "p1", .running)
    try store.noteUnanswered(steps[1])
    orders = try await store.reader.openOrders()
    #expect(orders.counts == [.queued: 3, .sending: 1, .unanswered: 1])
    #expect(orders.oldest == start.advanced(byMilliseconds: 10))
    // The cancel call of a known prediction waits; an order that was not sent ends at once.
    _ = try store.cancel("j1")
    _ = try store.cancel("j6")
    orders = try await store.reader.openOrders()
    #expect(orders.counts == [.queued: 2, .sending: 1, .unanswered: 1, .submitted: 1])
    // A delivery of another account's prediction has no order.
    try store.deliver("a", of: "p9", .running)
    #expect(try await store.reader.openOrders() == orders)
  }
}
