package import StoreSeam
internal import PostgreSQL
internal import PostgreSQLSchema
package import System
internal import Tables
internal import Time

/// The store in a PostgreSQL database, which other processes write, too.
///
/// A batch is one transaction of two round trips. The first locks and reads the rows that the batch is known
/// to need; the second writes and commits. Every failure that another try can cure leads to another try of
/// the whole batch.
package final class PostgreSQLStore {
  private let options: PostgreSQLOptions
  private let observer: any StoreObserver
  private let stop: StopSignal
  private let session: WriterSession
  private let memory = StoreMemory()
  private var oldRowsDeletedAt: MonotonicTime?
  /// Whether the last batch has waited in vain.
  ///
  /// The next one waits half as long, because its deliveries have waited for that one already.
  private var isOutOfReach = false

  /// How often a batch is committed again because other transactions were first.
  private static let maxTries = 20
  private static let schemaDeadline = Duration.seconds(600)
  private static let probeDeadline = Duration.seconds(2)
  /// How often the rows of connections that are gone are deleted.
  private static let maintenanceInterval = Duration.seconds(3600)

  /// Connects, and migrates the database where it must and its role may.
  ///
  /// - Parameters:
  ///   - stop: ends every wait for a server once it is raised.
  ///   - progress: receives the name of each migration before it runs.
  package init(
    _ options: PostgreSQLOptions, observer: any StoreObserver = NoStoreObserver(),
    stop: StopSignal = StopSignal(), progress: (_ migration: String) -> Void = { _ in }
  ) throws(StorageError) {
    self.options = options
    self.observer = observer
    self.stop = stop
    session = WriterSession(options, observer: observer, stop: stop)
    try Self.prepareSchema(options, progress)
    try converting { () throws(PostgreSQLError) in
      try session.prepare(deadline: MonotonicClock.now + options.hold)
    }
    if let refusal = session.refusalToOpen { throw refusal }
  }

  private static func prepareSchema(
    _ options: PostgreSQLOptions, _ progress: (String) -> Void
  ) throws(StorageError) {
    let deadline = MonotonicClock.now + options.hold
    let connection = try converting { () throws(PostgreSQLError) in
      try Connection(to: options.target, named: options.applicationName, deadline: deadline)
    }
    guard connection.serverVersion >= Schema.oldestServer else {
      throw .schema(
        "the server has PostgreSQL \(connection.serverVersion / 10_000), and this needs 13 or later")
    }
    try UnfinishedMove.check(connection, deadline: deadline)
    let stored = try converting { () throws(PostgreSQLError) in
      try Schema.stored(connection, tables: options.tables, deadline: deadline)
    }
    if stored.needsMigration, stored.oldestProgram <= Schema.version {
      _ = try Schema.migrate(
        connection, tables: options.tables, deadline: MonotonicClock.now + schemaDeadline,
        progress: progress)
    } else {
      try Schema.check(stored)
    }
    try converting { () throws(PostgreSQLError) in
      try FeedIdentity.renew(connection, newEpoch: options.newEpoch, deadline: deadline)
    }
  }
}

extension PostgreSQLStore: Store {
  package var isShared: Bool { true }

  package func commit(
    reading keys: () -> LedgerKeys, _ decide: (any StoredRows) throws(StorageError) -> WriteSet
  ) throws(StorageError) -> [CommittedChange] {
    let (keys, deadline) = (keys(), MonotonicClock.now + (isOutOfReach ? options.hold / 2 : options.hold))
    do throws(StorageError) {
      let changes = try commit(keys, until: deadline, decide)
      isOutOfReach = false
      return changes
    } catch {
      if case .unavailable = error { isOutOfReach = true }
      throw error
    }
  }

  private func commit(
    _ keys: LedgerKeys, until deadline: MonotonicTime,
    _ decide: (any StoredRows) throws(StorageError) -> WriteSet
  ) throws(StorageError) -> [CommittedChange] {
    var doubt: InDoubt?
    var tries = 0
    // Bounded by the deadline and by `maxTries`.
    while true {
      do throws(CommitFailure) {
        try CommitFailure.of { () throws(PostgreSQLError) in try session.prepare(deadline: deadline) }
        if let settled = settle(doubt) { return settled }
        doubt = nil
        return try commitOnce(keys, decide, deadline)
      } catch {
        switch error {
        case .final(let error):
          session.rollBack(deadline: deadline)
          throw error
        case .again(let reason, let error):
          tries += 1
          guard tries < Self.maxTries, MonotonicClock.now < deadline else { throw error }
          observer.retried(reason)
        case .lost(let cause, let inDoubt):
          doubt = doubt ?? inDoubt
          guard MonotonicClock.now + WriterSession.pause < deadline, !stop.isRaised else {
            throw .unavailable(cause)
          }
          observer.reconnecting(cause: cause)
        }
      }
    }
  }

  /// The outcome of a commit in doubt, if it was committed.
  private func settle(_ doubt: InDoubt?) -> [CommittedChange]? {
    guard let doubt else { return nil }
    let isCommitted = session.committedBatch == doubt.batch
    observer.settled(isCommitted ? .committed : .notCommitted)
    return isCommitted ? doubt.changes : nil
  }

