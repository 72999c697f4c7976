internal import CSQLite
package import Jobs

/// The one connection that writes. Used by one thread at a time.
package final class StoreWriter {
  private let connection: Connection
  private let statements: WriterStatements
  private let log = LogSize()

  /// Rows that the redeliveries of one job may take: beyond them they are answered, but not recorded.
  package static let longestHistory: Int64 = 1000

  /// Opens the database at `path`, creates it where there is none, and brings it to this version's schema.
  ///
  /// - Parameter busyTimeout: how long to wait for another process's lock, in milliseconds.
  package init(path: String, busyTimeout: Int32 = 5000) throws(StoreError) {
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
    try connection.execute("PRAGMA wal_autocheckpoint = 0")
    try Schema.migrate(connection)
    self.connection = connection
    statements = try WriterStatements(connection)
    log.follow(connection)
    try connection.rememberFiles()
  }

  /// Pages in the write-ahead log after the last commit.
  package var logPages: Int { log.pages }

  /// Stores `deliveries` in one durable transaction. After an error none of them is stored.
  ///
  /// - Returns: what became of each, in their order.
  package func commit(_ deliveries: [Delivery]) throws(StoreError) -> [Recording] {
    // Before, and not once more after it: a file that goes a moment after the answer takes the deliveries with it too.
    try connection.requireFilesInPlace()
    return try connection.transaction { () throws(StoreError) in
      var recordings: [Recording] = []
      recordings.reserveCapacity(deliveries.count)
      for delivery in deliveries { recordings.append(try record(delivery)) }
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
    INSERT OR REPLACE INTO jobs (prediction_id, phase, provider_status, knows_status, updated_at, last_delivery_at,
      revision, logs_size, output_size, digest, body)
    VALUES ('', '', '', 0, 0, 0, 0, 0, 0, x'', randomblob(\(room)));
    INSERT OR REPLACE INTO deliveries (job, position, webhook_id, is_repeat, digest, received_at, provider_status,
      outcome, phase, revision)
    VALUES (0, 0, '', 0, x'', 0, '', '', '', 0)
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

/// What became of one delivery.
package struct Recording: Equatable, Sendable {
  package let outcome: DeliveryOutcome
  package let predictionID: String
  package let state: JobState
  package let revision: Int64

  init(outcome: DeliveryOutcome, job: Job) {
    self.outcome = outcome
    predictionID = job.snapshot.predictionID
    state = job.state
    revision = job.revision
  }
}

// MARK: - One delivery

extension StoreWriter {
  private func record(_ delivery: Delivery) throws(StoreError) -> Recording {
    if let earlier = try statements.findDelivery(webhookID: delivery.webhookID) {
      return try recordRepeat(delivery, of: earlier)
    }
    guard let (number, stored) = try statements.findJob(predictionID: delivery.snapshot.predictionID) else {
      return try recordFirst(delivery)
    }
    var job = stored
    let merge = job.merge(delivery.snapshot, receivedAt: delivery.receivedAt)
    if merge.changesJob {
      try statements.updateJob(number, to: job, body: merge.replacesSnapshot ? delivery.body : nil)
    }
    try statements.insertDelivery(
      delivery, at: statements.lastPosition(ofJob: number) + 1, ofJob: number, nowBeing: job, isRepeat: false,
      outcome: merge.outcome)
    return Recording(outcome: merge.outcome, job: job)
  }

  /// The first that is heard of its job.
  private func recordFirst(_ delivery: Delivery) throws(StoreError) -> Recording {
    let job = Job(firstSeenIn: delivery.snapshot, receivedAt: delivery.receivedAt)
    let outcome: DeliveryOutcome = delivery.snapshot.phase == nil ? .unknownStatus : .applied
    let number = try statements.insertJob(job, body: delivery.body)
    try statements.insertDelivery(
      delivery, at: 1, ofJob: number, nowBeing: job, isRepeat: false, outcome: outcome)
    return Recording(outcome: outcome, job: job)
  }

  /// The same id again. It has no effect; it is recorded beside the job of the first one, whatever job it names.
  private func recordRepeat(
    _ delivery: Delivery, of earlier: WriterStatements.EarlierDelivery
  ) throws(StoreError) -> Recording {
    let outcome = DeliveryOutcome.redelivery(of: earlier.digest, as: delivery.snapshot.evidence.digest)
    let job = try statements.job(number: earlier.job)
    let position = try statements.lastPosition(ofJob: earlier.job) + 1
    if position <= Self.longestHistory {
      try statements.insertDelivery(
        delivery, at: position, ofJob: earlier.job, nowBeing: job, isRepeat: true, outcome: outcome)
    }
    return Recording(outcome: outcome, job: job)
  }
}
