internal import Jobs
internal import Ledger
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
  /// Whether a job was not there that another row may have named: its deletion was committed meanwhile.
  private(set) var hasMissedJob = false
  /// The error behind the ``StorageError`` that a rule has received.
  private(set) var failure: PostgreSQLError?

  struct LoadedJob {
    let row: StoredRow
    let historyLength: Int64
  }

  /// The locked jobs. Nil where there is none of that number.
  private(set) var jobs: [Int64: LoadedJob?] = [:]
  private var jobsByPrediction: [String: Int64?] = [:]
  private var jobsByID: [String: Int64?] = [:]
  private var jobsByKey: [String: Int64?] = [:]
  private var deliveries: [String: EarlierDelivery?] = [:]
  private var pastPredictions: [String: Int64?] = [:]
  private var orders: [Int64: StoredOrder?] = [:]
  private var requests: [Int64: [UInt8]] = [:]
  private var workOfJobs: [Int64: [WorkItem]] = [:]
  /// Whether a tombstone has the key.
  private var tombstones: [String: Bool] = [:]
  var tableRows: [String: [[RowValue]: TableRow?]] = [:]
  /// The keys of those rows that the next transaction may read again.
  var readRows: [String: (table: TableDeclaration, keys: [[RowValue]])] = [:]
  /// The numbers of jobs that this transaction inserts.
  private(set) var newNumbers: Set<Int64> = []
  /// The names that have a row, which is locked.
  var lockedNames: [NamedTable: Set<String>] = [:]
  private var hasAttempts = false
  private var hasTombstoneKeys = false

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

// MARK: - Reading ahead

extension PostgreSQLRows {
  private static let further = "history_length"
  private static let historyLengthColumn = JobColumn.count

  private static let selectPredictions = Query(
    """
    SELECT \(JobColumn.list), \(further) FROM jobs WHERE prediction_id = ANY($1)
    ORDER BY number FOR NO KEY UPDATE
    """)
  private static let selectNumbers = Query(
    """
    SELECT \(JobColumn.list), \(further) FROM jobs WHERE number = ANY($1)
    ORDER BY number FOR NO KEY UPDATE
    """)
  private static let selectJobs = Query(
    """
    SELECT \(JobColumn.list), \(further) FROM jobs
    WHERE prediction_id = ANY($1) OR id = ANY($2) OR number = ANY($3)
    ORDER BY number FOR NO KEY UPDATE
    """)
  private static let selectDeliveries = Query(
    """
    SELECT webhook_id, job, digest FROM deliveries
    WHERE webhook_id = ANY($1) AND NOT is_repeat AND webhook_id IS NOT NULL
    """)
  /// A request may be large, and only few are needed.
  private static let selectOrders = Query(
    """
    SELECT \(OrderColumn.list), CASE WHEN octet_length(request) <= 16384 THEN request END
    FROM \(OrderRow.source)
    WHERE orders.job = ANY(ARRAY(SELECT number FROM jobs WHERE id = ANY($1) UNION ALL SELECT unnest($2)))
    """)
  private static let selectIdempotencyKeys = Query(
    "SELECT idempotency_key, job FROM orders WHERE idempotency_key = ANY($1)")
  private static let selectFlags = Query(
    "SELECT EXISTS (SELECT 1 FROM attempts), EXISTS (SELECT 1 FROM tombstone_keys)")
  private static let selectAttempts = Query(
    "SELECT prediction_id, job FROM attempts WHERE prediction_id = ANY($1)")
  /// The digests are those of ``TombstoneKey/text``.
  private static let selectTombstones = Query(
    """
    SELECT k FROM unnest($1::text[]) AS k
    JOIN tombstone_keys ON tombstone_keys.digest = sha256(convert_to(k, 'UTF8'))
    """)
  private static let drawNumbers = Query(
    "SELECT nextval('jobs_number_seq') FROM generate_series(1, $1::bigint)")

