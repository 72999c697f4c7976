import Ledger
@testable import Callbacks
import Jobs
import StoreSeam
import StoreFixture
import Testing
import Time
import Work

/// How events are claimed, tried, dropped and retried.
@Suite(.everyStore) struct OutboxTests {
  private let own = Order.Callback(url: "https://own.example.com", events: ["running", "progress"])

  private func store() throws -> CallbackStore { try CallbackStore(hosts: "own.example.com") }

  @Test func `a claim holds until its lease ends`() throws {
    let callbacks = try store()
    try callbacks.store.deliver("a", .succeeded)
    let claim = try callbacks.claimOne()
    #expect(try callbacks.claim().claims.isEmpty)
    callbacks.store.advance(CallbackStore.lease)
    let again = try callbacks.claimOne()
    #expect(again.row.id == claim.row.id && again.item.tries == 2)
    // The result of the first try is late, but an acceptance counts.
    #expect(try callbacks.finish(claim, .status(500)) == .dropped)
    #expect(try callbacks.finish(claim, .ok) == .delivered)
    #expect(try callbacks.finish(again, .ok) == .dropped)
  }

  @Test func `an accepted event is kept as delivered, and nothing is due`() async throws {
    let callbacks = try store()
    try callbacks.store.deliver("a", .succeeded)
    callbacks.store.advance(700)
    #expect(try callbacks.finish(try callbacks.claimOne(), .ok) == .delivered)
    let row = try #require(try await callbacks.rows().first)
    #expect(row.state == .delivered && row.since == callbacks.store.now && row.tries == 1)
    #expect(row.status == 200 && row.host == "app.example.com" && row.error == nil)
    #expect(try callbacks.waits().isEmpty)
  }

  @Test func `a refused event is due again by the schedule`() async throws {
    let callbacks = try store()
    try callbacks.store.deliver("a", .succeeded)
    let ids = try await callbacks.rows().map(\.id)
    for wait in [5000, 30_000, 120_000, 600_000, 3_600_000, 10_800_000, 10_800_000] as [Int64] {
      #expect(try callbacks.finish(try callbacks.claimOne(), .status(500)) == .retried)
      #expect(try callbacks.waits() == [wait])
      callbacks.store.advance(wait)
    }
    let row = try #require(try await callbacks.rows().first)
    #expect(row.tries == 7 && row.error == "answered 500" && row.nextTryAt == callbacks.store.now)
    #expect(try await callbacks.rows().map(\.id) == ids)
  }

  @Test func `after three days an event has failed, and can be retried`() async throws {
    let callbacks = try store()
    try callbacks.store.deliver("a", .succeeded)
    callbacks.store.advance(RetrySchedule.span)
    #expect(try callbacks.finish(try callbacks.claimOne(), .status(500)) == .failed)
    #expect(try await callbacks.events() == ["p1 failed failed"].map { _ in "p1 succeeded failed" })
    #expect(try callbacks.waits().isEmpty)
    let id = try #require(try await callbacks.rows().first?.id)
    callbacks.store.advance(1)
    #expect(try callbacks.retry(id) == .due(try #require(try await callbacks.rows().first)))
    #expect(try callbacks.waits() == [0])
    // For three days again, from the first pause on.
    #expect(try callbacks.finish(try callbacks.claimOne(), .status(500)) == .retried)
    #expect(try callbacks.waits() == [5000])
    // Of a pending one, the next try comes now.
    try callbacks.retry(id)
    #expect(try callbacks.waits() == [0])
    #expect(try callbacks.finish(try callbacks.claimOne(), .ok) == .delivered)
    #expect(try callbacks.retry(id) == .delivered)
  }

  @Test(arguments: ["", "none", "msg_1_1_00", "msg_9_1_00"])
  func `an unknown event is not retried`(_ id: String) throws {
    let callbacks = try store()
    try callbacks.store.deliver("a", .succeeded)
    #expect(try callbacks.retry(id) == .unknown)
  }

  @Test func `a rejected event has failed at once`() async throws {
    let callbacks = try store()
    try callbacks.store.deliver("a", .succeeded)
    let gone = CallbackOutcome.rejected(CallbackFailure(status: 410, reason: "answered 410"))
    #expect(try callbacks.finish(try callbacks.claimOne(), gone) == .failed)
    let row = try #require(try await callbacks.rows().first)
    #expect(row.state == .failed && row.status == 410)
  }

