internal import Crypto
internal import Jobs
internal import StoreSeam
internal import Tables
internal import SQLite
internal import Time
internal import Work

/// The rows of the present transaction. A lookup is a function call, so nothing is read ahead.
final class SQLiteRows {
  private let connection: Connection
  private let selectJob: Statement
  private let selectJobByID: Statement
  private let selectJobByPrediction: Statement
  private let selectBody: Statement
  private let selectLastPosition: Statement
  private let selectDelivery: Statement
  private let selectOutcomes: Statement
  private let selectAttempt: Statement
  private let selectOrder: Statement
  private let selectRequest: Statement
  private let selectOrderByKey: Statement
  private let selectDueWork: Statement
  private let selectLaterWork: Statement
  private let selectWorkOfJob: Statement
  private let selectClaimedWork: Statement
  private let selectKey: Statement
  private let leases: LeaseStatements
  private let selectTombstone: Statement
  private let selectPruned: Statement
  private let tables: CapabilityStatements
  private let sha256 = SHA256()
  /// What was counted once, and is kept up to date by the writes. Nil until first needed.
  ///
  /// It stays valid because no other connection writes.
  var counts = Counts()

  struct Counts {
    /// The last job's number.
    var lastJob: Int64?
    /// The last change's number.
    var lastChange: Int64?
    /// The unclaimed create calls.
    var queued: Int?
    /// Whether `attempts` has rows. Most databases never have one, which saves a lookup for each job.
    var hasAttempts: Bool?
    /// Whether `tombstone_keys` has rows.
    var hasTombstoneKeys: Bool?
  }

  init(_ connection: Connection, tables: CapabilityStatements) {
    self.connection = connection
    self.tables = tables
    let job = "SELECT \(JobRow.selection) FROM jobs WHERE"
    selectJob = Statement("\(job) number = ?1", on: connection)
    selectJobByID = Statement("\(job) id = ?1", on: connection)
    selectJobByPrediction = Statement("\(job) prediction_id = ?1", on: connection)
    selectBody = Statement("SELECT body FROM jobs WHERE number = ?1", on: connection)
    selectLastPosition = Statement(
      "SELECT position FROM deliveries WHERE job = ?1 ORDER BY position DESC LIMIT 1", on: connection)
    // The condition on is_repeat lets SQLite use the partial index.
    selectDelivery = Statement(
      "SELECT job, digest FROM deliveries WHERE webhook_id = ?1 AND is_repeat = 0", on: connection)
    selectOutcomes = Statement(
      "SELECT outcome, received_at FROM deliveries WHERE job = ?1 ORDER BY position DESC", on: connection)
    selectAttempt = Statement("SELECT job FROM attempts WHERE prediction_id = ?1", on: connection)
    selectOrder = Statement(OrderRow.select, on: connection)
    selectRequest = Statement("SELECT request FROM orders WHERE job = ?1", on: connection)
    selectOrderByKey = Statement("SELECT job FROM orders WHERE idempotency_key = ?1", on: connection)
    let work = "SELECT \(WorkColumn.list) FROM work WHERE kind = ?1"
    selectDueWork = Statement(
      "\(work) AND due_at <= ?2 ORDER BY due_at, job LIMIT ?3", on: connection)
    selectLaterWork = Statement("\(work) AND due_at > ?2", on: connection)
    selectWorkOfJob = Statement("SELECT \(WorkColumn.list) FROM work WHERE job = ?1", on: connection)
    selectClaimedWork = Statement("\(work) AND owner IS NOT NULL AND lease_until <= ?2", on: connection)
    selectKey = Statement("SELECT value FROM keys WHERE name = ?1", on: connection)
    leases = LeaseStatements(connection)
    selectTombstone = Statement("SELECT 1 FROM tombstone_keys WHERE digest = ?1", on: connection)
    selectPruned = Statement(
      """
      SELECT number, phase IN ('succeeded', 'failed', 'canceled') AS has_ended, updated_at,
        CASE WHEN updated_at >= ?3 THEN coalesce(ordered_at,
          (SELECT received_at FROM deliveries WHERE job = jobs.number AND position = 1)) END AS seen_at,
        CASE WHEN updated_at < ?3 THEN
          (SELECT received_at FROM deliveries WHERE job = jobs.number ORDER BY position DESC LIMIT 1)
        END AS delivered_at
      FROM jobs WHERE number > ?1 ORDER BY number LIMIT ?2
      """, on: connection)
  }

  /// Discards what was counted: a failed transaction may have changed it.
  func forgetCounts() { counts = Counts() }

