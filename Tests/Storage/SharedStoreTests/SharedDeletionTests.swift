import Ledger
import Jobs
import StoreSeam
import PostgreSQL
import PostgreSQLServer
import Simulation
import StoreFixture
import Synchronization
import Tables
import Testing
import Time

/// Deletions, pruning and sums while other nodes record deliveries.
@Suite(.enabled(if: PostgreSQLServer.isAvailable)) struct SharedDeletionTests {
  /// A job is deleted, and its deliveries go on to come.
  @Test(arguments: 51...53 as ClosedRange<UInt64>)
  func `deletions and pruning leave no rows while others deliver`(_ seed: UInt64) async throws {
    let database = try SharedDatabase()
    let node = database.node()
    let remaining = Atomic(3)
    let late = Timestamp(milliseconds: 9_000_000)
    let acknowledged = try concurrently(5) { index -> Set<String> in
      let ledger = try node.ledger()
      var random = SeededGenerator(seed: seed * 100 + UInt64(index))
      guard index < 3 else {
        while remaining.load(ordering: .acquiring) > 0 {
          let id = "p\(Int.random(in: 0..<15, using: &random))"
          try ledger.commit { (transaction) throws(StorageError) in
            if index == 3 {
              _ = try transaction.deleteJob(id, tombstoneUntil: late)
            } else {
              _ = try transaction.prune(
                endedBefore: Timestamp(milliseconds: 1_000_001), at: Timestamp(milliseconds: 8_000_000),
                after: 0,
                count: 5)
            }
          }
        }
        return []
      }
      defer { remaining.subtract(1, ordering: .releasing) }
      var acknowledged: Set<String> = []
      for round in 0..<60 {
        let batch = (0..<Int.random(in: 1...8, using: &random)).map { part in
          let isEnd = random.happens(onceIn: 3)
          // Two nodes send the same ids.
          return Sample.delivery(
            "w\(index / 2)-\(round)-\(part)", of: "p\(Int.random(in: 0..<15, using: &random))",
            isEnd ? "succeeded" : "processing", isEnd ? .succeeded : .running, logs: round,
            at: random.happens(onceIn: 2) ? 1_000_000 : 7_000_000)
        }
        _ = try ledger.commit(batch)
        acknowledged.formUnion(batch.map(\.webhookID))
      }
      return acknowledged
    }.reduce(into: Set()) { $0.formUnion($1) }
    #expect(try database.strayRows().isEmpty, "seed \(seed)")
    // Each delivery is stored once, or went with its job.
    let stored = try database.backend.run(
      "SELECT webhook_id FROM deliveries WHERE NOT is_repeat ORDER BY webhook_id")
    let ids = (0..<stored.count).compactMap { stored.text($0, 0) }
    #expect(Set(ids).count == ids.count && Set(ids).isSubset(of: acknowledged))
    // What came after the last deletion is there.
    let ledger = try node.ledger()
    for number in 0..<15 {
      let id = "p\(number)"
      let outcome = try ledger.commit([Sample.delivery("last\(number)", of: id, "processing", .running)])
      let isStored = try await database.reader.job(id) != nil
      let isDeleted = try database.backend.run("SELECT 1 FROM tombstones WHERE id = '\(id)'").count > 0
      #expect(isStored || isDeleted, "\(id): \(outcome), seed \(seed)")
    }
  }

  private static let sums = TableDeclaration(
    "test_sums", key: [.init("name", .text)], columns: [.init("count", .integer), .init("sum", .integer)],
    isSummed: true)

  /// Each writer has rows of its own, so that none waits for another's commit.
  @Test func `sums of several nodes add up`() async throws {
    let database = try SharedDatabase()
    let node = database.node(tables: [Self.sums])
    _ = try node.ledger()
    _ = try concurrently(4) { index in
      let ledger = try node.ledger()
      for round in 0..<50 {
        try ledger.commit { (transaction) throws(StorageError) in
          for name in ["a", "b\(round % 3)"] {
            transaction.write(
              TableWrite.add(
                Self.sums, key: [.text(name)],
                amounts: [SumAmount("count", 1), SumAmount("sum", Int64(index), isClamped: true)]))
          }
        }
      }
    }
    let rows = try await database.reader.rows(TableQuery(Self.sums, limit: 9))
    #expect(rows.map { $0.text("name") } == ["a", "b0", "b1", "b2"])
    #expect(rows.map { $0.integer("count") } == [200, 68, 68, 64])
    #expect(rows[0].integer("sum") == 50 * (0 + 1 + 2 + 3))
  }

  /// The sum of rows at the maximum would be out of range.
  @Test func `sums of several nodes are clamped`() async throws {
    let database = try SharedDatabase()
    let node = database.node(tables: [Self.sums])
    for amount in [Int64.max, .max, 7] {
      try node.ledger().commit { (transaction) throws(StorageError) in
        transaction.write(
          TableWrite.add(
            Self.sums, key: [.text("a")], amounts: [SumAmount("sum", amount, isClamped: true)]))
      }
    }
    let row = try #require(try await database.reader.rows(TableQuery(Self.sums, limit: 9)).first)
    #expect(row.integer("sum") == TableWrite.maxSum)
  }
}
