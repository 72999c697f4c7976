internal import ChangeFeed
internal import StoreSeam
internal import Logging
internal import Observability
internal import System

/// Opens the readers of one store.
protocol StoreReaders: Sendable {
  /// Opens a reader, for one loop or thread.
  func openReader() throws(StorageError) -> sending any StoreReader
}

/// A kind of store: how it is opened, and what runs beside its writers.
///
/// ``RunningStore`` is the same over all of them.
protocol StoreEngine: StoreReaders {
  /// Where the store is, without a user or a password.
  var location: LogFields { get }
  /// How many threads commit, each with a store of its own.
  var writerCount: Int { get }
  /// The metrics that only this engine has.
  var metrics: [any MetricFamily] { get }

  /// The names of the migrations that the database lacks. Nil where it holds no store yet.
  func pendingMigrations() throws -> [String]?
  /// Opens a store to write with. The first call claims, creates and migrates the database.
  ///
  /// - Parameter progress: receives the name of each migration before it runs.
  func openStore(progress: @Sendable (_ migration: String) -> Void) throws -> sending any Store
  /// Why a start fails whose first writes have failed.
  func startError(of error: StorageError) -> StartError
  /// Starts the engine's own threads.
  ///
  /// - Parameter feed: receives what other processes commit.
  func startThreads(publishingTo feed: ChangeFeed) throws -> [Thread]
  /// Receives what a writer has committed and published. Called on the writer's thread.
  func noteCommitted(_ changes: [CommittedChange])
  /// Ends the waits of writers for a store that does not answer. Their queue is closed.
  func abandonWaits()
  /// Ends the engine's own threads, after the writers.
  func close()
}

extension StoreEngine {
  var writerCount: Int { 1 }
  func startError(of error: StorageError) -> StartError { .store(error) }
  func noteCommitted(_ changes: [CommittedChange]) {}
  func abandonWaits() {}
}

/// The engine of the database that the settings name. Nothing is opened.
enum StoreEngines {
  static func make(for settings: DatabaseSettings, logger: Logger) throws(StartError) -> any StoreEngine {
    switch settings.location {
    case .sqlite(let path): SQLiteEngine(path: path, logger: logger)
    case .postgreSQL(let url):
      try PostgreSQLSupport.engine(
        url, requiresStandby: settings.requiresStandby, logger: logger)
    }
  }
}