  /// The only row of `statement`, which has one text parameter.
  private func first<Value>(
    of statement: Statement, where text: String, _ read: (Statement) throws(DatabaseError) -> Value
  ) throws(StorageError) -> Value? {
    try converting { () throws(DatabaseError) in
      defer { statement.reset() }
      try statement.bind(1, text)
      return try statement.step() ? try read(statement) : nil
    }
  }

  private func first<Value>(
    of statement: Statement, where number: Int64, _ read: (Statement) throws(DatabaseError) -> Value
  ) throws(StorageError) -> Value? {
    try converting { () throws(DatabaseError) in
      defer { statement.reset() }
      try statement.bind(1, number)
      return try statement.step() ? try read(statement) : nil
    }
  }

  /// The digest that stands for a key in `tombstone_keys`.
  func digest(of key: TombstoneKey) -> [UInt8] {
    let text =
      switch key {
      case .webhook(let id): "webhook:\(id)"
      case .prediction(let id): "prediction:\(id)"
      case .job(let id): "job:\(id)"
      }
    return sha256.digest(of: Array(text.utf8).span)
  }
}

// MARK: - Jobs and their histories

extension SQLiteRows: StoredRows {
  func job(number: Int64) throws(StorageError) -> StoredRow? {
    try first(of: selectJob, where: number, JobRow.stored)
  }

  func job(id: String) throws(StorageError) -> StoredRow? {
    try first(of: selectJobByID, where: id, JobRow.stored)
  }

  func job(ofPrediction id: String) throws(StorageError) -> StoredRow? {
    try first(of: selectJobByPrediction, where: id, JobRow.stored)
  }

  func body(ofJob number: Int64) throws(StorageError) -> [UInt8] {
    try first(of: selectBody, where: number) { $0.bytes(0) } ?? []
  }

  func historyLength(ofJob number: Int64) throws(StorageError) -> Int64 {
    try first(of: selectLastPosition, where: number) { Int64($0.integer(0)) } ?? 0
  }

  func delivery(webhookID: String) throws(StorageError) -> EarlierDelivery? {
    let found = try first(of: selectDelivery, where: webhookID) { row in
      EarlierDelivery(job: Int64(row.integer(0)), digest: BodyDigest(bytes: row.bytes(1)))
    }
    if let found { return found }
    return try hasTombstone(of: .webhook(webhookID)) ? EarlierDelivery(job: nil, digest: nil) : nil
  }

  func isDeleted(prediction id: String) throws(StorageError) -> Bool {
    try hasTombstone(of: .prediction(id))
  }

  func isDeleted(job id: String) throws(StorageError) -> Bool { try hasTombstone(of: .job(id)) }

  private func hasTombstone(of key: TombstoneKey) throws(StorageError) -> Bool {
    if counts.hasTombstoneKeys == nil { counts.hasTombstoneKeys = try exists("tombstone_keys") }
    guard counts.hasTombstoneKeys == true else { return false }
    let digest = digest(of: key)
    return try converting { () throws(DatabaseError) in
      defer { selectTombstone.reset() }
      try selectTombstone.bind(1, copying: digest)
      return try selectTombstone.step()
    }
  }

  private func exists(_ table: String) throws(StorageError) -> Bool {
    try converting { () throws(DatabaseError) in
      try connection.integer("SELECT EXISTS (SELECT 1 FROM \(table))") == 1
    }
  }

  func notFoundAnswers(ofJob number: Int64, after moment: Timestamp) throws(StorageError) -> [Timestamp] {
    try converting { () throws(DatabaseError) in
      defer { selectOutcomes.reset() }
      try selectOutcomes.bind(1, number)
      var moments: [Timestamp] = []
      while try selectOutcomes.step(), selectOutcomes.text(0) == DeliveryOutcome.notFound.rawValue,
        case let received = Timestamp(milliseconds: Int64(selectOutcomes.integer(1))), moment < received
      {
        moments.append(received)
      }
      return moments
    }
  }

  func job(ofPastPrediction id: String) throws(StorageError) -> Int64? {
    if counts.hasAttempts == nil { counts.hasAttempts = try exists("attempts") }
    guard counts.hasAttempts == true else { return nil }
    return try first(of: selectAttempt, where: id) { Int64($0.integer(0)) }
  }

  func nextJobNumber() throws(StorageError) -> Int64 {
    let last: Int64
    if let known = counts.lastJob {
      last = known
    } else {
      last = try converting { () throws(DatabaseError) in
        Int64(try connection.integer("SELECT coalesce(max(number), 0) FROM jobs"))
      }
    }
    counts.lastJob = last + 1
    return last + 1
  }