  @Test func `an event without a receiver has failed`() async throws {
    let callbacks = try store()
    try callbacks.store.place("j1", callback: own)
    _ = try callbacks.store.cancel("j1")
    try callbacks.store.deliver("a", .succeeded)
    callbacks.rules = try CallbackStore.rules(url: nil, hosts: "")
    let claimed = try callbacks.claim()
    #expect(claimed.claims.isEmpty)
    #expect(
      claimed.failed.map(\.error).sorted { $0 ?? "" < $1 ?? "" } == [
        "CALLBACK_URL is not set", "its host is not in CALLBACK_HOSTS",
      ])
    #expect(try callbacks.waits().isEmpty)
  }

  // MARK: Order

  @Test func `a job's events are sent one after the other`() async throws {
    let callbacks = try store()
    let step = try callbacks.store.send("j1")
    try callbacks.store.end(step)
    try callbacks.store.deliver("a", .succeeded, naming: "j1")
    let first = try callbacks.claimOne()
    #expect(first.row.type == .failed)
    callbacks.store.advance(10)
    #expect(try callbacks.finish(first, .status(500)) == .retried)
    #expect(try callbacks.waits() == [5000, nil])
    callbacks.store.advance(5000)
    #expect(try callbacks.finish(try callbacks.claimOne(), .ok) == .delivered)
    #expect(try callbacks.claimOne().row.type == .succeeded)
  }

  /// An end never waits behind an event that is none.
  @Test func `a pending event that is no end is dropped for a newer one`() async throws {
    let callbacks = try store()
    try callbacks.store.place("j1", callback: own)
    try callbacks.store.deliver("a", .running, naming: "j1")
    #expect(try callbacks.finish(try callbacks.claimOne(), .status(500)) == .retried)
    try callbacks.store.deliver("b", .succeeded)
    #expect(try await callbacks.events() == ["j1 succeeded pending"])
    #expect(try callbacks.waits() == [0])
  }

  @Test func `of several events in one transaction, the ends and the newest stay`() async throws {
    let callbacks = try store()
    try callbacks.store.place("j1", callback: own)
    let now = callbacks.store.now
    _ = try callbacks.store.ledger.commit(
      [Phase.running, .succeeded].enumerated().map { index, phase in
        let polled = Sample.polled(.webhook, phase, at: now, logs: index)
        return Delivery(
          webhookID: "\(index)", receivedAt: now, snapshot: polled.snapshot, body: polled.body, namedJob: "j1"
        )
      })
    #expect(try await callbacks.events() == ["j1 succeeded pending"])
  }

  @Test(arguments: [CallbackOutcome.ok, .status(500)])
  func `an event in flight is not repeated once a newer one waits`(_ outcome: CallbackOutcome) async throws {
    let callbacks = try store()
    try callbacks.store.place("j1", callback: own)
    try callbacks.store.deliver("a", .running, naming: "j1")
    let claim = try callbacks.claimOne()
    try callbacks.store.deliver("b", .succeeded)
    #expect(try callbacks.waits() == [CallbackStore.lease, nil])
    #expect(try callbacks.claim().claims.isEmpty)
    #expect(try callbacks.finish(claim, outcome) == (outcome == .ok ? .delivered : .dropped))
    #expect(try callbacks.waits() == [0])
    #expect(try callbacks.claimOne().row.type == .succeeded)
  }

  /// The process dies with a try in flight.
  @Test func `an expired claim of a replaced event makes way`() async throws {
    let callbacks = try store()
    try callbacks.store.place("j1", callback: own)
    try callbacks.store.deliver("a", .running, naming: "j1")
    _ = try callbacks.claimOne()
    try callbacks.store.deliver("b", .succeeded)
    callbacks.store.advance(CallbackStore.lease)
    #expect(try callbacks.claim().dropped == 1)
    #expect(try callbacks.claimOne().row.type == .succeeded)
  }

  @Test func `progress is not kept once it is delivered`() async throws {
    let callbacks = try store()
    try callbacks.store.place("j1", callback: Order.Callback(url: own.url, events: ["progress"]))
    try callbacks.store.deliver("a", .running, naming: "j1")
    try callbacks.store.deliver("b", .running, logs: 1)
    callbacks.store.advance(1000)
    #expect(try callbacks.finish(try callbacks.claimOne(), .ok) == .delivered)
    #expect(try await callbacks.rows().isEmpty)
  }

  @Test func `a retried event comes before a later one of its job`() async throws {
    let callbacks = try store()
    let step = try callbacks.store.send("j1")
    try callbacks.store.end(step)
    let gone = CallbackOutcome.rejected(CallbackFailure(status: 410, reason: "answered 410"))
    try callbacks.finish(try callbacks.claimOne(), gone)
    try callbacks.store.deliver("a", .succeeded, naming: "j1")
    try callbacks.finish(try callbacks.claimOne(), .status(500))
    let id = try #require(try await callbacks.rows().first?.id)
    try callbacks.retry(id)
    #expect(try callbacks.waits() == [0, nil])
    try callbacks.finish(try callbacks.claimOne(), .ok)
    #expect(try callbacks.waits() == [0])
  }

  // MARK: Receivers

  @Test func `no more events are claimed than a receiver may have`() throws {
    let callbacks = try store()
    for number in 0..<10 { try callbacks.store.deliver("\(number)", of: "p\(number)", .succeeded) }
    #expect(try callbacks.claim { $0 == "app.example.com" ? 3 : 0 }.claims.count == 3)
    #expect(try callbacks.claim(limit: 2).claims.count == 2)
    #expect(try callbacks.claim { _ in 0 }.claims.isEmpty)
    #expect(try callbacks.claim().claims.count == 5)
  }

  /// Due work is read kind by kind, a bounded number of each.
  @Test func `many events for one receiver do not hide those of another`() throws {
    let callbacks = try store()
    for number in 0..<200 { try callbacks.store.deliver("\(number)", of: "p\(number)", .succeeded) }
    try callbacks.store.place("j1", callback: own)
    _ = try callbacks.store.cancel("j1")
    let claims = try callbacks.claim { $0 == "app.example.com" ? 0 : 8 }.claims
    #expect(claims.map(\.row.jobID) == ["j1"])
  }

  // MARK: Care

  @Test func `a start ends the claims of the process before`() throws {
    let callbacks = try store()
    try callbacks.store.deliver("a", .succeeded)
    let claim = try callbacks.claimOne()
    let now = callbacks.store.now
    try callbacks.store.commit { (transaction) throws(StorageError) in
      try transaction.recoverCallbacks(at: now, within: 1000, endingClaims: true)
    }
    // Where the store is shared, the claim may be of a process that lives.
    if callbacks.store.ledger.store.isShared {
      callbacks.store.advance(CallbackStore.lease - 1)
      #expect(try callbacks.claim().claims.isEmpty)
      callbacks.store.advance(1)
    }
    #expect(try callbacks.claimOne().row.id == claim.row.id)
  }

  @Test func `due times of a clock that was ahead are clamped, and no event passes another`() throws {
    let callbacks = try store()
    let step = try callbacks.store.send("j1")
    try callbacks.store.end(step)
    try callbacks.store.deliver("a", .succeeded, naming: "j1")
    try callbacks.finish(try callbacks.claimOne(), .status(503, retryAfter: 7200))
    let now = callbacks.store.now
    try callbacks.store.commit { (transaction) throws(StorageError) in
      try transaction.recoverCallbacks(at: now, within: 60_000, endingClaims: false)
    }
    #expect(try callbacks.waits() == [60_000, nil])
  }

  @Test func `delivered events are pruned, and pending ones keep their jobs`() async throws {
    let callbacks = try store()
    try callbacks.store.deliver("a", .succeeded)
    try callbacks.finish(try callbacks.claimOne(), .ok)
    try callbacks.store.deliver("b", of: "p2", .succeeded)
    callbacks.store.advance(OrderedStore.aWhile)
    let (now, rows) = (callbacks.store.now, try await callbacks.rows())
    let deleted = try callbacks.store.commit { (transaction) throws(StorageError) in
      try transaction.pruneCallbacks(rows, deliveredBefore: now)
    }
    #expect(deleted == 1)
    #expect(try await callbacks.events() == ["p2 succeeded pending"])
    let step = try callbacks.store.commit { (transaction) throws(StorageError) in
      try transaction.prune(endedBefore: now, at: now, after: 0, count: 9)
    }
    #expect(step.deleted == 1)
    #expect(try await callbacks.store.ids() == ["p2"])
  }
}
