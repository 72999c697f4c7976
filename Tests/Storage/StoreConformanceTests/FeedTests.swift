import Ledger
import Jobs
import StoreSeam
import Simulation
import StoreFixture
import Testing
import Time

/// What has changed after a cursor.
@Suite(.everyStore) struct FeedTests {
  private func ids(_ entries: [FeedEntry]) -> [String] {
    entries.map { $0.job == nil ? "-\($0.id)" : $0.id }
  }

  @Test func `each job is listed once with its newest state`() async throws {
    let store = try OrderedStore()
    try store.deliver("a", of: "p1", .pending)
    try store.deliver("b", of: "p2", .pending)
    try store.place("j1")
    try store.deliver("c", of: "p1", .running)
    let all = try await store.reader.changes(after: 0, limit: 100)
    #expect(ids(all) == ["p2", "j1", "p1"])
    let numbers = all.map(\.change)
    #expect(numbers == numbers.sorted() && Set(numbers).count == 3)
    #expect(all.last?.job == (try await store.job("p1")))
    for entry in all { #expect(try await store.change(entry.id) == entry.change) }
    #expect(try await ids(store.reader.changes(after: numbers[0], limit: 100)) == ["j1", "p1"])
    #expect(try await ids(store.reader.changes(after: numbers[0] - 1, limit: 100)) == ["p2", "j1", "p1"])
    #expect(try await ids(store.reader.changes(after: 0, limit: 1)) == ["p2"])
    #expect(try await store.reader.changes(after: numbers[2], limit: 100).isEmpty)
    let position = try await store.reader.feedPosition().lastChange
    #expect(position >= numbers[2])
    #expect(try await store.reader.changes(after: position, limit: 100).isEmpty)
  }

  @Test func `a deleted job is listed by its id`() async throws {
    let store = try OrderedStore()
    try store.deliver("a", of: "p1", .succeeded)
    let first = try await store.change("p1")
    try store.deliver("b", of: "p2", .running)
    #expect(try store.delete("p1")?.id == "p1")
    let all = try await store.reader.changes(after: 0, limit: 100)
    #expect(ids(all) == ["p2", "-p1"])
    #expect(first < all[0].change && all[0].change < all[1].change)
  }

  /// The orphan was listed, so that its end must be.
  @Test func `a merged orphan is listed as deleted`() async throws {
    let store = try OrderedStore()
    let step = try store.send("j1")
    try store.deliver("a", .running)
    let cursor = try await store.reader.feedPosition().lastChange
    try store.report(step.order.number, .pending)
    #expect(try await ids(store.reader.changes(after: cursor, limit: 9)) == ["-p1", "j1"])
    #expect(try await store.reader.job("p1")?.job.id == "j1")
  }

  @Test func `a pruned job is listed as deleted`() async throws {
    let store = try OrderedStore()
    try store.deliver("a", .succeeded)
    let change = try await store.change("p1")
    store.advance(2 * OrderedStore.aWhile)
    let now = store.now
    try store.commit { (transaction) throws(StorageError) in
      _ = try transaction.prune(endedBefore: now, at: now, after: 0, count: 9)
    }
    #expect(try await ids(store.reader.changes(after: change, limit: 9)) == ["-p1"])
  }

  /// A reader that goes on from the last number that it saw ends with the state of the store.
  @Test(arguments: [1, 2, 7])
  func `a reader that follows the feed misses nothing`(_ limit: Int) async throws {
    let store = try OrderedStore()
    var random = SeededGenerator(seed: UInt64(limit))
    var (known, cursor): ([String: Int64], Int64) = ([:], 0)
    func follow() async throws {
      let entries = try await store.reader.changes(after: cursor, limit: limit)
      for entry in entries {
        #expect(entry.change > cursor)
        cursor = entry.change
        known[entry.id] = entry.job?.revision
      }
    }
    for round in 0..<150 {
      let id = "p\(Int.random(in: 0..<12, using: &random))"
      if random.happens(onceIn: 6), let job = try await store.reader.job(id)?.job {
        if job.phase.isTerminal {
          try store.delete(id)
        } else {
          try store.deliver("e\(round)", of: id, .succeeded)
        }
      } else {
        try store.deliver("w\(round)", of: id, .running, logs: round)
      }
      if random.happens(onceIn: 2) { try await follow() }
    }
    let end = try await store.reader.feedPosition().lastChange
    while try await !store.reader.changes(after: cursor, limit: 1).isEmpty { try await follow() }
    #expect(cursor <= end)
    var expected: [String: Int64] = [:]
    for job in try await store.reader.jobs(matching: JobFilter(), before: nil, limit: 100).jobs {
      expected[job.id] = job.revision
    }
    #expect(known == expected)
  }

  @Test func `tombstones expire and the oldest cursor moves`() async throws {
    let store = try OrderedStore()
    for number in 1...3 { try store.deliver("w\(number)", of: "p\(number)", .succeeded) }
    func sweep() throws {
      let now = store.now
      try store.commit { (transaction) throws(StorageError) in
        _ = try transaction.prune(endedBefore: Timestamp(milliseconds: 0), at: now, after: 0, count: 9)
      }
    }
    func tombstone(of id: String) async throws -> Int64 {
      let entries = try await store.reader.changes(after: 0, limit: 9)
      return try #require(entries.first { $0.id == id && $0.job == nil }).change
    }
    try store.delete("p1")
    let expired = try await tombstone(of: "p1")
    store.advance(1)
    try store.delete("p2")
    let kept = try await tombstone(of: "p2")
    try store.deliver("x", of: "p4", .running)
    store.advance(OrderedStore.aWhile - 1)
    #expect(try await store.reader.feedPosition().oldestChange == 0)
    try sweep()
    // The tombstone of p1 has expired. A cursor before its change may have missed it.
    #expect(try await ids(store.reader.changes(after: 0, limit: 9)) == ["p3", "-p2", "p4"])
    #expect(try await store.reader.feedPosition().oldestChange == expired)
    store.advance(OrderedStore.aWhile)
    try sweep()
    // A store may keep its newest tombstone at any age. If it does not, earlier cursors are too old.
    let isKept = try await store.reader.changes(after: 0, limit: 9).map(\.change).contains(kept)
    #expect(try await store.reader.feedPosition().oldestChange == (isKept ? expired : kept))
    try store.delete("p3")
    let newest = try await tombstone(of: "p3")
    try sweep()
    #expect(try await ids(store.reader.changes(after: 0, limit: 9)) == ["p4", "-p3"])
    #expect(try await store.reader.feedPosition().oldestChange == kept)
    store.advance(OrderedStore.aWhile)
    try sweep()
    let isNewestKept = try await store.reader.changes(after: 0, limit: 9).map(\.change).contains(newest)
    #expect(try await store.reader.feedPosition().oldestChange == (isNewestKept ? kept : newest))
  }

  @Test func `the epoch is that of the store`() async throws {
    let store = try OrderedStore()
    let epoch = try await store.reader.feedPosition().epoch
    #expect(epoch.count >= 8)
    try store.reopen()
    #expect(try await store.reader.feedPosition().epoch == epoch)
    let other = try OrderedStore()
    #expect(try await other.reader.feedPosition().epoch != epoch)
  }
}
