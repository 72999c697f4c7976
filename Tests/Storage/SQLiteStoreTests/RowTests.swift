import Ledger
import Jobs
import StoreSeam
import SQLiteStore
import StoreFixture
import Testing
import Time

/// What is left in the file, row by row.
@Suite struct RowTests {
  private let backend: SQLiteBackend
  private let store: OrderedStore

  init() throws {
    backend = try SQLiteBackend()
    store = try OrderedStore(on: backend)
  }

  private func count(of table: String) throws -> String? {
    try SQLiteShell.run("SELECT count(*) FROM \(table)", on: backend.path).first
  }

  private func reader() throws -> SQLiteReader { try SQLiteReader(path: backend.path) }

  @Test func `a pruned job leaves no rows`() throws {
    let step = try store.send("j1", retries: 1)
    try store.deliver("a", .failed, naming: "j1", error: interruption)
    store.advance(2000)
    _ = try store.step()
    try store.report(step.order.number, of: "p2", .succeeded)
    try store.deliver("open", of: "p3", .running)
    try store.place("queued")
    store.advance(OrderedStore.aWhile)
    try store.deliver("young", of: "p4", .succeeded)
    store.advance(1)
    let (limit, now) = (store.now.advanced(byMilliseconds: -OrderedStore.aWhile), store.now)
    let pruned = try store.commit { (transaction) throws(StorageError) in
      try transaction.prune(endedBefore: limit, at: now, after: 0, count: 100)
    }
    #expect(pruned.deleted == 1)
    let counts = [
      ("jobs", "3"), ("changes", "3"), ("deliveries", "2"), ("orders", "1"), ("attempts", "0"), ("work", "2"),
    ]
    for (table, expected) in counts { #expect(try count(of: table) == expected, "\(table)") }
    #expect(try reader().damage() == nil && reader().jobCount() == 3)
  }

  @Test func `a merged orphan leaves no order`() throws {
    let step = try store.send("j1")
    try store.deliver("a", .running)
    _ = try store.cancel("p1")
    try store.report(step.order.number, .pending)
    #expect(try count(of: "orders") == "1")
    #expect(try reader().damage() == nil)
  }

  /// No document shows it, because the job was not created here.
  @Test func `the cancel request of an ended job has ended`() throws {
    try store.deliver("a", .running)
    _ = try store.cancel("p1")
    _ = try store.step()
    try store.deliver("b", .canceled)
    store.advance(OrderedStore.aWhile)
    #expect(try store.steps().isEmpty)
    #expect(try SQLiteShell.run("SELECT stage FROM orders", on: backend.path) == ["ended"])
    #expect(try count(of: "work") == "0")
  }

  @Test func `a job without a snapshot has no damaged body`() throws {
    try store.place("j1")
    #expect(try reader().damagedBodies { _ in [] }.count == 0)
    try store.deliver("a", .running)
    let damaged = try reader().damagedBodies { _ in [] }
    #expect(damaged.count == 1 && damaged.first == "p1")
  }

  /// A statement that fails leaves nothing of its transaction.
  @Test func `a failed write rolls everything back`() throws {
    try SQLiteShell.run(
      """
      CREATE TRIGGER poison BEFORE INSERT ON deliveries WHEN NEW.webhook_id = 'poison'
      BEGIN SELECT RAISE(ABORT, 'poisoned'); END
      """, on: backend.path)
    let good = Sample.delivery("good", of: "p1", "starting", .pending)
    let bad = Sample.delivery("poison", of: "p2", "starting", .pending)
    #expect(throws: StorageError.self) { try store.ledger.commit([good, bad]) }
    #expect(try reader().jobCount() == 0)
    // The connection is usable again at once.
    #expect(try store.ledger.commit([good])[0].outcome == .applied)
    #expect(try reader().jobCount() == 1)
  }

  /// An orphan that is created and merged between two reads leaves a gap in the numbers, and no rows.
  @Test func `a signed end that merges an orphan leaves a sound file`() throws {
    try store.end(try store.send("j1"), code: "answer_lost")
    try store.deliver("a", .running)
    try store.deliver("c", .succeeded, naming: "j1")
    #expect(try reader().jobCount() == 1 && reader().damage() == nil)
    #expect(try count(of: "deliveries") == "3")
  }
}