  func pruningCandidates(
    after number: Int64, limit: Int, quietSince moment: Timestamp
  ) throws(StorageError) -> [PruningCandidate] {
    try converting { () throws(DatabaseError) in
      defer { selectPruned.reset() }
      try selectPruned.bind(1, number)
      try selectPruned.bind(2, Int64(limit))
      try selectPruned.bind(3, moment.milliseconds)
      var candidates: [PruningCandidate] = []
      while try selectPruned.step() {
        let row = Row(selectPruned, PruningColumn.self)
        candidates.append(
          PruningCandidate(
            number: row.int64(.number), hasEnded: row.flag(.hasEnded),
            updatedAt: Timestamp(milliseconds: row.int64(.updatedAt)),
            lastDeliveryAt: row.time(.lastDeliveryAt), createdAt: row.time(.createdAt)))
      }
      return candidates
    }
  }
}

/// The columns that decide whether a job is pruned.
private enum PruningColumn: Int32, ColumnSet {
  case number, hasEnded, updatedAt, createdAt, lastDeliveryAt

  var name: String {
    switch self {
    case .number: "number"
    case .hasEnded: "has_ended"
    case .updatedAt: "updated_at"
    case .createdAt: "seen_at"
    case .lastDeliveryAt: "delivered_at"
    }
  }
}

// MARK: - Orders and work

extension SQLiteRows {
  func order(ofJob number: Int64) throws(StorageError) -> StoredOrder? {
    try first(of: selectOrder, where: number) { (row) throws(DatabaseError) in
      try OrderRow.read(row, hasRequest: false)
    }
  }

  func request(ofJob number: Int64) throws(StorageError) -> [UInt8] {
    try first(of: selectRequest, where: number) { $0.bytes(0) } ?? []
  }

  func job(ofIdempotencyKey key: String) throws(StorageError) -> Int64? {
    try first(of: selectOrderByKey, where: key) { Int64($0.integer(0)) }
  }

  func work(_ kind: WorkKind, dueAt moment: Timestamp, limit: Int) throws(StorageError) -> [WorkItem] {
    try items(of: selectDueWork, kind, moment, limit)
  }

  func work(_ kind: WorkKind, dueAfter moment: Timestamp) throws(StorageError) -> [WorkItem] {
    try items(of: selectLaterWork, kind, moment, nil)
  }

  func claimedWork(_ kind: WorkKind, endingUntil moment: Timestamp) throws(StorageError) -> [WorkItem] {
    try items(of: selectClaimedWork, kind, moment, nil)
  }

  private func items(
    of statement: Statement, _ kind: WorkKind, _ moment: Timestamp, _ limit: Int?
  ) throws(StorageError) -> [WorkItem] {
    try converting { () throws(DatabaseError) in
      defer { statement.reset() }
      try statement.bind(1, kind.rawValue)
      try statement.bind(2, moment.milliseconds)
      // https://www.sqlite.org/lang_select.html#limitoffset: a negative limit is none.
      if let limit { try statement.bind(3, Int64(max(0, limit))) }
      var items: [WorkItem] = []
      while try statement.step() { items.append(WorkColumn.read(statement)) }
      return items
    }
  }

  func work(ofJob number: Int64) throws(StorageError) -> [WorkItem] {
    try converting { () throws(DatabaseError) in
      defer { selectWorkOfJob.reset() }
      try selectWorkOfJob.bind(1, number)
      var items: [WorkItem] = []
      while try selectWorkOfJob.step() { items.append(WorkColumn.read(selectWorkOfJob)) }
      return items
    }
  }

  /// One process writes the file.
  func lock(subject number: Int64) {}

  func unclaimedCount(of kind: WorkKind) throws(StorageError) -> Int {
    if kind == .create, let known = counts.queued { return known }
    let count = try converting { () throws(DatabaseError) in
      try connection.integer(
        "SELECT count(*) FROM work WHERE kind = '\(kind.rawValue)' AND owner IS NULL")
    }
    if kind == .create { counts.queued = count }
    return count
  }

  func key(_ name: String) throws(StorageError) -> [UInt8]? {
    try first(of: selectKey, where: name) { $0.bytes(0) }
  }

  func lease(_ name: String) throws(StorageError) -> Lease? {
    try converting { () throws(DatabaseError) in try leases.lease(name) }
  }

  func budget(_ name: String) throws(StorageError) -> Budget? {
    try converting { () throws(DatabaseError) in try leases.budget(name) }
  }
}

// MARK: - Tables of capabilities

extension SQLiteRows {
  func row(of table: TableDeclaration, key: [RowValue]) throws(StorageError) -> TableRow? {
    try converting { () throws(DatabaseError) in try tables.row(of: table, key: key) }
  }

  func count(of table: TableDeclaration, prefix: [RowValue], limit: Int) throws(StorageError) -> Int {
    try converting { () throws(DatabaseError) in try tables.count(of: table, prefix: prefix, limit: limit) }
  }
}