  /// One try of a batch.
  private func commitOnce(
    _ keys: LedgerKeys, _ decide: (any StoredRows) throws(StorageError) -> WriteSet,
    _ deadline: MonotonicTime
  ) throws(CommitFailure) -> [CommittedChange] {
    let batch = Int64(options.random() >> 1)
    session.clearNotices()
    let rows = PostgreSQLRows(
      session, memory: memory, clock: options.clock, keys: keys, deadline: deadline)
    let transaction = try begin(batch, rows)
    let (writes, decided) = try decided(rows, transaction, decide)
    var pipeline = writes.pipeline
    pipeline.add(Self.commit)
    let results: [Rows]
    do throws(PostgreSQLError) {
      results = try session.run(pipeline, deadline: deadline)
    } catch {
      throw CommitFailure(error, committing: InDoubt(batch: batch, changes: writes.changes))
    }
    // The COMMIT of a failed transaction has the tag ROLLBACK.
    guard results.last?.commandTag == "COMMIT" else {
      throw .final(.unavailable("the database did not commit a transaction"))
    }
    if let warning = session.warning {
      throw .final(.unavailable("the database may not keep a commit: \(warning)"))
    }
    memory.noteRows(rows.readRows)
    memory.noteQueued(change: decided.queuedChange)
    return writes.changes
  }

  private static let begin = Query("BEGIN")
  private static let commit = Query("COMMIT")
  /// Settings of the planner for one transaction.
  ///
  /// Without statistics it prefers to scan a table that was empty when the connection planned.
  private static let configure = Query(
    """
    SELECT set_config('enable_seqscan', 'off', true),
      set_config('plan_cache_mode', 'force_generic_plan', true)
    """)

  /// The first round trip.
  ///
  /// - Returns: the server's number of the transaction.
  private func begin(_ batch: Int64, _ rows: PostgreSQLRows) throws(CommitFailure) -> Int64 {
    var pipeline = Pipeline()
    pipeline.add(Self.begin)
    pipeline.add(Self.configure)
    let row = pipeline.add(WriterSession.updateRow, [.text(session.id), .integer(batch)])
    let settings = session.addSettings(to: &pipeline)
    let reading = rows.readAhead(&pipeline)
    let results = try CommitFailure.of { () throws(PostgreSQLError) in
      try session.run(pipeline, deadline: rows.deadline)
    }
    if let settings { session.note(results[settings]) }
    if let refusal = session.refusal { throw .final(refusal) }
    guard !results[row].isEmpty else {
      session.loseRow()
      throw .again(.rowAppeared, .conflict("the row of this connection was removed"))
    }
    options.clock.note(server: results[row].integer(0, 1), local: options.now())
    do throws(StorageError) {
      try reading.take(results, into: rows)
    } catch {
      throw .final(error)
    }
    return results[row].integer(0, 0)
  }

  private func decided(
    _ rows: PostgreSQLRows, _ transaction: Int64,
    _ decide: (any StoredRows) throws(StorageError) -> WriteSet
  ) throws(CommitFailure) -> (writes: PostgreSQLWrites, decided: WriteSet) {
    let (decided, writes): (WriteSet, PostgreSQLWrites)
    do throws(StorageError) {
      decided = try decide(rows)
      writes = try PostgreSQLWrites(decided, reading: rows, transaction: transaction)
    } catch {
      if let failure = rows.failure { throw CommitFailure(failure) }
      // Each statement has its own snapshot: a delivery may have been read whose job is deleted by now.
      if case .corrupt = error, rows.hasMissedJob { throw .again(.rowAppeared, error) }
      throw .final(error)
    }
    guard !writes.meetsNewerChange else {
      throw .again(
        .newerChange, .conflict("another transaction has changed the same job with a greater number"))
    }
    return (writes, decided)
  }
}

// MARK: - Between commits

extension PostgreSQLStore {
  /// Commits the row of this connection.
  ///
  /// This proves more than a write that is rolled back.
  package func probe(room: Int) throws(StorageError) {
    let deadline = MonotonicClock.now + min(options.hold, Self.probeDeadline)
    try converting { () throws(PostgreSQLError) in
      try session.prepare(deadline: deadline)
      session.clearNotices()
      var pipeline = Pipeline()
      pipeline.add(WriterSession.updateRow, [.text(session.id), .integer(Int64(options.random() >> 1))])
      let settings = session.addSettings(to: &pipeline)
      let results = try session.run(pipeline, deadline: deadline)
      if let settings { session.note(results[settings]) }
      try write(room: room, deadline: deadline)
    }
    if let refusal = session.refusal { throw refusal }
    if let warning = session.warning { throw .unavailable("the database may not keep a commit: \(warning)") }
  }

  /// Writes `room` bytes and rolls them back, because a commit of one row may fit on a full disk.
  private func write(room: Int, deadline: MonotonicTime) throws(PostgreSQLError) {
    guard room > 0 else { return }
    // Random, so that compression saves nothing.
    var bytes: [UInt8] = []
    bytes.reserveCapacity(room + 8)
    while bytes.count < room {
      let word = options.random()
      for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: word >> shift)) }
    }
    var pipeline = Pipeline()
    pipeline.add(Self.begin)
    pipeline.add(Self.insertRoom, [.text("room of \(session.id)"), .bytes(bytes)])
    pipeline.add(Self.rollback)
    do throws(PostgreSQLError) {
      _ = try session.run(pipeline, deadline: deadline)
    } catch {
      session.rollBack(deadline: deadline)
      throw error
    }
  }

  private static let insertRoom = Query("INSERT INTO keys (name, value) VALUES ($1, $2)")
  private static let rollback = Query("ROLLBACK")

  /// Deletes the rows of connections that are gone, once an hour.
  package func maintain() throws(StorageError) {
    let now = MonotonicClock.now
    if let oldRowsDeletedAt, now < oldRowsDeletedAt + Self.maintenanceInterval { return }
    oldRowsDeletedAt = now
    try converting { () throws(PostgreSQLError) in
      try session.deleteOldRows(deadline: now + Self.probeDeadline)
    }
  }

  package func finish() throws(StorageError) {
    try converting { () throws(PostgreSQLError) in
      try session.deleteRow(deadline: MonotonicClock.now + Self.probeDeadline)
    }
  }
}
