package import Jobs
package import SQLite

/// The only connection that writes, used by one thread at a time.
package final class StoreWriter {
  private let database: DatabaseWriter
  private let current: StoreTransaction

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
    database = try DatabaseWriter(path: path, busyTimeout: busyTimeout, migrations: Schema.migrations)
    current = StoreTransaction(
      database.connection, polling: polling, validateOutput: validateOutput, restore: restore)
  }

  /// The number of pages in the WAL after the last commit.
  package var walPages: Int { database.walPages }

  /// The number of bytes that these pages take in the WAL.
  package var walBytes: Int { database.walBytes }

  /// Commits the changes of `body` in one durable transaction, or none after an error.
  package func commit<Result>(
    _ body: (StoreTransaction) throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    do throws(StoreError) {
      return try database.commit { () throws(StoreError) in
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
    try database.probe(dryRun: room > 0 ? Self.dryRunSQL(bytes: room) : nil)
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
    try database.checkpoint()
  }

  /// Runs a TRUNCATE checkpoint, which copies all pages and empties the WAL.
  ///
  /// Call it at a graceful shutdown, after the last reader.
  package func checkpointAndTruncate() throws(StoreError) {
    try database.checkpointAndTruncate()
  }
}
