import Jobs
import Ledger
import StoreSeam
import Simulation
import StoreFixture
import Tables
import Testing
import Time

@testable import JobCounts

/// The counters equal a count of the rows after every kind of change.
@Suite(.everyStore) struct CountsTests {
  /// Random commands in random batches, which fail and are decided again in halves.
  @Test(arguments: 0..<8)
  func `the counters follow every command`(_ block: Int) async throws {
    let seeds = StoreKind.current == .sqlite ? 12 : 3
    var seen: Set<JobState> = []
    for seed in block * seeds..<(block + 1) * seeds {
      var random = SeededGenerator(seed: UInt64(seed))
      let store = try OrderedStore.counted(on: try StoreKind.current.makeBackend(isDurable: false))
      var now = Timestamp(milliseconds: 1_000_000)
      for _ in 0..<Int.random(in: 5...12, using: &random) {
        let batch = (0..<Int.random(in: 1...9, using: &random)).map { _ in
          now = now.later(Int64.random(in: 0...1500, using: &random))
          return BatchedCommand(RandomCommand(at: now, &random))
        }
        var rest = batch.map { $0 as any LedgerCommand }[...]
        while !rest.isEmpty { rest = rest.dropFirst(try store.ledger.commit(rest).count) }
        let (counts, rows) = (try await store.counts(), try await store.rowCounts())
        #expect(counts == rows, "seed \(seed): \(batch.map(\.command.description))")
        guard counts == rows else { return }
        seen.formUnion(JobState.allCases.filter { counts[$0] > 0 })
      }
    }
    if StoreKind.current == .sqlite { #expect(seen == Set(JobState.allCases)) }
  }

  @Test func `each change of state moves one job`() async throws {
    let store = try OrderedStore.counted()
    #expect(try await store.counts() == StateCounts())
    try store.deliver("a", .pending)
    #expect(try await store.counts() == StateCounts([.pending: 1]))
    try store.deliver("b", .running)
    #expect(try await store.counts() == StateCounts([.running: 1]))
    store.advance(OrderedStore.aWhile)
    try store.claimPolls()
    #expect(try await store.counts() == StateCounts([.stale: 1]))
    try store.deliver("c", .running, logs: 1)
    #expect(try await store.counts() == StateCounts([.running: 1]))
    try store.deliver("d", .succeeded)
    try store.deliver("e", of: "p2", .failed)
    #expect(try await store.counts() == StateCounts([.succeeded: 1, .failed: 1]))
    try store.delete("p1")
    #expect(try await store.counts() == StateCounts([.failed: 1]))
  }

  /// A batch that leaves every state as it was writes nothing.
  @Test func `a batch that changes no state writes no counter`() async throws {
    let store = try OrderedStore.counted()
    try store.deliver("a", .running)
    try store.backend.execute("DELETE FROM job_counts")
    try store.deliver("b", .running, logs: 1)
    #expect(try await store.reader.rows(TableQuery(CountsTable.declaration, limit: 9)).isEmpty)
    try store.deliver("c", .succeeded)
    #expect(try await store.counts() == StateCounts([.running: -1, .succeeded: 1]))
  }

  /// The rows that an earlier version has stored.
  @Test func `a store without counters is counted when they are made`() async throws {
    let (store, counts) = try await uncounted()
    try store.backend.execute("DROP TABLE job_counts")
    let counted = try OrderedStore.counted(on: store.backend)
    #expect(try await counted.counts() == counts)
    try counted.deliver("z", of: "p1", .succeeded)
    #expect(try await counted.counts() == counted.rowCounts())
    try counted.reopen()
    #expect(try await counted.counts() == counted.rowCounts())
  }

  /// Daemons of an earlier version that ran beside this one have counted nothing.
  @Test func `counters that are wrong are corrected on request`() async throws {
    let (store, counts) = try await uncounted()
    #expect(try await store.counts() != counts)
    for _ in 0..<2 {
      _ = try store.ledger.store.commit(reading: { .none }) { _ in
        var writes = WriteSet()
        writes.sweeps = [.seed(CountsTable.declaration)]
        return writes
      }
      #expect(try await store.counts() == counts)
    }
  }

  /// A store with a job of each state, of which only the first is counted.
  private func uncounted() async throws -> (OrderedStore, StateCounts) {
    let counted = try OrderedStore.counted()
    try counted.deliver("a", .running)
    let store = try OrderedStore(
      on: counted.backend, policy: PollPolicy(timeout: 8000, firstPoll: 2000), tables: JobCounts.tables)
    store.now = counted.now
    for (index, phase) in [Phase.running, .succeeded, .succeeded, .failed, .canceled].enumerated() {
      try store.deliver("w\(index)", of: "q\(index)", phase)
    }
    store.advance(OrderedStore.aWhile)
    try store.claimPolls()
    try store.deliver("b", .running, logs: 1)
    try store.deliver("c", of: "q9", .pending)
    try store.deliver("d", of: "q8", .pending)
    let counts = try await store.rowCounts()
    #expect(
      counts
        == StateCounts([
          .pending: 2, .running: 1, .stale: 1, .succeeded: 2, .failed: 1, .canceled: 1,
        ]))
    return (store, counts)
  }
}
