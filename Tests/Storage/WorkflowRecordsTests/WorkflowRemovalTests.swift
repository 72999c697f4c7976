import Jobs
import Ledger
import StoreFixture
import StoreSeam
import Testing
import Time
import WorkflowDefinitions
import WorkflowRecords
import WorkflowRules

/// Deletions that meet jobs in unusual states.
@Suite(.everyStore) struct WorkflowRemovalTests {
  private static let pair = #"""
    {"steps":[{"name":"a","model":"m/m","input":{}},{"name":"b","model":"m/m","input":{}},
      {"name":"c","model":"m/m","input":{"x":{"$from":"a"}}}]}
    """#

  @Test func `a job that is deleted with its end starts nothing`() async throws {
    let ledger = try WorkflowLedger()
    try ledger.create(Self.pair)
    try ledger.send()
    let (end, expiresAt) = (
      ledger.delivery("w-w-a-0-1", output: "1"), ledger.store.now.advanced(byMilliseconds: 1000)
    )
    try ledger.store.commit { (transaction) throws(StorageError) in
      _ = try transaction.record(end)
      _ = try transaction.deleteJob("w-w-a-0-1", tombstoneUntil: expiresAt)
    }
    #expect(try await ledger.states() == [.succeeded, .pending, .canceled])
    #expect(try await ledger.store.ids() == ["w-w-b-0-1"])
    #expect(try await ledger.erase() == .waiting)
    try ledger.end("w-w-b-0-1", .canceled)
    #expect(try await ledger.erase() == .done)
    #expect(try await ledger.rows() == 0)
  }

  /// An earlier version knows no workflows, and deletes their jobs after `RETENTION`.
  @Test(arguments: [true, false], [true, false])
  func `a job that is gone keeps no workflow from its removal, and another one with its id stays`(
    _ isErased: Bool, _ isTaken: Bool
  ) async throws {
    let ledger = try WorkflowLedger()
    try ledger.create(Self.pair)
    for step in ["a", "b", "c"] { try ledger.end("w-w-\(step)-0-1", output: "1") }
    ledger.store.advance(OrderedStore.aWhile)
    let now = ledger.store.now
    let plain = Ledger(store: try ledger.store.backend.open(tables: WorkflowTables.all))
    try plain.commit { (transaction) throws(StorageError) in
      _ = try transaction.deleteJob("w-w-b-0-1", tombstoneUntil: now)
    }
    try ledger.store.reopen()
    if isTaken {
      try ledger.store.place("w-w-b-0-1")
      try ledger.end("w-w-b-0-1")
      ledger.store.advance(OrderedStore.aWhile)
    }
    if isErased {
      #expect(try ledger.beginErasure() == .begun)
      #expect(try await ledger.erase() == .done)
    } else {
      #expect(try await ledger.prune(endedBefore: now) == .done)
    }
    #expect(try await ledger.store.ids() == (isTaken ? ["w-w-b-0-1"] : []))
    #expect(try await ledger.rows() == 0)
  }

  /// The files of a held job need not be kept any more.
  @Test func `a deletion does not wait for what holds an end`() async throws {
    let ledger = try WorkflowLedger(endGate: HoldingGate(for: 600_000))
    try ledger.create(Self.pair)
    try ledger.end("w-w-a-0-1", output: "1")
    #expect(try await ledger.states() == [.running, .pending, .waiting])
    #expect(try ledger.beginErasure() == .begun)
    #expect(try await ledger.erase(limit: 10) == .waiting)
    #expect(try await ledger.store.job("w-w-a-0-1").state == .succeeded)
    try ledger.end("w-w-b-0-1", .canceled)
    #expect(try await ledger.erase(limit: 10) == .done)
    #expect(try await ledger.rows() == 0)
  }

  /// A deletion reads jobs in batches.
  @Test func `a deletion releases a held job that stands behind many others`() async throws {
    let ledger = try WorkflowLedger(endGate: HoldingGate(for: 600_000))
    try ledger.create(Self.pair)
    try ledger.end("w-w-b-0-1", output: "1")
    #expect(try ledger.beginErasure() == .begun)
    #expect(try await ledger.erase(limit: 1) == .waiting)
    #expect(try await ledger.store.job("w-w-b-0-1").state == .succeeded)
  }

  /// The end counts from when the provider has reported it.
  @Test func `a step that was held is over when it is released`() async throws {
    let ledger = try WorkflowLedger(endGate: HoldingGate(for: 600_000))
    try ledger.create(Self.pair)
    try ledger.end("w-w-a-0-1", output: "1")
    #expect(try await ledger.store.ids() == ["w-w-b-0-1", "w-w-a-0-1"])
    let (number, before) = (try await ledger.store.number("w-w-a-0-1"), ledger.store.now)
    ledger.store.advance(60_000)
    let now = ledger.store.now
    try ledger.store.commit { (transaction) throws(StorageError) in
      try transaction.release(number, as: .succeeded, at: now)
    }
    #expect(try await ledger.input(ofJob: "w-w-c-0-1").contains(#"{"x":1}"#))
    let run = try await ledger.run()
    #expect(run.steps[0].items.first?.endedAt == before)
    #expect(run.usage == WorkflowRun.Usage(predictions: 1, predictMilliseconds: 1000))
  }
}
