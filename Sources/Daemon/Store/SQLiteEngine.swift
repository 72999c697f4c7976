internal import ChangeFeed
internal import GroupCommit
internal import StoreSeam
internal import Logging
internal import Observability
internal import SQLite
internal import SQLiteStore
internal import System

/// The store in one SQLite file: a writer's thread, and one that checkpoints.
final class SQLiteEngine: StoreEngine {
  private let path: String
  private let checkpointer: Checkpointer
  private let checkpoints = Counter(
    "replicate_webhookd_checkpoints_total", help: "Checkpoints of the WAL.")
  private let walSize = Gauge(
    "replicate_webhookd_wal_size_bytes", help: "Size of the WAL since its last reset, in bytes.")

  init(path: String, logger: Logger) {
    self.path = path
    checkpointer = Checkpointer(
      observer: CheckpointObserver(
        walSize: { [walSize] in walSize.set($0) }, succeeded: { [checkpoints] in checkpoints.add() },
        failed: { logger.log(.checkpointFailed(cause: "\($0)")) }))
  }

  var metrics: [any MetricFamily] { [checkpoints, walSize] }

  var location: LogFields { ["path": .text(DatabaseLock.absolutePath(of: path))] }

  func pendingMigrations() throws -> [String]? { try SQLiteStore.pendingMigrations(at: path) }

  func openStore(progress: @Sendable (_ migration: String) -> Void) throws -> sending any Store {
    var lock = try DatabaseLock(claiming: path)
    let store = try SQLiteStore(
      path: path, tables: Capabilities.tables, checkpointer: checkpointer, progress: progress)
    try lock.claimWAL()
    return store
  }

  func openReader() throws(StorageError) -> sending any StoreReader {
    try SQLiteReaders(path: path).openReader()
  }

  func startThreads(publishingTo feed: ChangeFeed) throws -> [Thread] {
    let connection = try DatabaseCheckpointer(path: path) { [checkpointer] in checkpointer.throttle() }
    return [try Thread(named: "checkpoint") { [checkpointer] in checkpointer.run(connection) }]
  }

  func close() { checkpointer.close() }
}

/// Opens the readers of a SQLite file.
struct SQLiteReaders: StoreReaders {
  let path: String
  /// How long readers wait for another process's lock, in milliseconds.
  var timeout: Int32 = 1000

  func openReader() throws(StorageError) -> sending any StoreReader {
    do throws(DatabaseError) {
      return try SQLiteReader(path: path, busyTimeout: timeout)
    } catch {
      throw StorageError(error)
    }
  }
}
