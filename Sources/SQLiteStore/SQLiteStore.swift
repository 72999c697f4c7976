internal import Crypto
package import StoreSeam
package import Tables
package import SQLite
internal import SQLiteSchema

/// The store in one SQLite file: the only connection that writes it.
package final class SQLiteStore {
  private let database: DatabaseWriter
  private let rows: SQLiteRows
  private let writes: SQLiteWrites
  private let checkpointer: Checkpointer
  private let maxWALPages: Int
  /// The WAL's size at the last request of a checkpoint. The next one is due after as much growth again.
  private var pagesAtLastCheckpoint = 0

  /// Pages in the WAL from which the writer makes the checkpoint itself: 256 MiB.
  ///
  /// Everybody waits meanwhile. Where the checkpointer falls behind, the WAL would otherwise fill the disk.
  static let maxWALPages = 16 * Checkpointer.checkpointThresholdPages

  /// The names of rows in the table of keys.
  static let epochKey = "epoch"
  static let oldestChangeKey = "oldest_change"

  /// Opens or creates the database at `path`, and migrates it.
  ///
  /// - Parameters:
  ///   - busyTimeout: how long to wait for another process's lock, in milliseconds.
  ///   - tables: the tables that capabilities declare.
  ///   - checkpointer: makes the checkpoints that the growth of the WAL requires.
  ///   - newEpoch: random bytes that become the epoch of a new file, or of a restored backup.
  ///   - progress: receives the name of each migration before it runs.
  package init(
    path: String, busyTimeout: Int32 = 5000, tables declarations: [TableDeclaration] = [],
    newEpoch: [UInt8] = RandomBytes.make(epochSize),
    checkpointer: Checkpointer = Checkpointer(), maxWALPages: Int = SQLiteStore.maxWALPages,
    progress: (_ migration: String) -> Void = { _ in }
  ) throws(DatabaseError) {
    self.checkpointer = checkpointer
    self.maxWALPages = maxWALPages
    database = try DatabaseWriter(
      path: path, busyTimeout: busyTimeout, migrations: Schema.migrations, progress: progress)
    let tables = CapabilityStatements(database.connection)
    rows = SQLiteRows(database.connection, tables: tables)
    writes = SQLiteWrites(database.connection, rows: rows, tables: tables)
    try database.commit { () throws(DatabaseError) in
      try tables.create(declarations)
      try Self.renewEpoch(database.connection, newEpoch)
    }
  }

  /// The names of the migrations that the database at `path` lacks. Nil where there is no database yet.
  package static func pendingMigrations(at path: String) throws(DatabaseError) -> [String]? {
    guard try DatabaseLock.examine(path) else { return nil }
    return try Schema.migrations.pending(Connection(path: path, access: .read, busyTimeout: 1000))
  }

  /// A connection that reads all rows of the database at `path`, which has this version's schema.
  package static func connectionForExport(path: String) throws(DatabaseError) -> Connection {
    let connection = try Connection(path: path, access: .read, busyTimeout: 1000)
    try Schema.migrations.requireCurrent(connection)
    return connection
  }

  /// The size of an epoch in bytes.
  package static let epochSize = 6

  /// Stores a new epoch where the file has an empty one, or is a restored backup.
  ///
  /// What a cursor of another copy would find missing is not known. A migration stores an empty epoch, so a
  /// file without one is damaged, or was read as zeros: a write would make that permanent.
  private static func renewEpoch(_ connection: Connection, _ newEpoch: [UInt8]) throws(DatabaseError) {
    let exists = "SELECT count(*) FROM keys WHERE name ="
    guard try connection.integer("\(exists) '\(epochKey)'") == 1 else { throw .foreignRow }
    let hasEpoch = try connection.integer("\(exists) '\(epochKey)' AND value <> x''") == 1
    let isCopy = try connection.integer("\(exists) '\(StoreKey.backupMarker)'") == 1
    guard isCopy || !hasEpoch else { return }
    let epoch = Statement("INSERT OR REPLACE INTO keys (name, value) VALUES (?1, ?2)", on: connection)
    try epoch.bind(1, epochKey)
    try epoch.bind(2, copying: newEpoch)
    try epoch.run()
  }
}

// MARK: - Checkpoints

extension SQLiteStore {
  /// The number of pages in the WAL after the last commit.
  package var walPages: Int { database.walPages }

  /// Requests or makes a checkpoint if one is due.
  package func maintain() throws(StorageError) {
    let pages = database.walPages
    checkpointer.observer.walSize(database.walBytes)
    checkpointer.noteWAL(pages: pages)
    // The WAL was reset.
    if pages < pagesAtLastCheckpoint { pagesAtLastCheckpoint = 0 }
    let shouldFinish = checkpointer.consumeFinishRequest()
    guard shouldFinish || pages - pagesAtLastCheckpoint >= Checkpointer.checkpointThresholdPages else {
      return
    }
    pagesAtLastCheckpoint = pages
    guard shouldFinish || pages >= maxWALPages else { return checkpointer.request() }
    try converting { () throws(DatabaseError) in _ = try checkpoint() }
    checkpointer.observer.succeeded()
  }

  /// Runs a PASSIVE checkpoint on the writer's connection.
  func checkpoint() throws(DatabaseError) -> CheckpointResult {
    try checkpointer.withCheckpointLock { () throws(DatabaseError) in try database.checkpoint() }
  }

  /// Runs a TRUNCATE checkpoint, which copies all pages and empties the WAL.
  ///
  /// Call it at a graceful shutdown, after the last reader.
  package func finish() throws(StorageError) {
    try converting { () throws(DatabaseError) in
      try checkpointer.withCheckpointLock { () throws(DatabaseError) in try database.checkpointAndTruncate() }
    }
  }
}

extension SQLiteStore: Store {
  /// The lock of its file keeps other processes from writing it.
  package var isShared: Bool { false }

  package func commit(
    reading keys: () -> LedgerKeys, _ decide: (any StoredRows) throws(StorageError) -> WriteSet
  ) throws(StorageError) -> [CommittedChange] {
    var refusal: StorageError?
    do throws(DatabaseError) {
      return try database.commit { () throws(DatabaseError) in
        let decided: WriteSet
        do throws(StorageError) {
          decided = try decide(rows)
        } catch {
          refusal = error
          throw .foreignRow
        }
        return try writes.apply(decided)
      }
    } catch {
      rows.forgetCounts()
      throw refusal ?? StorageError(error)
    }
  }

  package func probe(room: Int) throws(StorageError) {
    try converting { () throws(DatabaseError) in
      try database.probe(dryRun: room > 0 ? Self.dryRunSQL(bytes: room) : nil)
    }
  }

  /// SQL that inserts `room` bytes, for a dry run.
  ///
  /// A single page often fits even on a full disk, into the space that a failed commit left in the WAL. The
  /// bytes are random, because zeros take no space on a compressing file system.
  private static func dryRunSQL(bytes room: Int) -> String {
    """
    INSERT OR REPLACE INTO jobs (prediction_id, phase, is_verdict, updated_at, heard_at, polls, ended_unheard,
      attempt, revision, logs_size, output_size, body)
    VALUES ('', '', 0, 0, 0, 0, 0, 0, 0, 0, 0, randomblob(\(room)));
    INSERT OR REPLACE INTO deliveries (job, position, webhook_id, source, is_repeat, digest, received_at,
      provider_status, outcome, phase, revision)
    VALUES (0, 0, '', '', 0, x'', 0, '', '', '', 0)
    """
  }
}
