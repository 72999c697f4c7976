import Jobs
import Ledger
import StoreFixture
import StoreSeam
import Tables
import Testing
import Time
import Work

/// Successes that a capability holds back.
@Suite(.everyStore) struct HeldEndTests {
  private static let hold: Int64 = 600_000

  /// What the hook has seen of each job, in order.
  private static let seen = TableDeclaration(
    "seen", key: [.init("job", .integer), .init("revision", .integer)],
    columns: [.init("what", .text), .init("billed", .integer), .init("body", .bytes)])

  private struct Hook: TransactionHook {
    func writes(
      after transitions: [JobTransition], reading rows: HookRows
    ) throws(StorageError) -> HookWrites {
      var writes = HookWrites()
      for transition in transitions {
        guard let after = transition.after?.job, transition.holdsEnd || transition.endsJob else { continue }
        let wasHeld = transition.before?.job.isHeld ?? false
        let what = transition.holdsEnd ? "held" : "\(after.phase)\(wasHeld ? " after a hold" : "")"
        writes.tables.append(
          .put(
            HeldEndTests.seen,
            [
              .integer(transition.number), .integer(after.revision), .text(what),
              .integer(transition.snapshot?.predictMilliseconds ?? 0),
              .bytes(try rows.body(ofJob: transition.number)),
            ]))
      }
      return writes
    }
  }

  private func store(_ gate: HoldingGate = HoldingGate(for: hold)) throws -> OrderedStore {
    try OrderedStore(tables: [Self.seen], hooks: [Hook()], endGate: gate)
  }

  private func held(_ gate: HoldingGate = HoldingGate(for: hold)) throws -> OrderedStore {
    let store = try store(gate)
    _ = try store.send("j1", retries: 1)
    try store.deliver("a", .running, naming: "j1")
    let recording = try store.deliver("b", .succeeded)
    #expect(recording.outcome == .applied && recording.state == .running && !recording.endsJob)
    return store
  }

  private func seen(_ store: OrderedStore) async throws -> [String?] {
    try await store.reader.rows(TableQuery(Self.seen, limit: 99)).map { $0.text("what") }
  }

  @discardableResult
  private func release(_ id: String = "j1", as end: HeldEnd, in store: OrderedStore) async throws -> Job? {
    let (number, now) = (try await store.number(id), store.now)
    return try store.commit { (transaction) throws(StorageError) in
      try transaction.release(number, as: end, at: now)
    }
  }

  @Test func `a held job is shown as running, with its end's snapshot`() async throws {
    let store = try held()
    let record = try await store.record("j1")
    #expect(record.job.isHeld && record.job.state == .running && record.job.error == nil)
    #expect(record.job.snapshot?.providerStatus == "succeeded")
    #expect(String(decoding: record.body, as: UTF8.self).contains("succeeded"))
    #expect(record.order?.isShown(of: record.job) == false)
    for state in JobState.allCases {
      #expect(try await store.ids(JobFilter(state: state)) == (state == .running ? ["j1"] : []))
    }
    #expect(try await store.history("j1").map(\.phase) == [.running, .running])
    #expect(try await seen(store) == ["held"])
    let rows = try await store.reader.rows(TableQuery(Self.seen, limit: 9))
    #expect(rows.first?.bytes("body") == record.body)
  }

  /// Neither polled nor stale, for any settings of these times.
  @Test func `a held job is checked once, at the deadline`() async throws {
    let store = try held()
    #expect(try store.work(.poll).map(\.dueAt) == [store.now.later(Self.hold)])
    store.advance(Self.hold - 1)
    #expect(try store.claimPolls().polls.isEmpty && store.claimPolls().stale.isEmpty)
    #expect(try await store.job("j1").isHeld)
    store.advance(1)
    let claimed = try store.claimPolls()
    #expect(claimed.polls.isEmpty && claimed.stale.isEmpty)
    let job = try await store.job("j1")
    #expect(job.state == .failed && job.error == JobError(code: "not_kept", message: "in time"))
    #expect(job.snapshot?.providerStatus == "succeeded")
    #expect(try store.work(.poll).isEmpty)
    let last = try await store.history("j1").last
    #expect(last?.source == .daemon && last?.providerStatus == "not_kept" && last?.phase == .failed)
    #expect(try await seen(store) == ["held", "failed after a hold"])
  }

