import Ledger
import JobDeletion
import Jobs
import StoreSeam
import StoreFixture
import Tables
import Testing
import Time

/// Deleting jobs on request, open ones included.
@Suite(.everyStore) struct DeletionRuleTests {
  private func store() throws -> OrderedStore { try OrderedStore(tables: [PendingDeletion.table]) }

  private func delete(
    _ id: String, in store: OrderedStore, cancels: Bool = false
  ) async throws -> DeletionResult {
    let number = try await store.reader.job(id)?.number ?? 0
    let (now, job) = (store.now, PendingDeletion(number: number, id: id))
    return try store.commit { (transaction) throws(StorageError) in
      try transaction.requestDeletion(
        job, cancels: cancels, at: now, tombstoneUntil: now.advanced(byMilliseconds: OrderedStore.aWhile))
    }
  }

  private func pending(_ store: OrderedStore) async throws -> [Int64] {
    try await store.reader.rows(TableQuery(PendingDeletion.table, limit: 9)).map { $0.integer("job") }
  }

  @Test func `an open job is not deleted, unless it is to be canceled`() async throws {
    let store = try store()
    _ = try store.send("j1")
    try store.deliver("a", .running, naming: "j1")
    #expect(try await delete("j1", in: store) == .open)
    #expect(try await !store.order("j1").isCancelRequested)
    #expect(try await pending(store).isEmpty)
    #expect(try await delete("j1", in: store, cancels: true) == .canceling)
    #expect(try await store.order("j1").isCancelRequested)
    #expect(try await pending(store) == [try await store.number("j1")])
  }

  /// Nothing is left to cancel, and what holds the end is not wanted any more.
  @Test func `a job whose end is held ends, and is deleted at once`() async throws {
    let store = try OrderedStore(tables: [PendingDeletion.table], endGate: HoldingGate(for: 60_000))
    _ = try store.send("j1")
    try store.deliver("a", .succeeded, naming: "j1")
    #expect(try await delete("j1", in: store) == .open)
    #expect(try await store.job("j1").isHeld)
    #expect(try await delete("j1", in: store, cancels: true) == .deleted)
    #expect(try await store.jobCount() == 0)
    #expect(try await pending(store).isEmpty)
    #expect(try store.deliver("b", .succeeded).outcome == .late)
  }

  @Test func `a pending deletion survives a restart, and ends with the job`() async throws {
    let store = try store()
    _ = try store.send("j1")
    try store.deliver("a", .running, naming: "j1")
    _ = try await delete("j1", in: store, cancels: true)
    try store.reopen()
    let rows = try await store.reader.rows(TableQuery(PendingDeletion.table, limit: 9))
    let job = PendingDeletion(number: rows[0].integer("job"), id: rows[0].text("id") ?? "")
    let expiresAt = store.now.advanced(byMilliseconds: OrderedStore.aWhile)
    try store.deliver("b", .canceled, naming: "j1")
    let count = try store.commit { (transaction) throws(StorageError) in
      try transaction.completeDeletions([job], tombstoneUntil: expiresAt)
    }
    #expect(count == 1)
    #expect(try await store.jobCount() == 0)
    #expect(try await pending(store).isEmpty)
    #expect(try store.deliver("c", .canceled).outcome == .late)
    #expect(try await store.jobCount() == 0)
  }

  @Test func `a job that was never sent is deleted at once`() async throws {
    let store = try store()
    try store.place("j1", key: "k")
    #expect(try await delete("j1", in: store) == .open)
    #expect(try await delete("j1", in: store, cancels: true) == .deleted)
    #expect(try await store.jobCount() == 0)
    #expect(try await pending(store).isEmpty)
    #expect(try await delete("j1", in: store, cancels: true) == .deleted)
    // A deleted job's id and key are free.
    guard case .created = try store.place("j1", key: "k", request: "[1]") else {
      Issue.record("not created")
      return
    }
  }

  @Test func `a job whose call may have been made is deleted once it has ended`() async throws {
    let store = try store()
    let step = try store.send("j1")
    #expect(try await delete("j1", in: store, cancels: true) == .canceling)
    try store.end(step, code: "canceled")
    #expect(try await delete("j1", in: store) == .deleted)
    // The row of the pending deletion does no harm.
    #expect(try await pending(store).count == 1)
  }

  @Test func `only those that have ended are deleted of many`() async throws {
    let store = try store()
    try store.deliver("a", .succeeded)
    try store.deliver("b", of: "p2", .running)
    try store.place("j3")
    var results: [DeletionResult] = []
    for id in ["p1", "p2", "j3"] { results.append(try await delete(id, in: store)) }
    #expect(results == [.deleted, .open, .open])
    #expect(try await store.ids().sorted() == ["j3", "p2"])
  }
}
