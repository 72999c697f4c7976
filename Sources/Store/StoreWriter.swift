internal import CSQLite
package import Jobs
internal import System

/// The only connection that writes, used by one thread at a time.
package final class StoreWriter {
  private let connection: Connection
  private let current: StoreTransaction
  private let walSize = WALSize()
  private let pageSize: Int

  /// Opens or creates the database at `path`, and migrates it.
  ///
  /// - Parameters:
  ///   - busyTimeout: how long to wait for another process's lock, in milliseconds.
  ///   - polling: when open jobs are polled and become stale.
  ///   - validateOutput: validates the output of a job created here against its request.
  ///   - restore: restores members that the provider has erased.
  package init(
    path: String, busyTimeout: Int32 = 5000,
    polling: PollPolicy = PollPolicy(timeout: 900_000, firstPoll: nil),
    validateOutput: @escaping OutputValidator = { _, _, standing in standing },
    restore: @escaping BodyRestorer = { _, _ in nil }
  ) throws(StoreError) {
    // SQLite creates the WAL and the shared-memory file with the permissions of the database
    // (https://www.sqlite.org/wal.html), so only the database itself must be created like this.
    let connection = try PrivateFile.creating { () throws(StoreError) in
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
    // Checkpoints run on the checkpointer's thread: none may run inside a commit, which senders wait for.
    try connection.disableAutoCheckpoint()
    try Schema.migrate(connection)
    // A process that died between a commit's write and its sync left that commit in the WAL, where it is
    // valid from now on. It was never acknowledged, but readers will see it, so it must survive a power
    // failure.
    try connection.syncWAL()
    pageSize = Int(try connection.integer("PRAGMA page_size"))
    self.connection = connection
    current = StoreTransaction(connection, polling: polling, validateOutput: validateOutput, restore: restore)
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
  package func commit<Result>(
    _ body: (StoreTransaction) throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    // Checked before the commit and not again after it, which would prove little. A file deleted a moment
    // after the answer takes the deliveries with it, too.
    try connection.requireFilesInPlace()
    do throws(StoreError) {
      return try connection.transaction { () throws(StoreError) in
        current.begin()
        let result = try body(current)
        try current.finish()
        return result
      }
    } catch {
      current.forgetCounts()
      throw error
    }
  }

  /// Commits `deliveries` in one durable transaction, or none after an error.
  ///
  /// - Returns: the result of each, in their order.
  package func commit(_ deliveries: [Delivery]) throws(StoreError) -> [Recording] {
    try commit { (transaction) throws(StoreError) in
      var recordings: [Recording] = []
      recordings.reserveCapacity(deliveries.count)
      for delivery in deliveries { recordings.append(try transaction.record(delivery)) }
      return recordings
    }
  }

  /// Throws unless writing works, and leaves no data behind.
  ///
  /// - Parameter room: the bytes that a dry run must be able to write. A single page often fits even on a
  ///   full disk, into the space that a failed commit left in the WAL.
  package func probe(room: Int = 0) throws(StoreError) {
    try connection.requireFilesInPlace()
    try connection.transaction { () throws(StoreError) in
      // Writes the application id, not the schema's version, which another program may have raised meanwhile.
      try connection.execute("PRAGMA application_id = \(Schema.applicationID)")
    }
    if room > 0 { try connection.dryRun(Self.dryRunSQL(bytes: room)) }
  }

  /// SQL that inserts `room` bytes, for a dry run.
  ///
  /// The bytes are random, because zeros take no space on a compressing file system.
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

  /// Runs a PASSIVE checkpoint, which copies as many pages as readers permit.
  package func checkpoint() throws(StoreError) -> CheckpointResult {
    try connection.checkpoint(SQLITE_CHECKPOINT_PASSIVE)
  }

  /// Runs a TRUNCATE checkpoint, which copies all pages and empties the WAL.
  ///
  /// Call it at a graceful shutdown, after the last reader.
  package func checkpointAndTruncate() throws(StoreError) {
    _ = try connection.checkpoint(SQLITE_CHECKPOINT_TRUNCATE)
  }
}
