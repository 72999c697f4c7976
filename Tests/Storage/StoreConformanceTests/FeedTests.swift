import Jobs
import Ledger
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
    #expect(all.map(\.change) == [2, 3, 4])
    #expect(all.last?.job == (try await store.job("p1")))
    #expect(try await ids(store.reader.changes(after: 2, limit: 100)) == ["j1", "p1"])
    #expect(try await ids(store.reader.changes(after: 0, limit: 1)) == ["p2"])
    #expect(try await store.reader.changes(after: 4, limit: 100).isEmpty)
    #expect(try await store.reader.feedPosition().lastChange == 4)
  }

  @Test func `a deleted job is listed by its id`() async throws {
    let store = try OrderedStore()
    try store.deliver("a", of: "p1", .succeeded)
    try store.deliver("b", of: "p2", .running)
    #expect(try store.delete("p1")?.id == "p1")
    let all = try await store.reader.changes(after: 0, limit: 100)
    #expect(ids(all) == ["p2", "-p1"] && all.map(\.change) == [2, 3])
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
    store.advance(2 * OrderedStore.aWhile)
    let now = store.now
    try store.commit { (transaction) throws(StorageError) in
      _ = try transaction.prune(endedBefore: now, at: now, after: 0, count: 9)
    }
    #expect(try await ids(store.reader.changes(after: 1, limit: 9)) == ["-p1"])
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
    while cursor < (try await store.reader.feedPosition().lastChange) { try await follow() }
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
    try store.delete("p1")
    store.advance(1)
    try store.delete("p2")
    try store.deliver("x", of: "p4", .running)
    store.advance(OrderedStore.aWhile - 1)
    #expect(try await store.reader.feedPosition().oldestChange == 0)
    try sweep()
    // The tombstone of p1 has expired. A cursor before its change may have missed it.
    #expect(try await ids(store.reader.changes(after: 0, limit: 9)) == ["p3", "-p2", "p4"])
    #expect(try await store.reader.feedPosition().oldestChange == 4)
    store.advance(OrderedStore.aWhile)
    try sweep()
    // The newest tombstone stays, whatever its age.
    #expect(try await ids(store.reader.changes(after: 0, limit: 9)) == ["p3", "-p2", "p4"])
    try store.delete("p3")
    store.advance(OrderedStore.aWhile)
    try sweep()
    #expect(try await ids(store.reader.changes(after: 0, limit: 9)) == ["p4", "-p3"])
    #expect(try await store.reader.feedPosition().oldestChange == 5)
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
