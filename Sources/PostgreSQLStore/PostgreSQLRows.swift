internal import Jobs
internal import StoreSeam
internal import PostgreSQL
internal import PostgreSQLSchema
internal import Tables
internal import Time
internal import Work

/// The rows of one transaction, read ahead with its first round trip.
///
/// A row that was not read ahead is read when it is needed, together with those that will be needed next. The
/// lock of a job's row protects all that belongs to the job: its history, its order, its work and its rows in
/// capabilities' tables. So the job is locked first, and everything else is read by a later statement.
final class PostgreSQLRows {
  let session: WriterSession
  let memory: StoreMemory
  let clock: DatabaseClock
  let deadline: MonotonicTime
  /// What is known to be read by this transaction.
  let keys: LedgerKeys
  /// Whether a job was missing that another row may have named.
  ///
  /// Its deletion was committed meanwhile.
  private(set) var hasMissedJob = false
  /// The error behind the ``StorageError`` that a rule has received.
  private(set) var failure: PostgreSQLError?

  struct LoadedJob {
    let row: StoredRow
    let historyLength: Int64
  }

  /// The locked jobs. Nil where there is none of that number.
  var jobs: [Int64: LoadedJob?] = [:]
  var jobsByPrediction: [String: Int64?] = [:]
  var jobsByID: [String: Int64?] = [:]
  var jobsByKey: [String: Int64?] = [:]
  var deliveries: [String: EarlierDelivery?] = [:]
  var pastPredictions: [String: Int64?] = [:]
  var orders: [Int64: StoredOrder?] = [:]
  var requests: [Int64: [UInt8]] = [:]
  var workOfJobs: [Int64: [WorkItem]] = [:]
  /// The subjects that this transaction has locked by their numbers.
  var lockedSubjects: Set<Int64> = []
  /// Whether a tombstone has the key.
  var tombstones: [String: Bool] = [:]
  var tableRows: [String: [[RowValue]: TableRow?]] = [:]
  /// The names of those tables whose rows no job's lock protects.
  var sharedTables: Set<String> = []
  /// The names of those tables of which each transaction reads other rows.
  var prefetchedTables: Set<String> = []
  /// The keys of those rows that the next transaction may read again.
  var readRows: [String: (table: TableDeclaration, keys: [[RowValue]])] = [:]
  /// The numbers of jobs that this transaction inserts.
  var newNumbers: Set<Int64> = []
  /// The names that have a row, which is locked.
  var lockedNames: [NamedTable: Set<String>] = [:]
  var hasAttempts = false
  var hasTombstoneKeys = false

  init(
    _ session: WriterSession, memory: StoreMemory, clock: DatabaseClock, keys: LedgerKeys,
    deadline: MonotonicTime
  ) {
    self.session = session
    self.memory = memory
    self.clock = clock
    self.keys = keys
    self.deadline = deadline
  }

  func run(_ pipeline: Pipeline) throws(StorageError) -> [Rows] {
    do throws(PostgreSQLError) {
      return try session.run(pipeline, deadline: deadline)
    } catch {
      failure = error
      throw StorageError(error)
    }
  }

  func run(_ query: Query, _ parameters: [Parameter]) throws(StorageError) -> Rows {
    do throws(PostgreSQLError) {
      return try session.run(query, parameters, deadline: deadline)
    } catch {
      failure = error
      throw StorageError(error)
    }
  }
}

// MARK: - Jobs and their histories

extension PostgreSQLRows: StoredRows {
  /// A job that is locked by now. Nil where there is none.
  func loaded(_ number: Int64) throws(StorageError) -> LoadedJob? {
    if let known = jobs[number] { return known }
    guard !newNumbers.contains(number) else { return nil }
    try load(.jobs([number]))
    return jobs[number] ?? nil
  }

  func job(number: Int64) throws(StorageError) -> StoredRow? {
    let row = try loaded(number)?.row
    if row == nil { hasMissedJob = true }
    return row
  }

  func job(id: String) throws(StorageError) -> StoredRow? {
    if jobsByID[id] == nil {
      var keys = LedgerKeys()
      keys.jobIDs = [id]
      try load(keys)
    }
    return try (jobsByID[id] ?? nil).flatMap { (number) throws(StorageError) in try job(number: number) }
  }

  func job(ofPrediction id: String) throws(StorageError) -> StoredRow? {
    guard id.isStorable else { return nil }
    if jobsByPrediction[id] == nil {
      var keys = LedgerKeys()
      keys.predictionIDs = [id]
      try load(keys)
    }
    return try (jobsByPrediction[id] ?? nil).flatMap { (number) throws(StorageError) in
      try job(number: number)
    }
  }

  private static let selectBody = Query("SELECT body FROM jobs WHERE number = $1")

  func body(ofJob number: Int64) throws(StorageError) -> [UInt8] {
    guard try loaded(number) != nil else { return [] }
    return try run(Self.selectBody, [.integer(number)]).bytes(0, 0)
  }

  func historyLength(ofJob number: Int64) throws(StorageError) -> Int64 {
    try loaded(number)?.historyLength ?? 0
  }

