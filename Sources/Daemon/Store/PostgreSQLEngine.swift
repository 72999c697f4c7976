#if PostgreSQL
  internal import ChangeFeed
  internal import Crypto
  internal import Ledger
  internal import Logging
  internal import Observability
  internal import PostgreSQL
  internal import PostgreSQLReads
  internal import PostgreSQLReports
  internal import PostgreSQLSchema
  internal import PostgreSQLStore
  internal import StoreSeam
  internal import System
  internal import Time

  /// The store in a PostgreSQL database: writers, a pool of readers, and the feed between the daemons.
  final class PostgreSQLEngine: StoreEngine {
    private let options: PostgreSQLOptions
    private let report: PostgreSQLReport
    private let stopping = StopSignal()
    private let pool = Lock<ReaderPool?>(nil)
    private let feed = Lock<PostgreSQLFeed?>(nil)

    /// Threads that read, each with a connection.
    private static let readers = 4

    init(_ options: PostgreSQLOptions, logger: Logger) {
      self.options = options
      report = PostgreSQLReport(logger: logger)
    }

    var location: LogFields {
      ["database": .text(options.target.description), "commits_reach": .text(report.durability)]
    }

    /// Across a network a second writer commits while the first one waits for its round trips.
    var writerCount: Int { options.target.isLocal ? 1 : 2 }

    var metrics: [any MetricFamily] { report.metrics }

    func pendingMigrations() throws -> [String]? { try PostgreSQLStore.pendingMigrations(options) }

    /// Examines the server and the store, and changes nothing.
    func examine() throws(StorageError) -> StoreExamination { try PostgreSQLStore.examine(options) }

    /// Creates or migrates the schema, also where a move has begun.
    func migrate() throws(StorageError) { try PostgreSQLStore.migrate(options) }

    func openStore(progress: @Sendable (_ migration: String) -> Void) throws -> sending any Store {
      do throws(StorageError) {
        return try PostgreSQLStore(options, observer: report, stop: stopping, progress: progress)
      } catch {
        throw startError(of: error)
      }
    }

    func startError(of error: StorageError) -> StartError { StartError(ofServer: error) }

    func openReader() throws(StorageError) -> sending any StoreReader {
      do throws(PostgreSQLError) {
        return PostgreSQLReader(pool: try sharedPool(), clock: options.clock)
      } catch {
        throw StorageError(error)
      }
    }

    private func sharedPool() throws(PostgreSQLError) -> ReaderPool {
      try pool.withLock { (pool) throws(PostgreSQLError) in
        if let pool { return pool }
        let made = try ReaderPool(
          to: options.target, named: options.applicationName, threads: Self.readers)
        pool = made
        return made
      }
    }

    func startThreads(publishingTo feed: ChangeFeed) throws -> [Thread] {
      let report = report
      let shared = try PostgreSQLFeed(
        to: options.target,
        observer: FeedObserver(
          didChange: feed.publish, isNeeded: { feed.hasSubscriptions },
          isHeldBack: { report.feedIsHeldBack(for: $0) }))
      self.feed.withLock { $0 = shared }
      return [try Thread(named: "feed") { shared.run() }]
    }

    func noteCommitted(_ changes: [CommittedChange]) { feed.withLock(\.self)?.note(changes) }

    func abandonWaits() { stopping.raise() }

    func close() {
      feed.withLock(\.self)?.stop()
      pool.withLock(\.self)?.stop()
    }
  }

  extension StartError {
    /// An error of a server, which a later start may not meet.
    init(ofServer error: StorageError) {
      self = if case .unavailable(let text) = error { .serverUnavailable(text) } else { .store(error) }
    }
  }
#endif