  /// Adds what reads all that ``keys`` name, in the order of the locks.
  ///
  /// - Returns: what takes the results.
  func readAhead(_ pipeline: inout Pipeline) -> Reading {
    var reading = Reading()
    addJobs(keys, to: &pipeline, &reading)
    if !keys.webhookIDs.isEmpty {
      let ids = keys.webhookIDs
      reading.add(pipeline.add(Self.selectDeliveries, [.texts(ids)])) { rows, results in
        rows.noteDeliveries(results, of: ids)
      }
    }
    // These come after the jobs: a job that was not found may just have been given another prediction.
    reading.add(pipeline.add(Self.selectFlags)) { rows, results in
      (rows.hasAttempts, rows.hasTombstoneKeys) = (results.boolean(0, 0), results.boolean(0, 1))
      (rows.memory.hasAttempts, rows.memory.hasTombstoneKeys) = (rows.hasAttempts, rows.hasTombstoneKeys)
    }
    if memory.hasAttempts { addAttempts(keys.predictionIDs, to: &pipeline, &reading) }
    if memory.hasTombstoneKeys { addTombstones(Self.tombstoneTexts(of: keys), to: &pipeline, &reading) }
    let mayInsert = keys.predictionIDs.count + keys.jobIDs.count
    let missing = memory.missingNumbers(for: mayInsert, at: MonotonicClock.now)
    if missing > 0 { addNumbers(missing, to: &pipeline, &reading) }
    for (table, keys) in memory.recentRows.values { addRows(of: table, keys, to: &pipeline, &reading) }
    return reading
  }

  /// What takes the results of a pipeline's statements.
  struct Reading {
    typealias Taker = (PostgreSQLRows, Rows) throws(StorageError) -> Void

    private var takers: [(index: Int, take: Taker)] = []

    mutating func add(_ index: Int, _ take: @escaping Taker) { takers.append((index, take)) }

    func take(_ results: [Rows], into rows: PostgreSQLRows) throws(StorageError) {
      for taker in takers { try taker.take(rows, results[taker.index]) }
    }
  }

  private func addJobs(_ keys: LedgerKeys, to pipeline: inout Pipeline, _ reading: inout Reading) {
    let (predictions, ids, numbers) = (keys.predictionIDs, keys.jobIDs.filter(\.isStorable), keys.jobNumbers)
    guard !predictions.isEmpty || !ids.isEmpty || !numbers.isEmpty || !keys.idempotencyKeys.isEmpty else {
      return
    }
    let index =
      if ids.isEmpty, numbers.isEmpty {
        pipeline.add(Self.selectPredictions, [.texts(predictions)])
      } else if ids.isEmpty, predictions.isEmpty {
        pipeline.add(Self.selectNumbers, [.integers(numbers)])
      } else {
        pipeline.add(Self.selectJobs, [.texts(predictions), .texts(ids), .integers(numbers)])
      }
    reading.add(index) { rows, results throws(StorageError) in
      try rows.noteJobs(results)
      for id in predictions where rows.jobsByPrediction[id] == nil { rows.jobsByPrediction[id] = .some(nil) }
      for id in keys.jobIDs where rows.jobsByID[id] == nil { rows.jobsByID[id] = .some(nil) }
      for number in numbers where rows.jobs[number] == nil { rows.jobs[number] = .some(nil) }
    }
    if !ids.isEmpty || !numbers.isEmpty {
      let index = pipeline.add(Self.selectOrders, [.texts(ids), .integers(numbers)])
      reading.add(index) { rows, results throws(StorageError) in
        try rows.noteOrders(results, ofJobs: ids.compactMap { rows.jobsByID[$0] ?? nil } + numbers)
      }
    }
    if !keys.idempotencyKeys.isEmpty {
      let names = keys.idempotencyKeys
      reading.add(pipeline.add(Self.selectIdempotencyKeys, [.texts(names)])) { rows, results in
        for name in names { rows.jobsByKey[name] = .some(nil) }
        for index in 0..<results.count {
          rows.jobsByKey[results.text(index, 0) ?? ""] = results.integer(index, 1)
        }
      }
    }
  }

  private func noteJobs(_ results: Rows) throws(StorageError) {
    for index in 0..<results.count {
      let row = try JobRow.stored(results, index)
      let job = row.version.job
      jobs[row.number] = LoadedJob(
        row: row, historyLength: results.integer(index, Self.historyLengthColumn))
      if let id = job.snapshot?.predictionID { jobsByPrediction[id] = row.number }
      if let id = job.origin?.id { jobsByID[id] = row.number }
    }
  }

  private func noteOrders(_ results: Rows, ofJobs numbers: [Int64]) throws(StorageError) {
    for number in numbers { orders[number] = .some(nil) }
    for index in 0..<results.count {
      let order = try OrderRow.read(results, index, requestColumn: nil)
      // One that was inserted after the jobs were read belongs to none of them.
      guard orders[order.number] != nil else { continue }
      orders[order.number] = order
      if !results.isNull(index, OrderRow.requestColumn) {
        requests[order.number] = results.bytes(index, OrderRow.requestColumn)
      }
    }
  }