  func delivery(webhookID: String) throws(StorageError) -> EarlierDelivery? {
    if deliveries[webhookID] == nil {
      try read { pipeline, reading in
        reading.add(pipeline.add(Self.selectDeliveries, [.texts([webhookID])])) { rows, results in
          rows.noteDeliveries(results, of: [webhookID])
        }
      }
    }
    if let known = deliveries[webhookID] ?? nil { return known }
    return try hasTombstone(of: .webhook(webhookID)) ? EarlierDelivery(job: nil, digest: nil) : nil
  }

  func isDeleted(prediction id: String) throws(StorageError) -> Bool {
    try hasTombstone(of: .prediction(id))
  }

  func isDeleted(job id: String) throws(StorageError) -> Bool { try hasTombstone(of: .job(id)) }

  private func hasTombstone(of key: TombstoneKey) throws(StorageError) -> Bool {
    guard hasTombstoneKeys else { return false }
    let text = key.text
    if let known = tombstones[text] { return known }
    try read { pipeline, reading in
      addTombstones(
        (Self.tombstoneTexts(of: keys) + [text]).filter { tombstones[$0] == nil }, to: &pipeline, &reading)
    }
    return tombstones[text] ?? false
  }

  func job(ofPastPrediction id: String) throws(StorageError) -> Int64? {
    guard hasAttempts else { return nil }
    if let known = pastPredictions[id] { return known }
    try read { pipeline, reading in
      addAttempts(
        (keys.predictionIDs + [id]).filter { pastPredictions[$0] == nil && $0.isStorable }, to: &pipeline,
        &reading)
    }
    return pastPredictions[id] ?? nil
  }

  /// The rows after the last that is no 404.
  private static let selectNotFound = Query(
    """
    SELECT received_at FROM deliveries WHERE job = $1 AND position > coalesce((
      SELECT max(position) FROM deliveries WHERE job = $1 AND outcome <> 'not_found'), 0)
    ORDER BY position DESC
    """)

  func notFoundAnswers(ofJob number: Int64, after moment: Timestamp) throws(StorageError) -> [Timestamp] {
    guard try loaded(number) != nil else { return [] }
    let rows = try run(Self.selectNotFound, [.integer(number)])
    let moments = (0..<rows.count).map { Timestamp(milliseconds: rows.integer($0, 0)) }
    return Array(moments.prefix { moment < $0 })
  }

  func nextJobNumber() throws(StorageError) -> Int64 {
    var number = memory.takeNumber()
    if number == nil {
      try read { pipeline, reading in addNumbers(1, to: &pipeline, &reading) }
      number = memory.takeNumber()
    }
    guard let number else { throw .corrupt("the sequence of job numbers gives none") }
    newNumbers.insert(number)
    return number
  }

  private static let lockPruned = Query(
    """
    SELECT \(JobColumn.list), \(further) FROM jobs
    WHERE number = ANY(ARRAY(SELECT number FROM jobs WHERE number > $1 ORDER BY number LIMIT $2))
      AND updated_at < $3 AND phase IN ('succeeded', 'failed', 'canceled')
    ORDER BY number FOR NO KEY UPDATE SKIP LOCKED
    """)
  private static let selectPruned = Query(
    """
    SELECT number, phase IN ('succeeded', 'failed', 'canceled'), updated_at,
      CASE WHEN updated_at < $3 THEN
        (SELECT received_at FROM deliveries WHERE job = jobs.number ORDER BY position DESC LIMIT 1) END,
      CASE WHEN updated_at >= $3 THEN coalesce(ordered_at,
        (SELECT received_at FROM deliveries WHERE job = jobs.number AND position = 1)) END
    FROM jobs WHERE number > $1 ORDER BY number LIMIT $2
    """)

  /// The next jobs, for pruning.
  ///
  /// A job that another transaction has locked is in use, and counts as one that has not ended.
  func pruningCandidates(
    after number: Int64, limit: Int, quietSince moment: Timestamp
  ) throws(StorageError) -> [PruningCandidate] {
    let parameters: [Parameter] = [
      .integer(number), .integer(Int64(limit)), .integer(moment.milliseconds),
    ]
    var candidates: [PruningCandidate] = []
    try read { pipeline, reading in
      reading.add(pipeline.add(Self.lockPruned, parameters)) { rows, results throws(StorageError) in
        try rows.noteJobs(results)
      }
      reading.add(pipeline.add(Self.selectPruned, parameters)) { rows, results in
        for index in 0..<results.count {
          let number = results.integer(index, 0)
          func time(_ column: Int32) -> Timestamp? {
            results.optionalInteger(index, column).map(Timestamp.init(milliseconds:))
          }
          let isLocked = rows.jobs[number].map { $0 != nil } ?? false
          candidates.append(
            PruningCandidate(
              number: number, hasEnded: results.boolean(index, 1) && isLocked,
              updatedAt: time(2) ?? moment, lastDeliveryAt: time(3), createdAt: time(4)))
        }
      }
    }
    return candidates
  }
}
