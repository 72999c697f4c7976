import Work
import Glibc
import Jobs
import Ledger
import StoreSeam
import PostgreSQL
import PostgreSQLServer
import Simulation
import StoreFixture
import Synchronization
import System
import Testing
import Time
import Work

/// Work that several nodes claim from one store.
@Suite(.enabled(if: PostgreSQLServer.isAvailable)) struct SharedWorkTests {
  private static let now = Timestamp(milliseconds: 2_000_000)
  private static let kind = WorkKind(rawValue: "test")

  private static func enqueue(_ count: Int, on ledger: Ledger) throws {
    try ledger.commit { (transaction) throws(StorageError) in
      for number in 0..<count {
        _ = try transaction.enqueue(OrderedStore.order("j\(number)", at: now))
      }
    }
  }

  private static func claim(_ limit: Int, on ledger: Ledger) throws -> [String] {
    try ledger.commit { (transaction) throws(StorageError) in
      try transaction.claimOrderSteps(at: now, creates: limit, cancels: 0, finds: 0, lease: 35_000)
        .map(\.job.id)
    }
  }

  @Test func `nodes that claim at once share the orders`() async throws {
    let database = try SharedDatabase()
    let url = database.url
    try Self.enqueue(150, on: try database.node().ledger())
    let claims = try concurrently(4) { index in
      let ledger = try url.node(index).ledger()
      var (claimed, misses): ([String], Int) = ([], 0)
      // What another one is about to claim may be skipped, but not for ever.
      while misses < 5 {
        let new = try Self.claim(3 + index, on: ledger)
        misses = new.isEmpty ? misses + 1 : 0
        claimed += new
      }
      return claimed
    }
    let all = claims.flatMap(\.self)
    #expect(all.count == 150 && Set(all).count == 150)
    for id in all {
      let order = try #require(try await database.reader.job(id)?.order)
      #expect(order.stage == .sending && order.tries == 1)
    }
    #expect(try database.strayRows().isEmpty)
  }

  @Test func `a claim does not wait for another transaction's`() throws {
    let database = try SharedDatabase()
    let node = database.node("a")
    try Self.enqueue(10, on: try node.ledger())
    let (hasClaimed, mayEnd, first) = (Gate(), Gate(), OneShot<Result<[String], any Error>>())
    _ = try Thread(named: "slow node") {
      first.set(
        Result {
          try node.ledger().commit { (transaction) throws(StorageError) in
            let steps = try transaction.claimOrderSteps(
              at: Self.now, creates: 4, cancels: 0, finds: 0, lease: 35_000)
            hasClaimed.open()
            do { try mayEnd.wait() } catch { throw .rejected("\(error)") }
            return steps.map(\.job.id)
          }
        })
    }
    let other = try database.node("b").ledger()
    try hasClaimed.wait()
    let second = try Self.claim(100, on: other)
    #expect(second.count == 6)
    mayEnd.open()
    let all = try first.wait().get() + second
    #expect(Set(all).count == 10)
  }

  /// A claim of one node, by the times that it decided with.
  private struct Claim: Sendable {
    let key: String
    let node: Int
    let tries: Int64
    let start: Int64
    let end: Int64
  }

  /// Leases expire all the time, because the nodes are slow.
  @Test(arguments: 41...43 as ClosedRange<UInt64>)
  func `two nodes never hold one item at a time`(_ seed: UInt64) throws {
    let database = try SharedDatabase()
    let url = database.url
    try database.node().ledger().commit { (transaction) throws(StorageError) in
      _ = try transaction.record(Sample.delivery("w", of: "p", "starting", .pending))
    }
    let job = try database.backend.run("SELECT number FROM jobs").integer(0, 0)
    try database.node().ledger().commit { (transaction) throws(StorageError) in
      for index in 0..<20 {
        transaction.write(.insert(WorkItem(WorkKey(Self.kind, job: job, key: "\(index)"), dueAt: Self.now)))
      }
    }
    let clock = Atomic(Self.now.milliseconds)
    let claims = try concurrently(4) { index -> [Claim] in
      let ledger = try url.node(index).ledger()
      var random = SeededGenerator(seed: seed * 100 + UInt64(index))
      var claims: [Claim] = []
      for _ in 0..<60 {
        let now = Timestamp(milliseconds: clock.add(7, ordering: .relaxed).newValue)
        let lease = now.advanced(byMilliseconds: Int64.random(in: 20...200, using: &random))
        let pause = UInt32.random(in: 0...2000, using: &random)
        let items = try ledger.commit { (transaction) throws(StorageError) in
          let due = try transaction.dueWork(Self.kind, at: now, limit: 3)
          usleep(pause)
          return due.map { item in
            var item = item
            item.claim(by: transaction.owner, until: lease)
            transaction.write(.update(item))
            return item
          }
        }
        claims += items.map {
          Claim(
            key: $0.key.key, node: index, tries: $0.tries, start: now.milliseconds, end: lease.milliseconds)
        }
      }
      return claims
    }
    let byItem = Dictionary(grouping: claims.flatMap(\.self), by: \.key)
    #expect(byItem.values.map(\.count).reduce(0, +) > 100)
    for (key, claims) in byItem {
      let ordered = claims.sorted { $0.tries < $1.tries }
      #expect(ordered.map(\.tries) == (1...Int64(claims.count)).map(\.self), "\(key), seed \(seed)")
      for (earlier, later) in zip(ordered, ordered.dropFirst()) {
        #expect(earlier.end <= later.start, "\(earlier) and \(later), seed \(seed)")
      }
    }
  }

  /// Two keys would make two kinds of valid tokens, of which each node knows one.
  @Test func `nodes that start at once make one key`() throws {
    let database = try SharedDatabase()
    let url = database.url
    let made = try concurrently(4) { index in
      let ledger = try url.node(index).ledger()
      return try (0..<10).map { round in
        try ledger.commit { (transaction) throws(StorageError) in
          try transaction.key("key \(round)", orStore: [UInt8(index)])
        }
      }
    }
    for round in 0..<10 { #expect(Set(made.map { $0[round] }).count == 1, "round \(round)") }
  }

  /// Leases are compared by the server's clock.
  @Test(arguments: [-3_600_000, 0, 3_600_000] as [Int64])
  func `a lease ends at its time on a node whose clock is wrong`(_ error: Int64) throws {
    let database = try SharedDatabase()
    var wrong = database.node("wrong")
    wrong.clockError = error
    let (right, other) = (try database.node("right").ledger(), try wrong.ledger())
    try right.commit { (transaction) throws(StorageError) in
      _ = try transaction.record(Sample.delivery("w", of: "p", "starting", .pending))
    }
    let job = try database.backend.run("SELECT number FROM jobs").integer(0, 0)
    let start = Timestamp(milliseconds: WallClock.milliseconds)
    let key = WorkKey(Self.kind, job: job)
    try right.commit { (transaction) throws(StorageError) in
      transaction.write(.insert(WorkItem(key, dueAt: start)))
    }
    try right.commit { (transaction) throws(StorageError) in
      for var item in try transaction.dueWork(Self.kind, at: start, limit: 9) {
        item.claim(by: transaction.owner, until: start.advanced(byMilliseconds: 60_000))
        transaction.write(.update(item))
      }
    }
    func due(after milliseconds: Int64) throws -> Int {
      try other.commit { (transaction) throws(StorageError) in
        let now = start.advanced(byMilliseconds: error + milliseconds)
        return try transaction.dueWork(Self.kind, at: now, limit: 9).count
      }
    }
    // A few seconds of the test itself do not matter.
    #expect(try due(after: 30_000) == 0)
    #expect(try due(after: 90_000) == 1)
  }
}

extension String {
  /// A node of the database with this URL.
  fileprivate func node(_ index: Int) -> Node { Node(url: self, name: "node \(index)") }
}
