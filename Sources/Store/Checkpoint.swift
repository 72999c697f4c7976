internal import CSQLite

/// How much of the write-ahead log there is, and how much of it the database already has, in pages.
package struct CheckpointResult: Equatable, Sendable {
  package let logPages: Int
  package let movedPages: Int

  /// Pages that only the log has.
  package var pendingPages: Int { max(0, logPages - movedPages) }
}

extension Connection {
  func checkpoint(_ mode: Int32) throws(StoreError) -> CheckpointResult {
    var logPages: Int32 = 0
    var movedPages: Int32 = 0
    let code = sqlite3_wal_checkpoint_v2(handle, nil, mode, &logPages, &movedPages)
    // https://www.sqlite.org/c3ref/wal_checkpoint_v2.html: busy means that a reader or another checkpoint kept some
    // pages back. They are moved next time.
    if code & 0xFF != SQLITE_BUSY { try check(code) }
    return CheckpointResult(logPages: Int(max(0, logPages)), movedPages: Int(max(0, movedPages)))
  }

  /// Lets no commit move the log into the database by itself.
  func leaveLogAlone() throws(StoreError) {
    // https://www.sqlite.org/c3ref/wal_autocheckpoint.html
    try check(sqlite3_wal_autocheckpoint(handle, 0))
  }
}

/// A connection that only moves pages from the log into the database, on a thread where nobody waits for it.
package final class StoreCheckpointer {
  private let connection: Connection

  /// - Parameter rest: called between pages that are moved, each time a few of them were: for whoever should not keep others
  ///   from their work.
  package init(path: String, rest: (@Sendable () -> Void)? = nil) throws(StoreError) {
    connection = try Connection(path: path, access: .create, busyTimeout: 0)
    try connection.leaveLogAlone()
    // A connection that has read nothing does not know yet that there is a log, and would find nothing to move. To ask for the
    // journal's mode would parse the whole schema, which takes longer than all the rest, and which moving pages never needs.
    // Without a log there is no file: a rollback journal is open only while something is written.
    guard try connection.integer("PRAGMA schema_version") > 0, connection.logFile != nil else {
      throw .cannotOpen("it has no write-ahead log")
    }
    try connection.rememberFiles()
    if let rest { try PacedWrites.attachToDatabase(of: connection, rest) }
  }

  package func checkpoint() throws(StoreError) -> CheckpointResult {
    try connection.checkpoint(SQLITE_CHECKPOINT_PASSIVE)
  }

  /// SQLite syncs the database with the checkpoint that moves the last of the log alone: that one has then to wait for little.
  package func syncDatabase() throws(StoreError) {
    try connection.syncDatabase()
  }
}

/// How many pages the write-ahead log of a connection had after its last commit.
final class LogSize {
  private(set) var pages = 0

  /// Must live as long as `connection` commits.
  func follow(_ connection: Connection) {
    // https://www.sqlite.org/c3ref/wal_hook.html: called after each commit, with the number of pages in the log.
    _ = sqlite3_wal_hook(
      connection.handle,
      { context, _, _, pages in
        guard let context else { return SQLITE_OK }
        Unmanaged<LogSize>.fromOpaque(context).takeUnretainedValue().pages = Int(pages)
        return SQLITE_OK
      }, Unmanaged.passUnretained(self).toOpaque())
  }
}
