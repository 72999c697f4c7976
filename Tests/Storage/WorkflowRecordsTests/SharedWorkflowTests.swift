import Jobs
import Ledger
import PostgreSQLServer
import PostgreSQLStore
import StoreFixture
import StoreSeam
import Synchronization
import System
import Testing
import Time
import WorkflowRecords
import WorkflowRules

/// Workflows whose jobs end on two nodes at once.
@Suite(.enabled(if: PostgreSQLServer.isAvailable)) struct SharedWorkflowTests {
  private static let fanIn = #"""
    {"steps":[{"name":"a","model":"m/m","input":{}},{"name":"b","model":"m/m","input":{}},
      {"name":"c","model":"m/m","input":{"x":[{"$from":"a"},{"$from":"b"}]}}]}
    """#

  /// Counts the batches that were committed again.
  private final class Retries: StoreObserver {
    private let counts = Mutex<[CommitRetry: Int]>([:])

    func count(of reason: CommitRetry) -> Int { counts.withLock { $0[reason] ?? 0 } }

    func retried(_ reason: CommitRetry) { counts.withLock { $0[reason, default: 0] += 1 } }
  }

  /// Each node ends one step of all, in orders that would let them wait for each other.
  @Test func `nodes that end steps of the same workflows start the next one once`() async throws {
    let backend = try PostgreSQLBackend()
    let ledger = try WorkflowLedger(on: backend)
    let (retries, rounds, size) = (Retries(), 5, 20)
    let nodes = try (0..<2).map { index in
      Ledger(
        store: try PostgreSQLStore(
          try PostgreSQLBackend.options(backend.database.url, tables: WorkflowTables.all), observer: retries),
        rules: LedgerRules(owner: "node \(index)"), reactions: [WorkflowReaction(WorkflowContext())])
    }
    for round in 0..<rounds {
      let ids = (0..<size).map { "r\(round)w\($0)" }
      for id in ids { try ledger.create(Self.fanIn, id: id) }
      try ledger.send()
      let batches = [
        ids.map { ledger.delivery("w-\($0)-a-0-1", output: "1") },
        ids.reversed().map { ledger.delivery("w-\($0)-b-0-1", output: "2") },
      ]
      try Self.commit(batches, on: nodes)
      for id in ids {
        #expect(try await ledger.states(id) == [.succeeded, .succeeded, .pending])
        #expect(try await ledger.input(ofJob: "w-\(id)-c-0-1").contains(#"{"x":[1,2]}"#))
      }
    }
    #expect(try await ledger.store.jobCount() == rounds * size * 3)
    #expect(retries.count(of: .deadlock) == 0)
  }

  /// Commits each batch on a node of its own, at the same time.
  private static func commit(_ batches: [[Delivery]], on nodes: [Ledger]) throws {
    let results = nodes.map { _ in OneShot<Result<Void, any Error>>() }
    for index in nodes.indices {
      let (node, batch, result) = (Unshared(nodes[index]), batches[index], results[index])
      _ = try Thread(named: "node \(index)") {
        result.set(Result { _ = try node.value.commit(batch) })
      }
    }
    for result in results { try result.wait().get() }
  }

  /// Each is used by one thread at a time.
  private struct Unshared<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
  }
}
