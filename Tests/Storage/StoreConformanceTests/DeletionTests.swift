import Jobs
import Ledger
import StoreSeam
import StoreFixture
import Tables
import Testing
import Time

/// Deliveries of a deleted job are acknowledged and dropped.
@Suite(.everyStore) struct DeletionTests {
  private func expectDropped(_ recording: Recording, _ store: OrderedStore) async throws {
    #expect(recording.outcome == .late && !recording.endsJob)
    #expect(try await store.jobCount() == 0)
  }

  /// The hook writes the causes of deletions.
  private struct Hook: TransactionHook {
    static let causes = TableDeclaration(
      "causes", key: [.init("job", .integer)], columns: [.init("cause", .text)])

    func writes(
      after transitions: [JobTransition], reading rows: HookRows
    ) throws(StorageError) -> HookWrites {
      HookWrites(
        tables: transitions.filter { $0.after == nil }.map {
          .put(Self.causes, [.integer($0.number), .text("\($0.cause)")])
        })
    }
  }

  @Test func `hooks see why a job is deleted`() async throws {
    let store = try OrderedStore(tables: [Hook.causes], hooks: [Hook()])
    try store.deliver("a", of: "p1", .succeeded)
    try store.deliver("b", of: "p2", .succeeded)
    try store.deliver("c", of: "p3", .running)
    try store.delete("p1")
    let number = try store.send("j1").order.number
    try store.report(number, of: "p3", .running)
    store.advance(OrderedStore.aWhile)
    let now = store.now
    try store.commit { (transaction) throws(StorageError) in
      _ = try transaction.prune(endedBefore: now, at: now, after: 0, count: 9)
    }
    let rows = try await store.reader.rows(TableQuery(Hook.causes, limit: 9))
    #expect(rows.map { $0.text("cause") } == ["deleted", "pruned", "merged"])
  }

  @Test func `only a job that has ended is deleted`() async throws {
    let store = try OrderedStore()
    try store.deliver("a", .running)
    try store.place("j1")
    #expect(try store.delete("p1") == nil && store.delete("j1") == nil && store.delete("none") == nil)
    #expect(try await store.jobCount() == 2)
  }

  @Test(arguments: ["a", "another"])
  func `its deliveries are dropped by webhook id and by prediction`(_ webhookID: String) async throws {
    let store = try OrderedStore()
    try store.deliver("a", .running)
    try store.deliver("b", .succeeded)
    try store.delete("p1")
    try await expectDropped(try store.deliver(webhookID, .succeeded), store)
    try store.reopen()
    try await expectDropped(try store.deliver(webhookID, .running), store)
    try store.deliver("c", of: "p2", .running)
    #expect(try await store.ids() == ["p2"])
  }

  @Test func `deliveries of a past attempt are dropped, too`() async throws {
    let store = try OrderedStore()
    let step = try store.send("j1", retries: 1)
    try store.deliver("a", .failed, naming: "j1", error: interruption)
    store.advance(2000)
    _ = try store.step()
    try store.report(step.order.number, of: "p2", .succeeded)
    try store.delete("j1")
    for (index, prediction) in ["p1", "p2"].enumerated() {
      try await expectDropped(try store.deliver("x\(index)", of: prediction, .succeeded), store)
    }
  }

  /// Its answer was lost, so that only the URL names the job.
  @Test func `deliveries that name a deleted job are dropped`() async throws {
    let store = try OrderedStore()
    try store.end(try store.send("j1"), code: "answer_lost")
    try store.delete("j1")
    try await expectDropped(try store.deliver("a", .running, naming: "j1"), store)
    // Another job of that id is another job.
    _ = try store.send("j1")
    #expect(try store.deliver("b", .running, naming: "j1").jobID == "j1")
    #expect(try await store.job("j1").state == .running)
  }