  private func noteDeliveries(_ results: Rows, of ids: [String]) {
    deliveries.reserveCapacity(ids.count)
    for id in ids { deliveries[id] = .some(nil) }
    for index in 0..<results.count {
      deliveries[results.text(index, 0) ?? ""] = EarlierDelivery(
        job: results.integer(index, 1), digest: BodyDigest(bytes: results.bytes(index, 2)))
    }
  }

  private func addAttempts(_ ids: [String], to pipeline: inout Pipeline, _ reading: inout Reading) {
    guard !ids.isEmpty else { return }
    reading.add(pipeline.add(Self.selectAttempts, [.texts(ids)])) { rows, results in
      for id in ids { rows.pastPredictions[id] = .some(nil) }
      for index in 0..<results.count {
        rows.pastPredictions[results.text(index, 0) ?? ""] = results.integer(index, 1)
      }
    }
  }

  private static func tombstoneTexts(of keys: LedgerKeys) -> [String] {
    keys.webhookIDs.map { TombstoneKey.webhook($0).text }
      + keys.predictionIDs.map { TombstoneKey.prediction($0).text }
      + keys.jobIDs.map { TombstoneKey.job($0).text }
  }

  private func addTombstones(_ texts: [String], to pipeline: inout Pipeline, _ reading: inout Reading) {
    let texts = texts.filter(\.isStorable)
    guard !texts.isEmpty else { return }
    reading.add(pipeline.add(Self.selectTombstones, [.texts(texts)])) { rows, results in
      for text in texts { rows.tombstones[text] = false }
      for index in 0..<results.count { rows.tombstones[results.text(index, 0) ?? ""] = true }
    }
  }

  private func addNumbers(_ count: Int, to pipeline: inout Pipeline, _ reading: inout Reading) {
    reading.add(pipeline.add(Self.drawNumbers, [.integer(Int64(count))])) { rows, results in
      rows.memory.noteNumbers(
        (0..<results.count).map { results.integer($0, 0) }, at: MonotonicClock.now)
    }
  }

  /// Reads with one round trip what `build` adds.
  func read(_ build: (inout Pipeline, inout Reading) -> Void) throws(StorageError) {
    var (pipeline, reading) = (Pipeline(), Reading())
    build(&pipeline, &reading)
    guard !pipeline.isEmpty else { return }
    try reading.take(try run(pipeline), into: self)
  }

