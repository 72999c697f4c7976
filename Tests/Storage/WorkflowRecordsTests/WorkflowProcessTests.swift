import Ledger
import StoreFixture
import StoreSeam
import System
import Testing
import Time
import Work
import WorkflowRecords
import WorkflowRules

/// Workflows that several processes change, and their callbacks.
@Suite(.everyStore) struct WorkflowProcessTests {
  private struct Unshared<Value>: @unchecked Sendable {
    let value: Value
  }

  private static let steps = 8

  private static let gathering: String = {
    let sources = (0..<steps).map { #"{"name":"s\#($0)","model":"m/m","input":{}}"# }
    let values = (0..<steps).map { #"{"$from":"s\#($0)"}"# }.joined(separator: ",")
    let sink = #"{"name":"sum","model":"m/m","input":{"values":[\#(values)]}}"#
    return #"{"steps":[\#((sources + [sink]).joined(separator: ","))]}"#
  }()

  /// Each process decides by what it has read, and the last one starts the next step.
  @Test(arguments: 0..<4)
  func `processes that record ends at once lose none, and start the next step once`(
    _ round: Int
  ) async throws {
    guard StoreKind.current == .postgresql else { return }
    let ledger = try WorkflowLedger()
    try ledger.create(Self.gathering)
    try ledger.send()
    let threads = try (0..<4).map { node in
      let other = try WorkflowLedger(on: ledger.store.backend, owner: "node \(node)")
      other.store.now = ledger.store.now
      let batches = (0..<Self.steps).filter { $0 % 4 == node }.map { step in
        [ledger.delivery("w-w-s\(step)-0-1", output: "\(step)")]
      }
      let process = Unshared(value: other.store.ledger)
      return try Thread(named: "node \(node)") {
        for batch in batches {
          do { _ = try process.value.commit(batch) } catch { Issue.record(error) }
        }
      }
    }
    for thread in threads { thread.join() }
    #expect(try await ledger.states() == Array(repeating: .succeeded, count: Self.steps) + [.pending])
    #expect(try await ledger.store.jobCount() == Self.steps + 1)
    #expect(
      try await ledger.input(ofJob: "w-w-sum-0-1").contains(#"{"values":[0,1,2,3,4,5,6,7]}"#))
    let run = try await ledger.run()
    #expect(run.usage.predictions == Int64(Self.steps))
    try ledger.end("w-w-sum-0-1", output: "28")
    #expect(try await ledger.output() == "28")
    #expect(ledger.announcements.types == ["w workflow.succeeded"])
  }

  @Test func `a workflow is kept while a callback of it is pending`() async throws {
    let kind = WorkKind(rawValue: "test")
    let ledger = try WorkflowLedger(retainingKinds: [kind])
    try ledger.create(#"{"steps":[{"name":"a","model":"m/m","input":{}}]}"#)
    try ledger.end("w-w-a-0-1")
    let run = try await ledger.run()
    let key = WorkKey(kind, job: Announcement.number(of: "w", madeAt: run.createdAt))
    let now = ledger.store.now
    try ledger.store.commit { (transaction) throws(StorageError) in
      transaction.write(.insert(WorkItem(key, dueAt: now)))
    }
    ledger.store.advance(OrderedStore.aWhile)
    #expect(try await ledger.prune(endedBefore: ledger.store.now) == .waiting)
    #expect(try await ledger.store.jobCount() == 1)
    try ledger.store.commit { (transaction) throws(StorageError) in transaction.write(.delete(key)) }
    #expect(try await ledger.prune(endedBefore: ledger.store.now) == .done)
    #expect(try await ledger.rows() == 0)
  }
}