  @Test(arguments: [HeldEnd.succeeded, .failed(JobError(code: "lost", message: "é"))])
  func `a release ends the job as any end does`(_ end: HeldEnd) async throws {
    let store = try held()
    let (before, change) = (try await store.job("j1"), try await store.change("j1"))
    store.advance(1000)
    let job = try #require(try await release(as: end, in: store))
    let record = try await store.record("j1")
    #expect(
      record.job.revision == job.revision && record.change > change
        && record.job.revision == before.revision + 1)
    #expect(job.state == (end == .succeeded ? .succeeded : .failed) && job.updatedAt == store.now)
    #expect(try await store.ids(JobFilter(state: job.state)) == ["j1"])
    #expect(try store.work(.poll).isEmpty)
    let last = try await store.history("j1").last
    #expect(last?.providerStatus == (end == .succeeded ? "released" : "lost") && last?.phase == job.phase)
    #expect(try await seen(store).last == "\(job.phase) after a hold")
    let billed = try await store.reader.rows(TableQuery(Self.seen, limit: 9)).map { $0.integer("billed") }
    #expect(billed == [4000, 4000])
    // It has ended once.
    #expect(try await release(as: .succeeded, in: store) == nil)
    #expect(try await store.record("j1").change == record.change)
  }

  @Test func `a job that is not held is not released`() async throws {
    let store = try store()
    _ = try store.send("j1")
    try store.deliver("a", .running, naming: "j1")
    #expect(try await release(as: .succeeded, in: store) == nil)
    #expect(
      try store.commit { (transaction) throws(StorageError) in
        try transaction.release(99, as: .succeeded, at: Timestamp(milliseconds: 0))
      } == nil)
    #expect(try await store.job("j1").state == .running)
  }

  @Test func `without the gate a held job succeeds at its next check`() async throws {
    let store = try held()
    try store.reopen(withoutGate: true)
    #expect(try await store.job("j1").isHeld)
    store.advance(Self.hold)
    try store.claimPolls()
    #expect(try await store.job("j1").state == .succeeded)
    #expect(try await store.history("j1").last?.providerStatus == "released")
  }

  /// A start spreads the checks over some seconds, and the gate knows the deadline.
  @Test func `a check before the deadline holds the job on`() async throws {
    let store = try held()
    let change = try await store.change("j1")
    let now = store.now
    try store.reopen()
    try store.commit { (transaction) throws(StorageError) in
      transaction.spreadChecks(from: now, within: 10_000)
    }
    store.advance(10_000)
    #expect(try store.work(.poll).map(\.dueAt).allSatisfy { $0 <= store.now })
    try store.claimPolls()
    #expect(try await store.job("j1").isHeld)
    #expect(try store.work(.poll).map(\.dueAt) == [now.later(Self.hold)])
    #expect(try await store.change("j1") == change)
    #expect(try await seen(store) == ["held"])
  }

  /// A poll or a call was in flight when the success arrived.
  @Test func `later reports do not change a held job`() async throws {
    let store = try held()
    let (number, held) = (try await store.number("j1"), try await store.job("j1"))
    #expect(try store.deliver("c", .failed, error: interruption).outcome == .conflict)
    #expect(try store.deliver("d", .running, logs: 9).outcome == .late)
    #expect(try store.report(.poll, number, .succeeded)?.outcome == .late)
    for _ in 1...9 {
      store.advance(60_000)
      let now = store.now
      try store.commit { (transaction) throws(StorageError) in
        _ = try transaction.noteNotFound(
          number, of: "p1", from: .poll, because: JobError(code: "gone", message: nil), at: now)
      }
    }
    #expect(try await store.job("j1") == held)
    #expect(try await store.record("j1").attempts.isEmpty)
  }

  @Test func `a held job is not canceled`() async throws {
    let store = try held()
    let number = try await store.number("j1")
    guard case .held(number) = try store.cancel("j1") else {
      Issue.record("it is not held")
      return
    }
    #expect(try await !store.order("j1").isCancelRequested)
    #expect(try store.delete("j1") == nil)
  }

  /// It came too late at the provider, and no call is made for it.
  @Test func `an earlier cancel request of a held job ends`() async throws {
    let store = try store()
    _ = try store.send("j1")
    try store.deliver("a", .running, naming: "j1")
    _ = try store.cancel("j1")
    try store.deliver("b", .succeeded)
    #expect(try await store.job("j1").isHeld)
    #expect(try store.steps().isEmpty)
    #expect(try await store.order("j1").stage == .ended)
  }

  @Test func `a success that violates a rule, and another end, are not held`() async throws {
    let store = try store()
    try store.deliver(
      "a", of: "p1", .succeeded, ruleViolation: JobError(code: "invalid_output", message: nil))
    try store.deliver("b", of: "p2", .failed)
    try store.deliver("c", of: "p3", .canceled)
    #expect(try await store.ids(JobFilter(state: .running)).isEmpty)
    // The daemon's own end was final, but for a signed one.
    let step = try store.send("j1")
    try store.end(step)
    try store.deliver("d", of: "p4", .succeeded, naming: "j1")
    #expect(try await store.job("j1").state == .succeeded)
    #expect(try await seen(store) == ["failed", "failed", "canceled", "failed", "succeeded"])
  }

  /// A first delivery, a poll, and the answer to a create call.
  @Test func `a success from any source is held`() async throws {
    let store = try store()
    try store.deliver("a", of: "p1", .succeeded)
    let answered = try store.send("j2").order.number
    try store.report(answered, of: "p2", .succeeded)
    let polled = try store.send("j3").order.number
    try store.report(polled, of: "p3", .running)
    try store.report(.poll, polled, of: "p3", .succeeded)
    #expect(try await store.ids(JobFilter(state: .running)) == ["j3", "j2", "p1"])
    for id in ["p1", "j2", "j3"] {
      #expect(try await store.job(id).isHeld)
      #expect(try await release(id, as: .succeeded, in: store)?.state == .succeeded)
    }
    #expect(try await store.job("j3").endFoundByPolling)
  }

  /// The delivery came before the order's prediction was known.
  @Test func `a held orphan is held as the job that adopts it`() async throws {
    let store = try store()
    let number = try store.send("j1").order.number
    try store.deliver("a", .succeeded)
    #expect(try await store.job("p1").isHeld)
    try store.report(number, .running)
    let job = try await store.job("j1")
    #expect(job.isHeld && job.snapshot?.predictionID == "p1")
    #expect(try await store.ids() == ["j1"])
    #expect(try await seen(store) == ["held", "held"])
    store.advance(Self.hold)
    try store.claimPolls()
    #expect(try await store.job("j1").state == .failed)
    #expect(try await store.jobCount() == 1)
  }

  @Test func `the gate reads rows, and the order of a job of the same transaction`() async throws {
    let gate = HoldingGate(for: Self.hold) { (_, rows, number) throws(StorageError) in
      let row = try rows.row(of: Self.seen, key: [.integer(number), .integer(0)])
      return row != nil || rows.order(ofNewJob: number)?.archive == "required"
    }
    let store = try store(gate)
    try store.deliver("a", of: "p1", .running)
    try store.deliver("b", of: "p2", .running)
    let number = try await store.number("p1")
    try store.backend.write([
      .put(Self.seen, [.integer(number), .integer(0), .text("wanted"), .integer(0), .bytes([])])
    ])
    try store.deliver("c", of: "p1", .succeeded)
    try store.deliver("d", of: "p2", .succeeded)
    #expect(try await store.job("p1").isHeld)
    #expect(try await store.job("p2").state == .succeeded)
    let now = store.now
    for (id, mode) in [("j1", "required"), ("j2", "off")] {
      let order = OrderedStore.order(id, at: now, archive: mode)
      try store.commit { (transaction) throws(StorageError) in
        _ = try transaction.enqueue(order)
        _ = try transaction.record(
          Delivery(
            webhookID: "of \(id)", receivedAt: now,
            snapshot: Sample.polled(.webhook, of: "of \(id)", .succeeded, at: now).snapshot, body: [],
            namedJob: id))
      }
    }
    #expect(try await store.job("j1").isHeld)
    #expect(try await store.job("j2").state == .succeeded)
  }

  @Test func `a held job is not pruned`() async throws {
    let store = try held()
    store.advance(10 * OrderedStore.aWhile)
    let now = store.now
    let step = try store.commit { (transaction) throws(StorageError) in
      try transaction.prune(endedBefore: now, at: now, after: 0, count: 9)
    }
    #expect(step.deleted == 0)
  }
}

