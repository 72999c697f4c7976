import Ledger
import Jobs
import StoreSeam
import StoreFixture
import Testing
import Time
import Work

/// A queued job ends at the end of its `start_before`, unless its call may have been made.
@Suite(.everyStore) struct StartDeadlineTests {
  private func endUnstarted(_ store: OrderedStore, limit: Int = 10) throws -> [String] {
    let now = store.now
    return try store.commit { (transaction) throws(StorageError) in
      try transaction.endUnstarted(at: now, limit: limit).map(\.id)
    }
  }

  private func expectNotStarted(_ id: String, _ store: OrderedStore) async throws {
    let job = try await store.job(id)
    #expect(job.state == .canceled && job.error?.code == "not_started")
    #expect(try await store.order(id).stage == .ended)
  }

  @Test func `a queued job ends when its time is over, also without a claim`() async throws {
    let store = try OrderedStore()
    try store.place("j1", startsWithin: 1000)
    try store.place("j2", startsWithin: 2000)
    try store.place("j3")
    #expect(try store.work(.startDeadline).map(\.dueAt.milliseconds) == [1_001_000, 1_002_000])
    store.advance(999)
    #expect(try endUnstarted(store).isEmpty)
    store.advance(1)
    try store.reopen()
    #expect(try endUnstarted(store) == ["j1"])
    try await expectNotStarted("j1", store)
    #expect(try store.work(.startDeadline).count == 1)
    #expect(try store.steps().map(\.job.id) == ["j2", "j3"])
  }

  @Test func `an order whose time is over is not claimed`() async throws {
    let store = try OrderedStore()
    try store.place("j1", startsWithin: 1000)
    store.advance(1000)
    #expect(try store.steps().isEmpty)
    try await expectNotStarted("j1", store)
    #expect(try endUnstarted(store).isEmpty && store.work(.startDeadline).isEmpty)
  }

  @Test func `an order whose call may have been made goes on`() async throws {
    let store = try OrderedStore()
    try store.place("j1", startsWithin: 1000)
    let step = try store.step()
    store.advance(1000)
    #expect(try endUnstarted(store).isEmpty)
    try store.noteUnanswered(step)
    #expect(try endUnstarted(store).isEmpty)
    #expect(try await store.order("j1").stage == .unanswered)
    // The search has shown that nothing was created.
    store.advance(60_000)
    let search = try store.step()
    try store.reschedule(search)
    try await expectNotStarted("j1", store)
  }

  @Test func `an order that the provider did not take waits until its time is over`() async throws {
    let store = try OrderedStore()
    try store.place("j1", startsWithin: 5000)
    try store.reschedule(try store.step(), by: 60_000)
    #expect(try await store.order("j1").stage == .queued)
    store.advance(5000)
    #expect(try endUnstarted(store) == ["j1"])
    try await expectNotStarted("j1", store)
  }

  @Test func `another attempt of a job that had started is not ended`() async throws {
    let store = try OrderedStore()
    try store.place("j1", retries: 1, startsWithin: 1000)
    _ = try store.step()
    try store.deliver("a", .failed, naming: "j1", error: interruption)
    store.advance(5000)
    #expect(try endUnstarted(store).isEmpty)
    #expect(try store.step().job.attempt == 2)
  }

  @Test func `a canceled job is not ended twice, and many end in parts`() async throws {
    let store = try OrderedStore()
    for id in ["j1", "j2", "j3"] { try store.place(id, startsWithin: 1000) }
    _ = try store.cancel("j2")
    store.advance(1000)
    var ended: [String] = []
    for _ in 0..<3 { ended += try endUnstarted(store, limit: 1) }
    #expect(ended == ["j1", "j3"])
    #expect(try await store.job("j2").error?.code == "canceled")
  }

  @Test func `a retry is another request than its equal`() async throws {
    let store = try OrderedStore()
    try store.place("j1")
    try store.place("r", key: "k", retryOf: "j1")
    #expect(try await store.order("r").retryOf == "j1")
    guard case .known = try store.place("other", key: "k", retryOf: "j1"),
      case .conflict(isOfKey: true, _) = try store.place("x", key: "k", retryOf: "j2"),
      case .conflict(isOfKey: false, _) = try store.place("r")
    else {
      Issue.record("taken for another request")
      return
    }
  }
}
