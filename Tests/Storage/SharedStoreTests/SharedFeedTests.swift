import Ledger
import Glibc
import Jobs
import StoreSeam
import PostgreSQL
import PostgreSQLServer
import PostgreSQLStore
import PostgreSQLReads
import PostgreSQLSchema
import Simulation
import StoreFixture
import Synchronization
import System
import Testing
import Time

/// The change feed while several nodes write.
@Suite(.enabled(if: PostgreSQLServer.isAvailable)) struct SharedFeedTests {
  /// A reader that does not wait for open transactions, as those of a node.
  ///
  /// It blocks its thread: a test that suspended would be resumed when another one lets go of a thread, and
  /// its own transaction would be open until then.
  private struct Reader {
    private let reader: BlockingReader

    init(of url: String) throws {
      reader = BlockingReader(
        PostgreSQLReader(
          pool: try ReaderPool(to: ConnectionTarget(url: url), named: "test reader", threads: 1),
          clock: DatabaseClock())
      ) {}
    }

    func job(_ id: String) throws -> JobRecord? {
      try reader.answer { (reader) async throws(StorageError) in try await reader.job(id) }
    }

    func changes(after cursor: Int64, limit: Int) throws -> FeedSlice {
      try reader.answer { (reader) async throws(StorageError) in
        try await reader.changes(after: cursor, limit: limit, matching: JobFilter(), including: [])
      }
    }

    func lastChange() throws -> Int64 {
      try reader.answer { (reader) async throws(StorageError) in
        try await reader.feedPosition().lastChange
      }
    }

    func jobs() throws -> [Job] {
      try reader.answer { (reader) async throws(StorageError) in
        try await reader.jobs(matching: JobFilter(), before: nil, limit: 1000).jobs
      }
    }
  }

  private static func deliver(_ id: String, of prediction: String, logs: Int) -> Delivery {
    Sample.delivery(id, of: prediction, "processing", .running, logs: logs)
  }

  /// The number is taken, so a cursor behind it would never see it.
  @Test func `a number that is taken and not committed hides no change`() throws {
    let database = try SharedDatabase()
    let reader = try Reader(of: database.url)
    let node = database.node()
    let (hasBegun, mayEnd, ended) = (Gate(), Gate(), OneShot<Result<Void, any Error>>())
    _ = try Thread(named: "slow node") {
      ended.set(
        Result {
          try node.ledger().commit { (transaction) throws(StorageError) in
            _ = try transaction.record(Self.deliver("slow", of: "slow", logs: 1))
            hasBegun.open()
            do { try mayEnd.wait() } catch { throw .rejected("\(error)") }
          }
        })
    }
    try hasBegun.wait()
    let ledger = try node.ledger()
    _ = try ledger.commit([Self.deliver("fast", of: "fast", logs: 1)])
    // A read of the job itself needs no order.
    #expect(try reader.job("fast") != nil)
    #expect(try reader.changes(after: 0, limit: 9).entries.isEmpty)
    let position = try reader.lastChange()
    mayEnd.open()
    try ended.wait().get()
    try database.backend.awaitFeed()
    let entries = try reader.changes(after: position, limit: 9).entries
    #expect(entries.map(\.id) == ["slow", "fast"])
    #expect(try reader.lastChange() >= entries[1].change)
  }

  /// The transaction that begins first and commits last has the smaller number, which its job must not take.
  @Test func `a job's numbers grow when transactions commit in the other order`() throws {
    let database = try SharedDatabase()
    let reader = try Reader(of: database.url)
    let (node, observations) = (database.node(), Observations())
    _ = try node.ledger().commit([Self.deliver("a", of: "p", logs: 1)])
    let first = try #require(try reader.job("p")).change
    let (hasBegun, mayRead, ended) = (Gate(), Gate(), OneShot<Result<Void, any Error>>())
    _ = try Thread(named: "early node") {
      ended.set(
        Result {
          // No key names the job, so it is not locked before the other has committed.
          try node.ledger(observations).commit { (transaction) throws(StorageError) in
            _ = try transaction.record(Self.deliver("x", of: "other", logs: 1))
            hasBegun.open()
            do { try mayRead.wait() } catch { throw .rejected("\(error)") }
            _ = try transaction.record(Self.deliver("c", of: "p", logs: 3))
          }
        })
    }
    try hasBegun.wait()
    _ = try node.ledger().commit([Self.deliver("b", of: "p", logs: 2)])
    let second = try #require(try reader.job("p")).change
    #expect(second > first)
    mayRead.open()
    try ended.wait().get()
    let record = try #require(try reader.job("p"))
    #expect(record.change > second && record.job.snapshot?.evidence.logsSize == 3)
    #expect(observations["newer_change"] == 1)
    try database.backend.awaitFeed()
    #expect(try reader.changes(after: second, limit: 9).entries.map(\.id).sorted() == ["other", "p"])
    #expect(try database.strayRows().isEmpty)
  }

  /// What a reader of the feed knows.
  private struct Follower {
    var cursor: Int64 = 0
    var known: [String: Int64] = [:]
    var findings: [String] = []

    mutating func take(_ slice: FeedSlice) {
      for entry in slice.entries {
        if entry.change <= cursor { findings.append("\(entry.change) comes after \(cursor)") }
        cursor = entry.change
        known[entry.id] = entry.job?.revision
      }
      cursor = max(cursor, slice.last)
    }
  }

  /// Writers whose transactions are open for different times, and readers that keep their cursors.
  @Test(arguments: 31...34 as ClosedRange<UInt64>)
  func `readers miss nothing while transactions overlap`(_ seed: UInt64) throws {
    let database = try SharedDatabase()
    let (node, url) = (database.node(), database.url)
    let writers = 4
    let running = Atomic(4)
    let results = try concurrently(writers + 2) { index -> [String] in
      var random = SeededGenerator(seed: seed * 100 + UInt64(index))
      guard index < writers else {
        return try Self.follow(url, pageSize: Int.random(in: 1...7, using: &random)) {
          running.load(ordering: .acquiring) == 0
        }
      }
      defer { running.subtract(1, ordering: .releasing) }
      let ledger = try node.ledger()
      for round in 0..<40 {
        let id = "p\(Int.random(in: 0..<12, using: &random))"
        let pause = UInt32.random(in: 0...15_000, using: &random)
        let isDeletion = random.happens(onceIn: 8)
        try ledger.commit { (transaction) throws(StorageError) in
          // A part of the time before the job is read, and a part after it.
          usleep(random.happens(onceIn: 3) ? pause : 0)
          if isDeletion {
            _ = try transaction.deleteJob(id, tombstoneUntil: .distantFuture)
          } else {
            let webhook = "w\(index)-\(round)"
            let isEnd = round % 5 == 4
            _ = try transaction.record(
              Sample.delivery(
                webhook, of: id, isEnd ? "succeeded" : "processing", isEnd ? .succeeded : .running,
                logs: round * 4 + index))
          }
          usleep(pause)
        }
      }
      return []
    }
    #expect(results.flatMap(\.self).isEmpty, "seed \(seed)")
    #expect(try database.strayRows().isEmpty)
  }

  /// Follows the feed until the writers have ended, and compares what it has seen with the jobs.
  private static func follow(_ url: String, pageSize: Int, until isOver: () -> Bool) throws -> [String] {
    let reader = try Reader(of: url)
    var follower = Follower()
    var (last, end): (Int64, MonotonicTime?) = (0, nil)
    while true {
      if end == nil, isOver() { end = MonotonicClock.now + .seconds(20) }
      let slice = try reader.changes(after: follower.cursor, limit: pageSize)
      follower.take(slice)
      let position = try reader.lastChange()
      if position < last { follower.findings.append("the end of the feed went from \(last) to \(position)") }
      last = position
      guard let end, slice.entries.isEmpty else { continue }
      let stored = Dictionary(uniqueKeysWithValues: try reader.jobs().map { ($0.id, $0.revision) })
      // Transactions of other tests may hold back the end of the feed for a while.
      if stored == follower.known { return follower.findings }
      guard MonotonicClock.now < end else {
        return follower.findings + ["the store has \(stored), and the reader \(follower.known)"]
      }
    }
  }
}
