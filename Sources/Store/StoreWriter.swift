internal import CSQLite
package import Jobs

/// The one connection that writes. Used by one thread at a time.
package final class StoreWriter {
  private let connection: Connection
  private let current: StoreTransaction
  private let log = LogSize()

  /// Opens the database at `path`, creates it where there is none, and brings it to this version's schema.
  ///
  /// - Parameters:
  ///   - busyTimeout: how long to wait for another process's lock, in milliseconds.
  ///   - watch: by which rules open jobs are looked after.
  ///   - judge: what the request of a job that was created here says against the output it has got.
  ///   - restore: puts back what the provider has erased.
  package init(
    path: String, busyTimeout: Int32 = 5000,
    watch: WatchPolicy = WatchPolicy(timeout: 900_000, firstPoll: nil),
    judge: @escaping OutputJudge = { _, _, standing in standing },
    restore: @escaping BodyRestorer = { _, _ in nil }
  ) throws(StoreError) {
    let connection = try PrivateFile.creating { () throws(StoreError) in
      try Connection(path: path, access: .create, busyTimeout: busyTimeout)
    }
    // In this mode readers never wait for the writer, and a commit is one append (https://www.sqlite.org/wal.html).
    guard try connection.text("PRAGMA journal_mode = WAL") == "wal" else {
      throw .cannotOpen("its file system cannot hold a write-ahead log")
    }
    // https://www.sqlite.org/pragma.html#pragma_synchronous: with FULL the log is synced after each commit. Promise 1.
    try connection.execute("PRAGMA synchronous = FULL")
    // Checkpoints are the checkpointer's work: none may happen inside a commit that somebody waits for.
    try connection.leaveLogAlone()
    try Schema.migrate(connection)
    // A process that died between a commit's write and its sync has left that commit in the log, where it counts from now on.
    // Nobody was told of it, but readers will be: it must not go with the power.
    try connection.syncLog()
    self.connection = connection
    current = StoreTransaction(connection, watch: watch, judge: judge, restore: restore)
    GatheredWrites.attachToLog(of: connection)
    log.follow(connection)
    try connection.rememberFiles()
  }

  /// Pages in the write-ahead log after the last commit.
  package var logPages: Int { log.pages }

  /// Stores all that `body` does, in one durable transaction. After an error nothing of it is stored.
  package func commit<Result>(
    _ body: (StoreTransaction) throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    // Before, and not once more after it: a file that goes a moment after the answer takes the deliveries with it too.
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

  /// Stores `deliveries` in one durable transaction. After an error none of them is stored.
  ///
  /// - Returns: what became of each, in their order.
  package func commit(_ deliveries: [Delivery]) throws(StoreError) -> [Recording] {
    try commit { (transaction) throws(StoreError) in
      var recordings: [Recording] = []
      recordings.reserveCapacity(deliveries.count)
      for delivery in deliveries { recordings.append(try transaction.record(delivery)) }
      return recordings
    }
  }

  /// Learns whether writing works, and leaves nothing behind.
  ///
  /// - Parameter room: how many bytes have to fit. A page alone often fits on a full disk, in what a failed commit has left
  ///   of the log.
  package func probe(room: Int = 0) throws(StoreError) {
    try connection.requireFilesInPlace()
    try connection.transaction { () throws(StoreError) in
      // Not the schema's version, which another program may have raised meanwhile.
      try connection.execute("PRAGMA application_id = \(Schema.applicationID)")
    }
    if room > 0 { try connection.rehearse(Self.rehearsal(of: room)) }
  }

  /// Rows that take `room` bytes, and that are never committed. At random, since zeros take no room where the file system
  /// compresses.
  private static func rehearsal(of room: Int) -> String {
    """
    INSERT OR REPLACE INTO jobs (prediction_id, phase, is_verdict, updated_at, heard_at, polls, ended_unheard, attempt,
      revision, logs_size, output_size, body)
    VALUES ('', '', 0, 0, 0, 0, 0, 0, 0, 0, 0, randomblob(\(room)));
    INSERT OR REPLACE INTO deliveries (job, position, webhook_id, source, is_repeat, digest, received_at,
      provider_status, outcome, phase, revision)
    VALUES (0, 0, '', '', 0, x'', 0, '', '', '', 0)
    """
  }

  /// Moves what the write-ahead log holds into the database, as far as no reader is in the way.
  package func checkpoint() throws(StoreError) -> CheckpointResult {
    try connection.checkpoint(SQLITE_CHECKPOINT_PASSIVE)
  }

  /// Moves everything and empties the log: for an orderly end, when nobody reads any more.
  package func checkpointAndTruncate() throws(StoreError) {
    _ = try connection.checkpoint(SQLITE_CHECKPOINT_TRUNCATE)
  }
}