/// Changes of a job's document beside its state.
@Suite(.everyStore) struct TouchTests {
  private struct Hook: TransactionHook {
    func writes(
      after transitions: [JobTransition], reading rows: HookRows
    ) throws(StorageError) -> HookWrites {
      throw .rejected("nothing has happened to a job")
    }
  }

  @Test(arguments: [Phase.running, .succeeded])
  func `a touched job has a new revision and change number, and is else the same`(_ phase: Phase) async throws
  {
    let store = try OrderedStore()
    try store.deliver("a", phase)
    try store.deliver("b", of: "p2", .running)
    let (before, number) = (try await store.record("p1"), try await store.number("p1"))
    store.advance(1000)
    for times in [1, 3] as [Int] {
      let earlier = try await store.record("p1")
      try store.commit { (transaction) throws(StorageError) in
        for _ in 1...times { try transaction.touch(number) }
      }
      let after = try await store.record("p1")
      #expect(after.job.revision == earlier.job.revision + Int64(times))
      #expect(after.change > earlier.change)
    }
    let after = try await store.record("p1")
    #expect(after.job.updatedAt == before.job.updatedAt && after.job.phase == phase)
    #expect(after.job.pollState == before.job.pollState && after.body == before.body)
    #expect(try await store.history("p1").count == 1)
    let feed = try await store.reader.changes(after: before.change, limit: 9)
    #expect(feed.map(\.id) == ["p2", "p1"] && feed.last?.job?.revision == after.job.revision)
  }

  @Test func `a job that is gone is not touched, and hooks see no touch`() async throws {
    let store = try OrderedStore()
    try store.deliver("a", .succeeded)
    let (number, change) = (try await store.number("p1"), try await store.change("p1"))
    let hooked = try OrderedStore(on: store.backend, hooks: [Hook()])
    try hooked.commit { (transaction) throws(StorageError) in
      try transaction.touch(number)
      try transaction.touch(number + 7)
    }
    #expect(try await hooked.change("p1") > change)
    #expect(try await hooked.jobCount() == 1)
  }

  /// A touched job stays what the commands before have made it.
  @Test func `a touch follows a change of the same transaction`() async throws {
    let store = try OrderedStore()
    try store.deliver("a", .running)
    let (number, revision, now) = (
      try await store.number("p1"), try await store.job("p1").revision, store.now
    )
    try store.commit { (transaction) throws(StorageError) in
      let polled = Sample.polled(.poll, .succeeded, at: now)
      _ = try transaction.record(polled, ofJob: number)
      try transaction.touch(number)
    }
    let job = try await store.job("p1")
    #expect(job.state == .succeeded && job.revision == revision + 2 && job.pollState.dueAt == nil)
    #expect(try store.work(.poll).isEmpty)
  }
}
