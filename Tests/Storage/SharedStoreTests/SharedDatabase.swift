import Jobs
import Ledger
import StoreSeam
import PostgreSQL
import PostgreSQLServer
import PostgreSQLStore
import StoreFixture
import Synchronization
import System
import Tables
import Testing
import Time

/// A database that several nodes write.
///
/// Its server is that of these suites alone: open transactions hold back the feeds of all its databases.
final class SharedDatabase {
  let backend: PostgreSQLBackend
  let reader: any StoreReader
  var url: String { backend.database.url }

  private static let servers = Mutex<PostgreSQLServer?>(nil)

  /// - Parameter server: nil for the one that these suites share.
  init(on server: PostgreSQLServer? = nil) throws {
    backend = try PostgreSQLBackend(
      on: try server
        ?? Self.servers.withLock { shared in
          if let shared { return shared }
          let started = try PostgreSQLServer()
          shared = started
          return started
        })
    reader = try backend.openReader()
  }

  func node(_ name: String = "node", tables: [TableDeclaration] = []) -> Node {
    Node(url: url, name: name, tables: tables)
  }

  /// The states of the backends that are in a transaction of a node.
  func waits() throws -> [String] {
    let rows = try backend.run(
      """
      SELECT coalesce(wait_event, state) FROM pg_stat_activity
      WHERE datname = current_database() AND application_name = 'test store' AND xact_start IS NOT NULL
      """)
    return (0..<rows.count).compactMap { rows.text($0, 0) }
  }

  /// Everything that is wrong with the rows.
  func strayRows() throws -> [String] { try backend.tablesWithStrayRows() }
}

/// One process that writes.
struct Node: Sendable {
  let url: String
  let name: String
  var tables: [TableDeclaration] = []
  var hold = PostgreSQLOptions.hold
  /// The difference of its clock to the real one, in milliseconds.
  var clockError: Int64 = 0

  func store(_ observer: any StoreObserver = NoStoreObserver()) throws -> PostgreSQLStore {
    var options = try PostgreSQLBackend.options(url, tables: tables)
    options.hold = hold
    let clockError = clockError
    options.now = { Timestamp(milliseconds: WallClock.milliseconds + clockError) }
    return try PostgreSQLStore(options, observer: observer)
  }

  func ledger(
    _ observer: any StoreObserver = NoStoreObserver(), hooks: [any TransactionHook] = []
  ) throws -> Ledger {
    Ledger(
      store: try store(observer),
      rules: LedgerRules(polling: PollPolicy(timeout: 900_000, firstPoll: 30_000), owner: name),
      hooks: hooks)
  }
}

/// Runs `body` on so many threads at once, and returns what each returned.
func concurrently<Value: Sendable>(
  _ count: Int, _ body: @escaping @Sendable (Int) throws -> Value
) throws -> [Value] {
  let results = (0..<count).map { _ in OneShot<Result<Value, any Error>>() }
  for index in 0..<count {
    _ = try Thread(named: "node \(index)") { results[index].set(Result { try body(index) }) }
  }
  return try results.map { try $0.wait().get() }
}

/// Something that one thread starts and another finishes.
final class Gate: Sendable {
  private let shot = OneShot<Void>()

  func open() { shot.set(()) }

  struct Closed: Error {}

  func wait() throws { if shot.wait(timeout: .seconds(30)) == nil { throw Closed() } }
}

/// Waits until `condition` is true, at most half a minute.
func eventually(_ what: String, _ condition: () throws -> Bool) throws {
  let end = MonotonicClock.now + .seconds(30)
  while try !condition() {
    try #require(MonotonicClock.now < end, "waited for: \(what)")
  }
}

/// Counts what a store reports.
final class Observations: StoreObserver {
  private let counts = Mutex<[String: Int]>([:])

  subscript(_ name: String) -> Int { counts.withLock { $0[name] ?? 0 } }

  private func count(_ name: String) { counts.withLock { $0[name, default: 0] += 1 } }

  func connected(durability: CommitDurability) { count("connected") }
  func reconnecting(cause: String) { count("reconnecting") }
  func retried(_ reason: CommitRetry) { count(reason.rawValue) }
  func settled(_ outcome: InDoubtOutcome) { count(outcome.rawValue) }
}
