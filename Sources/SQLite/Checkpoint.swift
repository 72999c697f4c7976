internal import CSQLite

/// The pages in the WAL, and how many of them are checkpointed.
package struct CheckpointResult: Equatable, Sendable {
  package let walPages: Int
  package let checkpointedPages: Int

  /// WAL pages that are not checkpointed yet.
  package var pendingPages: Int { max(0, walPages - checkpointedPages) }
}

extension Connection {
  /// Runs `sqlite3_wal_checkpoint_v2` in `mode`.
  func checkpoint(_ mode: Int32) throws(DatabaseError) -> CheckpointResult {
    var walPages: Int32 = 0
    var checkpointedPages: Int32 = 0
    let code = sqlite3_wal_checkpoint_v2(handle, nil, mode, &walPages, &checkpointedPages)
    // https://www.sqlite.org/c3ref/wal_checkpoint_v2.html: SQLITE_BUSY means that a reader or another
    // checkpoint held some pages back. The next checkpoint copies them.
    if code & 0xFF != SQLITE_BUSY { try check(code) }
    return CheckpointResult(
      walPages: Int(max(0, walPages)), checkpointedPages: Int(max(0, checkpointedPages)))
  }

  /// Disables the automatic checkpoint that SQLite runs inside a commit.
  func disableAutoCheckpoint() throws(DatabaseError) {
    // https://www.sqlite.org/c3ref/wal_autocheckpoint.html
    try check(sqlite3_wal_autocheckpoint(handle, 0))
  }
}

/// A connection used only for background WAL checkpoints.
package final class DatabaseCheckpointer {
  private let connection: Connection

  /// Opens the database at `path`, which must be in WAL mode.
  ///
  /// - Parameter throttle: called after every few pages that a checkpoint copies. It may block, to yield the
  ///   processor and the disk to other threads.
  package init(path: String, throttle: (@Sendable () -> Void)? = nil) throws(DatabaseError) {
    connection = try Connection(path: path, access: .create, busyTimeout: 0)
    try connection.disableAutoCheckpoint()
    // A connection that has read nothing has not opened the WAL, and would find nothing to checkpoint.
    // Querying `journal_mode` would parse the whole schema, which takes longer than everything else here and
    // which a checkpoint never needs. Without a WAL there is no file, because a rollback journal is open only
    // during a write.
    guard try connection.integer("PRAGMA schema_version") > 0, connection.walFile != nil else {
      throw .cannotOpen("it has no write-ahead log")
    }
    try connection.rememberFiles()
    if let throttle { try ThrottledWrites.attachToDatabase(of: connection, throttle) }
  }

  /// Runs a PASSIVE checkpoint, which waits neither for readers nor for the writer.
  package func checkpoint() throws(DatabaseError) -> CheckpointResult {
    try connection.checkpoint(SQLITE_CHECKPOINT_PASSIVE)
  }

  /// Syncs the database file.
  ///
  /// SQLite syncs it only in the checkpoint that copies the last WAL page. That checkpoint is fast if most
  /// pages are synced before.
  package func syncDatabase() throws(DatabaseError) {
    try connection.syncDatabase()
  }
}

/// The number of pages in the WAL after a connection's last commit.
final class WALSize {
  private(set) var pages = 0

  /// Registers a WAL hook on `connection`. The object must outlive the connection's last commit.
  func follow(_ connection: Connection) {
    // https://www.sqlite.org/c3ref/wal_hook.html: called after each commit with the number of pages in the
    // WAL.
    _ = sqlite3_wal_hook(
      connection.handle,
      { context, _, _, pages in
        guard let context else { return SQLITE_OK }
        Unmanaged<WALSize>.fromOpaque(context).takeUnretainedValue().pages = Int(pages)
        return SQLITE_OK
      }, Unmanaged.passUnretained(self).toOpaque())
  }
}