  /// Locks and reads jobs, with their orders.
  func load(_ keys: LedgerKeys) throws(StorageError) {
    try read { pipeline, reading in addJobs(keys, to: &pipeline, &reading) }
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

// MARK: - Orders and work

extension PostgreSQLRows {
  func order(ofJob number: Int64) throws(StorageError) -> StoredOrder? {
    if let known = orders[number] { return known }
    guard !newNumbers.contains(number) else { return nil }
    try load(.jobs([number]))
    return orders[number] ?? nil
  }

  private static let selectRequest = Query("SELECT request FROM orders WHERE job = $1")

  func request(ofJob number: Int64) throws(StorageError) -> [UInt8] {
    guard try order(ofJob: number) != nil else { return [] }
    if let known = requests[number] { return known }
    let request = try run(Self.selectRequest, [.integer(number)]).bytes(0, 0)
    requests[number] = request
    return request
  }

  func job(ofIdempotencyKey key: String) throws(StorageError) -> Int64? {
    guard key.isStorable else { return nil }
    if jobsByKey[key] == nil {
      var keys = LedgerKeys()
      keys.idempotencyKeys = [key]
      try load(keys)
    }
    return jobsByKey[key] ?? nil
  }

  private static let selectWorkOfJobs = Query("SELECT \(WorkColumn.list) FROM work WHERE job = ANY($1)")

  func work(ofJob number: Int64) throws(StorageError) -> [WorkItem] {
    if let known = workOfJobs[number] { return known }
    guard try loaded(number) != nil else { return [] }
    // Where the work of one job is needed, that of the others is.
    let numbers = jobs.compactMap { $0.value == nil || workOfJobs[$0.key] != nil ? nil : $0.key }
    let rows = try run(Self.selectWorkOfJobs, [.integers(numbers.sorted())])
    for number in numbers { workOfJobs[number] = [] }
    for item in items(rows) { workOfJobs[item.key.job]?.append(item) }
    return workOfJobs[number] ?? []
  }

  /// Items that no other transaction has locked, nor their jobs. Both are locked.
  ///
  /// All locks are of the kind that does not wait. No more rows are locked than are returned, because what is
  /// skipped does not count: several processes claim beside each other. An item without a job is one that its
  /// job has left behind; it is found once it is among the first.
  ///
  /// - Parameters: `$1` is the kind, `$2` a local time, `$3` the same in the server's time, `$4` the maximum.
  private static func selectWork(_ condition: String) -> Query {
    Query(
      """
      WITH free AS MATERIALIZED (
        SELECT work.* FROM work JOIN jobs ON jobs.number = work.job WHERE kind = $1 AND \(condition)
        ORDER BY work.due_at, job LIMIT $4 FOR NO KEY UPDATE OF work, jobs SKIP LOCKED),
      stray AS MATERIALIZED (
        SELECT work.* FROM work WHERE (job, kind, key) IN (
          SELECT job, kind, key FROM (
            SELECT job, kind, key FROM work WHERE kind = $1 AND \(condition) ORDER BY due_at, job LIMIT $4
          ) AS first WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE number = first.job))
        FOR NO KEY UPDATE SKIP LOCKED)
      SELECT \(WorkColumn.list) FROM (SELECT * FROM free UNION ALL SELECT * FROM stray) AS work
      ORDER BY due_at, job LIMIT $4
      """)
  }

  /// The first condition is one for the index.
  private static let selectDueWork = selectWork(
    "work.due_at <= greatest($2, $3) AND work.due_at <= CASE WHEN owner IS NULL THEN $2 ELSE $3 END")
  private static let selectLaterWork = selectWork(
    "work.due_at > least($2, $3) AND work.due_at > CASE WHEN owner IS NULL THEN $2 ELSE $3 END")
  private static let selectClaimedWork = selectWork(
    "owner IS NOT NULL AND lease_until <= $3 AND $2 IS NOT NULL")

  private static let maxItems = 100_000

  func work(_ kind: WorkKind, dueAt moment: Timestamp, limit: Int) throws(StorageError) -> [WorkItem] {
    try items(Self.selectDueWork, kind, moment, limit)
  }

  func work(_ kind: WorkKind, dueAfter moment: Timestamp) throws(StorageError) -> [WorkItem] {
    try items(Self.selectLaterWork, kind, moment, Self.maxItems)
  }

  func claimedWork(_ kind: WorkKind, endingUntil moment: Timestamp) throws(StorageError) -> [WorkItem] {
    try items(Self.selectClaimedWork, kind, moment, Self.maxItems)
  }

  private func items(
    _ query: Query, _ kind: WorkKind, _ moment: Timestamp, _ limit: Int
  ) throws(StorageError) -> [WorkItem] {
    let limit = min(max(0, limit), Self.maxItems)
    let rows = try run(
      query,
      [
        .text(kind.rawValue), .integer(moment.milliseconds), .integer(clock.server(moment).milliseconds),
        .integer(Int64(limit)),
      ])
    let items = items(rows)
    let numbers = Set(items.map(\.key.job)).filter { jobs[$0] == nil }
    if !numbers.isEmpty { try load(.jobs(numbers.sorted())) }
    return items
  }

  /// The times of a claimed item are stored in the server's time.
  private func items(_ rows: Rows) -> [WorkItem] {
    (0..<rows.count).map { index in
      var item = WorkColumn.read(rows, index)
      if item.owner != nil {
        item.dueAt = clock.local(item.dueAt)
        item.leaseEnd = item.leaseEnd.map(clock.local)
      }
      return item
    }
  }

  private static let countUnclaimed = Query(
    """
    SELECT count(*) FROM (SELECT 1 FROM work WHERE kind = $1 AND owner IS NULL LIMIT 10000000) AS unclaimed
    """)

  func unclaimedCount(of kind: WorkKind) throws(StorageError) -> Int {
    let now = MonotonicClock.now
    if kind == .create, let known = memory.queuedCount(at: now) { return known }
    let count = Int(try run(Self.countUnclaimed, [.text(kind.rawValue)]).integer(0, 0))
    if kind == .create { memory.noteQueued(count, at: now) }
    return count
  }
}

extension TombstoneKey {
  /// The text whose SHA-256 digest is stored.
  var text: String {
    switch self {
    case .webhook(let id): "webhook:\(id)"
    case .prediction(let id): "prediction:\(id)"
    case .job(let id): "job:\(id)"
    }
  }
}

extension String {
  /// Whether PostgreSQL's `text` can hold it, and so whether a row may have it.
  var isStorable: Bool { !utf8.contains(0) }
}
