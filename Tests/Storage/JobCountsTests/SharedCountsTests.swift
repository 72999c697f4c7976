import Jobs
import Ledger
import StoreSeam
import PostgreSQL
import PostgreSQLServer
import PostgreSQLStore
import Simulation
import StoreFixture
import System
import Testing
import Time

@testable import JobCounts

/// Several nodes change the same jobs at once.
@Suite(.enabled(if: PostgreSQLServer.isAvailable)) struct SharedCountsTests {
  /// One of the nodes corrects the counters again and again, which must change nothing.
  @Test(arguments: 1...3 as ClosedRange<UInt64>)
  func `the counters of several nodes equal the rows`(_ seed: UInt64) async throws {
    let backend = try PostgreSQLBackend()
    let reader = try backend.openReader()
    let nodes = 3
    var options = try PostgreSQLBackend.options(backend.database.url, tables: JobCounts.tables)
    // The machine may be busy, and a commit that is given up would end the test.
    options.hold = .seconds(60)
    let stores = try (0..<nodes).map { _ in Held(try PostgreSQLStore(options)) }
    let ends = (0..<nodes).map { _ in OneShot<Result<Void, any Error>>() }
    for index in 0..<nodes {
      _ = try Thread(named: "node \(index)") {
        ends[index].set(
          Result { try Self.write(stores[index].value, "n\(index)", seed * 10 + UInt64(index)) })
      }
    }
    for end in ends { try end.wait().get() }
    let counts = try await StateCounts(readFrom: reader)
    #expect(try await counts == StateCounts(ofRowsIn: reader), "seed \(seed)")
    #expect(counts.total > 0)
    // Each connection adds to rows of its own.
    let shards = try backend.run("SELECT count(DISTINCT shard) FROM job_counts WHERE shard >= 0").integer(
      0, 0)
    #expect(shards == nodes)
  }

  private static func write(_ store: any Store, _ owner: String, _ seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let policy = PollPolicy(timeout: 8000, firstPoll: 2000)
    let ledger = Ledger(
      store: store, rules: LedgerRules(polling: policy, owner: owner), hooks: [CountsHook()])
    var now = Timestamp(milliseconds: 1_000_000)
    for round in 0..<40 {
      let commands = (0..<Int.random(in: 1...6, using: &random)).map { _ in
        now = now.later(Int64.random(in: 0...1500, using: &random))
        return BatchedCommand(RandomCommand(at: now, &random)) as any LedgerCommand
      }
      var rest = commands[...]
      while !rest.isEmpty { rest = rest.dropFirst(try ledger.commit(rest).count) }
      guard owner == "n0", round.isMultiple(of: 5) else { continue }
      _ = try store.commit(reading: { .none }) { _ in
        var writes = WriteSet()
        writes.sweeps = [.seed(CountsTable.declaration)]
        return writes
      }
    }
  }

  /// A value that one thread at a time uses.
  private struct Held<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
  }
}