  @Test func `they count as new once the tombstone has expired`() async throws {
    let store = try OrderedStore()
    try store.deliver("a", .succeeded)
    try store.deliver("b", of: "p2", .succeeded)
    try store.delete("p1")
    store.advance(1)
    try store.delete("p2")
    store.advance(OrderedStore.aWhile - 1)
    let now = store.now
    try store.commit { (transaction) throws(StorageError) in
      _ = try transaction.prune(endedBefore: Timestamp(milliseconds: 0), at: now, after: 0, count: 9)
    }
    #expect(try store.deliver("a", .succeeded).outcome == .applied)
    #expect(try store.deliver("b", of: "p2", .succeeded).outcome == .late)
    #expect(try await store.ids() == ["p1"])
  }

  /// All of it in one transaction: what came before the deletion, and what comes after.
  @Test func `a deletion holds within its transaction`() async throws {
    let store = try OrderedStore()
    try store.place("j1", key: "k")
    let (now, step) = (store.now, try store.step())
    let end = Sample.delivery("a", "succeeded", .succeeded, at: now.milliseconds, naming: "j1")
    let again = OrderedStore.order("j1", key: "k", request: "{2}", at: now)
    let results = try store.commit { (transaction) throws(StorageError) in
      _ = try transaction.record(end)
      _ = try transaction.deleteJob("j1", tombstoneUntil: .distantFuture)
      let repeated = try transaction.record(end)
      let polled = Sample.polled(.poll, .succeeded, at: now)
      #expect(try transaction.record(polled, ofJob: step.order.number) == nil)
      return (repeated, try transaction.enqueue(again))
    }
    #expect(results.0.outcome == .late)
    guard case .created(let job, _) = results.1 else {
      Issue.record("\(results.1)")
      return
    }
    #expect(try await store.job("j1") == job)
    #expect(try await store.history("j1").isEmpty)
    #expect(try store.deliver("a", .succeeded).outcome == .late)
    #expect(try store.backend.tablesWithStrayRows().isEmpty)
  }

  /// No reader has seen the job, but the provider may repeat its delivery.
  @Test func `a job that is made and deleted in one transaction leaves a tombstone`() async throws {
    let store = try OrderedStore()
    let end = Sample.delivery("a", "succeeded", .succeeded, at: 1_000_000)
    try store.commit { (transaction) throws(StorageError) in
      _ = try transaction.record(end)
      _ = try transaction.deleteJob("p1", tombstoneUntil: .distantFuture)
    }
    try await expectDropped(try store.deliver("a", .succeeded), store)
    try await expectDropped(try store.deliver("b", .succeeded), store)
    #expect(try store.backend.tablesWithStrayRows().isEmpty)
  }

  /// A redelivery arrives in the transaction that prunes.
  @Test func `a job that the transaction touches is not pruned`() async throws {
    let store = try OrderedStore()
    try store.deliver("a", .succeeded)
    store.advance(2 * OrderedStore.aWhile)
    let now = store.now
    let step = try store.commit { (transaction) throws(StorageError) in
      _ = try transaction.record(Sample.delivery("a", "succeeded", .succeeded))
      return try transaction.prune(endedBefore: now, at: now, after: 0, count: 9)
    }
    #expect(step.deleted == 0)
    #expect(try await store.outcomes("p1").count == 2)
    #expect(try store.backend.tablesWithStrayRows().isEmpty)
  }

  /// The orphan's rows are read under its own number until the commit.
  @Test func `a repeat of an orphan's delivery finds the job in the same transaction`() async throws {
    let store = try OrderedStore()
    let step = try store.send("j1")
    try store.deliver("a", .running)
    let now = store.now
    let repeated = try store.commit { (transaction) throws(StorageError) in
      _ = try transaction.record(Sample.polled(.answer, .pending, at: now), ofJob: step.order.number)
      return try transaction.record(Sample.delivery("a", "starting", .pending))
    }
    #expect(repeated.jobID == "j1" && repeated.outcome == .conflict)
    #expect(try await store.outcomes("j1") == [.applied, .conflict])
  }
}
