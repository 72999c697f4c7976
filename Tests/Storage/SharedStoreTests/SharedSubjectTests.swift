import Glibc
import Jobs
import Ledger
import PostgreSQL
import PostgreSQLServer
import Simulation
import StoreFixture
import StoreSeam
import Synchronization
import System
import Tables
import Testing
import Time
import Work

/// What has a negative number, changed by several nodes: no row of a job locks it.
@Suite(.enabled(if: PostgreSQLServer.isAvailable)) struct SharedSubjectTests {
  private static let kind = WorkKind(rawValue: "test")
  private static let now = Timestamp(milliseconds: 2_000_000)
  /// Nothing but the lock of a subject protects it, and rows are read ahead.
  private static let named = TableDeclaration(
    "named_sums", key: [.init("name", .text)], columns: [.init("sum", .integer)])
  private static let numbered = TableDeclaration(
    "numbered_sums", key: [.init("job", .integer)], columns: [.init("sum", .integer)])

  /// Each node adds to what it has read.
  @Test(arguments: [true, false])
  func `nodes that change a subject's rows wait for each other`(_ isNamed: Bool) async throws {
    let database = try SharedDatabase()
    let tables = [Self.named, Self.numbered]
    _ = try database.node(tables: tables).ledger()
    let node = database.node("node", tables: tables)
    _ = try concurrently(4) { index in
      let ledger = try Node(url: node.url, name: "node \(index)", tables: tables).ledger()
      for round in 0..<40 {
        // The same one twice: the second time its row is read ahead.
        let number = Int64(-1 - round / 2 % 2)
        try ledger.commit { (transaction) throws(StorageError) in
          let (table, key): (TableDeclaration, RowValue) =
            isNamed ? (Self.named, .text("s\(number)")) : (Self.numbered, .integer(number))
          // The lock comes before the read, or with it.
          if isNamed { try transaction.lock(subject: number) }
          let sum = try transaction.row(of: table, key: [key])?.integer("sum") ?? 0
          transaction.put([key, .integer(sum + 1)], in: table)
        }
      }
    }
    let table = isNamed ? Self.named.name : Self.numbered.name
    let sums = try database.backend.run("SELECT sum FROM \(table)")
    #expect((0..<sums.count).map { sums.integer($0, 0) } == [80, 80])
  }

  /// A claim of one node, by the times that it decided with.
  private struct Claim: Sendable {
    let key: String
    let tries: Int64
    let start: Int64
    let end: Int64
  }

  /// Leases expire all the time, because the nodes are slow.
  @Test(arguments: 61...63 as ClosedRange<UInt64>)
  func `two nodes never hold one item of a subject at a time`(_ seed: UInt64) throws {
    let database = try SharedDatabase()
    let url = database.url
    try database.node().ledger().commit { (transaction) throws(StorageError) in
      for index in 0..<20 {
        let key = WorkKey(Self.kind, job: Int64(-1 - index % 7), key: "\(index)")
        transaction.write(.insert(WorkItem(key, dueAt: Self.now)))
      }
    }
    let clock = Atomic(Self.now.milliseconds)
    let claims = try concurrently(4) { index -> [Claim] in
      let ledger = try Node(url: url, name: "node \(index)").ledger()
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
          Claim(key: $0.key.key, tries: $0.tries, start: now.milliseconds, end: lease.milliseconds)
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

  @Test func `a claim skips a subject that another transaction has locked`() throws {
    let database = try SharedDatabase()
    let node = database.node("a")
    try node.ledger().commit { (transaction) throws(StorageError) in
      for number in [-1, -2] as [Int64] {
        transaction.write(.insert(WorkItem(WorkKey(Self.kind, job: number), dueAt: Self.now)))
      }
    }
    let (hasLocked, mayEnd, first) = (Gate(), Gate(), OneShot<Result<Void, any Error>>())
    _ = try Thread(named: "slow node") {
      first.set(
        Result {
          try node.ledger().commit { (transaction) throws(StorageError) in
            try transaction.lock(subject: -1)
            hasLocked.open()
            do { try mayEnd.wait() } catch { throw .rejected("\(error)") }
          }
        })
    }
    let other = try database.node("b").ledger()
    try hasLocked.wait()
    let due = { () throws(StorageError) in
      try other.commit { (transaction) throws(StorageError) in
        try transaction.dueWork(Self.kind, at: Self.now, limit: 9).map(\.key.job)
      }
    }
    #expect(try due() == [-2])
    mayEnd.open()
    try first.wait().get()
    #expect(try due() == [-2, -1])
  }
}
