import EventLoop
import Jobs
import Ledger
import StoreSeam
import Samples
import StoreFixture
import Testing

@testable import ChangeFeed
@testable import Time

/// A store, its reader, and shorthands for what changes jobs.
private final class FeedStore {
  private let backend: any StoreBackend
  private let ledger: Ledger
  let reader: any StoreReader

  init() throws {
    backend = try StoreKind.current.makeBackend(isDurable: false)
    ledger = Ledger(store: try backend.open(tables: []))
    reader = try backend.openReader()
  }

  var pages: FeedReader { FeedReader(reader) }

  func enqueue(_ id: String) throws {
    let order = Order(
      id: id, idempotencyKey: nil, digest: .repeating(1), request: [], model: nil,
      createdAt: Timestamp(milliseconds: 1000), timeout: nil, retries: 0)
    try ledger.commit { (transaction) throws(StorageError) in _ = try transaction.enqueue(order) }
  }

  func end(_ prediction: String, at moment: Int64 = 1000, naming job: String? = nil) throws {
    _ = try ledger.commit([
      Delivery(
        webhookID: "delivery-of-\(prediction)-\(moment)", receivedAt: Timestamp(milliseconds: moment),
        snapshot: Snapshot(
          predictionID: prediction, providerStatus: "succeeded", phase: .succeeded,
          evidence: Evidence(logsSize: 0, outputSize: 0, digest: .repeating(1))),
        body: Array("{}".utf8), namedJob: job)
    ])
  }

  func delete(_ id: String, tombstoneUntil moment: Int64) throws {
    try ledger.commit { (transaction) throws(StorageError) in
      _ = try transaction.deleteJob(id, tombstoneUntil: Timestamp(milliseconds: moment))
    }
  }

  func deleteTombstones(at moment: Int64) throws {
    try ledger.commit { (transaction) throws(StorageError) in
      _ = try transaction.prune(
        endedBefore: Timestamp(milliseconds: 0), at: Timestamp(milliseconds: moment), after: 0, count: 1)
    }
  }
}

@Suite(.everyStore) struct FeedReaderTests {
  @Test func `pages list every job once, in the order of the changes`() async throws {
    let store = try FeedStore()
    for id in ["a", "b", "c"] { try store.end(id) }
    try store.delete("a", tombstoneUntil: 10_000)
    let first = try await store.pages.page(after: nil, limit: 2)
    #expect(first.entries.map(\.id) == ["b", "c"])
    #expect(first.hasMore)
    let second = try await store.pages.page(after: first.next, limit: 2)
    #expect(second.entries.map(\.id) == ["a"])
    #expect(second.entries.allSatisfy { $0.job == nil })
    #expect(!second.hasMore)
    let third = try await store.pages.page(after: second.next, limit: 2)
    #expect(third.entries.isEmpty)
    #expect(third.next == second.next)
    #expect(try await store.pages.end() == second.next)
  }

  @Test func `a cursor from before a deleted tombstone is too old`() async throws {
    let store = try FeedStore()
    for id in ["a", "b", "c"] { try store.end(id) }
    let cursor = try await store.pages.end()
    for id in ["a", "b"] { try store.delete(id, tombstoneUntil: 10_000) }
    let late = try await store.pages.page(after: cursor, limit: 1).next
    try store.deleteTombstones(at: 10_001)
    await #expect(throws: FeedFailure.refused(.tooOld)) {
      _ = try await store.pages.page(after: cursor, limit: 10)
    }
    #expect(try await store.pages.page(after: late, limit: 10).entries.map(\.id) == ["b"])
  }

  @Test func `the age of a cursor is right when tombstones expire in another order`() async throws {
    let store = try FeedStore()
    for id in ["a", "b", "c"] { try store.end(id) }
    let cursor = try await store.pages.end()
    try store.delete("a", tombstoneUntil: 20_000)
    let middle = try await store.pages.end()
    for id in ["b", "c"] { try store.delete(id, tombstoneUntil: id == "b" ? 10_000 : 30_000) }
    for moment in [10_001, 20_001] as [Int64] {
      try store.deleteTombstones(at: moment)
      for known in [cursor, middle] {
        await #expect(throws: FeedFailure.refused(.tooOld)) {
          _ = try await store.pages.page(after: known, limit: 10)
        }
      }
    }
  }

  @Test func `an orphan that is merged late leaves its tombstone for an hour`() async throws {
    let store = try FeedStore()
    try store.enqueue("job")
    try store.end("orphan")
    let cursor = try await store.pages.end()
    try store.end("orphan", at: 100_000_000, naming: "job")
    try store.end("other")
    try store.delete("other", tombstoneUntil: 200_000_000)
    try store.deleteTombstones(at: 103_599_999)
    #expect(
      try await store.pages.page(after: cursor, limit: 10).entries.map(\.id) == ["orphan", "job", "other"])
    try store.deleteTombstones(at: 103_600_000)
    await #expect(throws: FeedFailure.refused(.tooOld)) {
      _ = try await store.pages.page(after: cursor, limit: 10)
    }
  }

  /// Without the start in the cursor, no first pass over several pages would end once tombstones expire.
  @Test func `a first pass needs no tombstones of jobs that it never saw`() async throws {
    let store = try FeedStore()
    for id in ["a", "b", "c", "d", "e"] { try store.end(id) }
    for id in ["c", "d"] { try store.delete(id, tombstoneUntil: 10_000) }
    try store.deleteTombstones(at: 10_001)
    let first = try await store.pages.page(after: nil, limit: 1)
    #expect(first.entries.map(\.id) == ["a"])
    let cursor: Cursor = try #require(Cursor(first.next.text))
    let second = try await store.pages.page(after: cursor, limit: 10)
    #expect(second.entries.map(\.id) == ["b", "e", "d"])
  }

  @Test func `a first pass is refused when a job that it saw was deleted without trace`() async throws {
    let store = try FeedStore()
    for id in ["a", "b"] { try store.end(id) }
    let first = try await store.pages.page(after: nil, limit: 1)
    for id in ["a", "b"] { try store.delete(id, tombstoneUntil: 10_000) }
    try store.deleteTombstones(at: 10_001)
    await #expect(throws: FeedFailure.refused(.tooOld)) {
      _ = try await store.pages.page(after: first.next, limit: 10)
    }
  }

  @Test func `cursors of another store and of the future are refused`() async throws {
    let store = try FeedStore()
    try store.end("a")
    let other = try FeedStore()
    try other.end("a")
    let cursor = try await other.pages.end()
    await #expect(throws: FeedFailure.refused(.otherStore)) {
      _ = try await store.pages.page(after: cursor, limit: 10)
    }
    let end = try await store.pages.end()
    await #expect(throws: FeedFailure.refused(.inFuture)) {
      _ = try await store.pages.page(
        after: Cursor(number: .max, epoch: end.epoch, start: 0), limit: 10)
    }
  }
}
