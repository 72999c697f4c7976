import Jobs
import StoreSeam
import LiveDaemon
import PostgreSQL
import PostgreSQLSchema
import PostgreSQLServer
import StoreFixture
import Synchronization
import System
import Testing
import Time

@testable import PostgreSQLReads

/// How processes learn of each other's changes.
@Suite(.enabled(if: PostgreSQLServer.isAvailable)) struct FeedTests {
  /// A feed on its thread, and what it has reported.
  private final class Node: Sendable {
    let feed: PostgreSQLFeed
    private let box = StateBox()
    private let thread: Thread

    private final class StateBox: Sendable {
      let value = Mutex(State())
    }

    struct State {
      var changes: [CommittedChange] = []
      var isPooled: Bool?
      var polls = 0
      var failures = 0
      var heldBack = Duration.zero
      var isNeeded = true
    }

    init(_ url: String, isNeeded: Bool = true, _ configure: (inout FeedTiming) -> Void = { _ in }) throws {
      var timing = FeedTiming()
      configure(&timing)
      let box = box
      box.value.withLock { $0.isNeeded = isNeeded }
      let feed = try PostgreSQLFeed(
        to: ConnectionTarget(url: url), timing: timing,
        observer: FeedObserver(
          didChange: { changes in box.value.withLock { $0.changes += changes } },
          isNeeded: { box.value.withLock { $0.isNeeded } },
          isHeldBack: { duration in box.value.withLock { ($0.heldBack, $0.polls) = (duration, $0.polls + 1) }
          },
          connected: { isPooled in box.value.withLock { $0.isPooled = isPooled } },
          failed: { _ in box.value.withLock { $0.failures += 1 } }))
      self.feed = feed
      thread = try Thread(named: "feed") { feed.run() }
      try wait("the first poll") { self.now.polls > 0 }
    }

    var now: State { box.value.withLock { $0 } }

    func set(isNeeded: Bool) { box.value.withLock { $0.isNeeded = isNeeded } }

    func knows(_ change: Int64) -> Bool { now.changes.contains { $0.change == change } }

    deinit {
      feed.stop()
      thread.join()
    }
  }

  private static func insertChange(_ number: Int64, in backend: PostgreSQLBackend) throws {
    try backend.execute("INSERT INTO changes (change, job) VALUES (\(number), \(number))")
  }

  @Test func `a change is announced to other processes at once, and not to this one`() throws {
    let backend = try PostgreSQLBackend()
    // No poll finds it.
    let (one, other) = (
      try Node(backend.database.url, isNeeded: false) { $0.pollInterval = .seconds(600) },
      try Node(backend.database.url, isNeeded: false) { $0.pollInterval = .seconds(600) }
    )
    let change = CommittedChange(number: 5, id: "", change: 77, isDeleted: false)
    one.feed.note([change])
    try wait("the announcement") { other.knows(77) }
    one.feed.note([CommittedChange(number: 6, id: "", change: 78, isDeleted: true)])
    try wait("the second one") { other.knows(78) }
    #expect(other.now.changes == [change, CommittedChange(number: 6, id: "", change: 78, isDeleted: true)])
    #expect(one.now.changes.isEmpty)
  }

  @Test func `a change without an announcement is found by a poll`() throws {
    let backend = try PostgreSQLBackend()
    let node = try Node(backend.database.url) { $0.pollInterval = .milliseconds(20) }
    try Self.insertChange(5, in: backend)
    try backend.execute("INSERT INTO tombstones (change, job, id, expires_at) VALUES (6, 3, 'j3', 0)")
    try wait("the poll") { node.knows(5) && node.knows(6) }
    #expect(node.now.changes.last == CommittedChange(number: 3, id: "", change: 6, isDeleted: true))
  }

  /// The first poll after a subscription reports what was committed since the last one.
  @Test func `changes from before a subscription are reported to it`() throws {
    let backend = try PostgreSQLBackend()
    let node = try Node(backend.database.url, isNeeded: false) { $0.pollInterval = .milliseconds(300) }
    try Self.insertChange(5, in: backend)
    node.set(isNeeded: true)
    try Self.insertChange(6, in: backend)
    try wait("the poll") { node.knows(6) }
  }

  /// The number of a transaction that has begun earlier is smaller, and it may commit later.
  ///
  /// It needs a server of its own. The tests that share one wait on their threads until no transaction is
  /// open, and if they take all threads, this one cannot go on to its COMMIT.
  @Test func `a change is reported again once the feed is complete up to it`() async throws {
    let backend = try PostgreSQLBackend(on: PostgreSQLServer())
    let store = try OrderedStore(on: backend)
    let pool = try ReaderPool(to: ConnectionTarget(url: backend.database.url), named: "test")
    let reader = PostgreSQLReader(pool: pool, clock: DatabaseClock())
    let node = try Node(backend.database.url) { $0.pollInterval = .milliseconds(50) }
    let open = try backend.database.server.connect(to: backend.database.name)
    try open.script("BEGIN; SELECT pg_current_xact_id()", deadline: MonotonicClock.now + .seconds(30))
    try store.deliver("w1", of: "p1", .running)

    let record = try #require(try await reader.job("p1"))
    #expect(try await reader.changes(after: 0, limit: 10).isEmpty)
    #expect(try await reader.feedPosition().lastChange < record.change)
    try wait("the first report") { node.knows(record.change) }
    try wait("the delay to be noticed") { node.now.heldBack > .milliseconds(100) }

    let reports = node.now.changes.count
    try open.script("COMMIT", deadline: MonotonicClock.now + .seconds(30))
    try wait("the second report") { node.now.changes.count > reports }
    try wait("the end of the delay") { node.now.heldBack == .zero }
    // The server has transactions of its own, too.
    try backend.awaitFeed()
    #expect(try await reader.changes(after: 0, limit: 10).map(\.change) == [record.change])
    #expect(try await reader.feedPosition().lastChange == record.change)
  }

  @Test func `behind a pooler changes are found by polling`() throws {
    let backend = try PostgreSQLBackend()
    let pooler = try PgBouncerProxy(before: backend.database.server.port)
    let node = try Node(pooler.url(database: backend.database.name)) {
      $0.pooledPollInterval = .milliseconds(20)
    }
    #expect(node.now.isPooled == true)
    try Self.insertChange(5, in: backend)
    try wait("the poll") { node.knows(5) }
  }

  @Test func `changes that were committed while the connection was lost are reported`() throws {
    let backend = try PostgreSQLBackend()
    let relay = try TCPRelay(before: backend.database.server.port)
    let node = try Node(relay.url(database: backend.database.name)) { $0.pollInterval = .milliseconds(20) }
    try Self.insertChange(5, in: backend)
    try wait("the first change") { node.knows(5) }
    relay.cutAll()
    try Self.insertChange(6, in: backend)
    try wait("the second change") { node.knows(6) }
    #expect(node.now.failures > 0)
    #expect(node.now.changes.filter { $0.change == 5 }.count == 1)
  }

  /// More than one poll reads.
  @Test func `all changes of a large commit are reported`() throws {
    let backend = try PostgreSQLBackend()
    let node = try Node(backend.database.url) { $0.pollInterval = .milliseconds(20) }
    try backend.execute("INSERT INTO changes (change, job) SELECT n, n FROM generate_series(1, 2500) AS n")
    try wait("the last change") { node.knows(2500) }
    #expect(Set(node.now.changes.map(\.change)) == Set(1...2500))
  }
}
