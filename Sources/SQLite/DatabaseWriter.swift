internal import CSQLite
internal import System

/// The only connection that writes a database. Each commit is durable.
@usableFromInline package final class DatabaseWriter {
  @usableFromInline package let connection: Connection
  private let walSize = WALSize()
  private let pageSize: Int
  private let applicationID: Int

  /// Opens or creates the database at `path` in WAL mode, and migrates it.
  ///
  /// - Parameters:
  ///   - busyTimeout: how long to wait for another process's lock, in milliseconds.
  ///   - progress: receives the name of each migration before it runs.
  package init(
    path: String, busyTimeout: Int32, migrations: Migrations, progress: (_ migration: String) -> Void
  ) throws(DatabaseError) {
    // SQLite creates the WAL and the shared-memory file with the permissions of the database
    // (https://www.sqlite.org/wal.html), so only the database itself must be created like this.
    let connection = try PrivateFile.creating { () throws(DatabaseError) in
      try Connection(path: path, access: .create, busyTimeout: busyTimeout)
    }
    // In WAL mode readers never wait for the writer, and a commit is one append
    // (https://www.sqlite.org/wal.html).
    guard try connection.text("PRAGMA journal_mode = WAL") == "wal" else {
      throw .cannotOpen("its file system cannot hold a write-ahead log")
    }
    // https://www.sqlite.org/pragma.html#pragma_synchronous: with FULL the WAL is synced after each commit.
    // Promise 1.
    try connection.execute("PRAGMA synchronous = FULL")
    // What is deleted is overwritten, as Debian's SQLite does by default. FAST would keep whole pages of
    // bodies (https://www.sqlite.org/pragma.html#pragma_secure_delete).
    try connection.execute("PRAGMA secure_delete = ON")
    // Checkpoints run on the checkpointer's thread: none may run inside a commit, which senders wait for.
    try connection.disableAutoCheckpoint()
    try migrations.migrate(connection, progress: progress)
    // A process that died between a commit's write and its sync left that commit in the WAL, where it is
    // valid from now on. It was never acknowledged, but readers will see it, so it must survive a power
    // failure.
    try connection.syncWAL()
    pageSize = Int(try connection.integer("PRAGMA page_size"))
    applicationID = migrations.applicationID
    self.connection = connection
    CoalescedWrites.attachToWAL(of: connection)
    walSize.follow(connection)
    try connection.rememberFiles()
  }

  /// The number of pages in the WAL after the last commit.
  package var walPages: Int { walSize.pages }

  /// The number of bytes that these pages take in the WAL.
  ///
  /// https://www.sqlite.org/fileformat2.html#walformat: a header of 32 bytes, and one of 24 before each page.
  /// The file may be larger, because a reset does not truncate it.
  package var walBytes: Int { walPages == 0 ? 0 : 32 + walPages * (24 + pageSize) }

  /// Commits the changes of `body` in one durable transaction, or none after an error.
  @inlinable package func commit<Result>(
    _ body: () throws(DatabaseError) -> Result
  ) throws(DatabaseError) -> Result {
    // Checked before the commit and not again after it, which would prove little. A file deleted a moment
    // after the answer takes the deliveries with it, too.
    try connection.requireFilesInPlace()
    return try connection.transaction(body)
  }

  /// Throws unless writing works, and leaves no data behind.
  ///
  /// - Parameter dryRun: SQL whose changes must be writable too. They are rolled back.
  package func probe(dryRun: String?) throws(DatabaseError) {
    try commit { () throws(DatabaseError) in
      // Writes the application id, not the schema's version, which another program may have raised meanwhile.
      try connection.execute("PRAGMA application_id = \(applicationID)")
    }
    if let dryRun { try connection.dryRun(dryRun) }
  }

  /// Runs a PASSIVE checkpoint, which copies as many pages as readers permit.
  package func checkpoint() throws(DatabaseError) -> CheckpointResult {
    try connection.checkpoint(SQLITE_CHECKPOINT_PASSIVE)
  }

  /// Runs a TRUNCATE checkpoint, which copies all pages and empties the WAL.
  ///
  /// Call it at a graceful shutdown, after the last reader.
  package func checkpointAndTruncate() throws(DatabaseError) {
    _ = try connection.checkpoint(SQLITE_CHECKPOINT_TRUNCATE)
  }
}
