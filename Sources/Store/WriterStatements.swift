internal import Jobs
internal import SQLite
internal import Time

/// The prepared statements for jobs and their history.
final class WriterStatements {
  private let connection: Connection
  private let selectDelivery: Statement
  private let insertDelivery: Statement
  private let selectLastPosition: Statement
  private let selectJob: Statement
  private let selectJobByID: Statement
  private let selectJobByNumber: Statement
  private let insertJob: Statement
  private let updateJob: Statement
  private let updateJobAndBody: Statement
  private let updatePrediction: Statement
  private let selectBody: Statement
  private let deleteJob: Statement
  private let moveDeliveries: Statement

  /// The first delivery with a webhook id.
  struct EarlierDelivery {
    let job: Int64
    let digest: BodyDigest
  }

  init(_ connection: Connection) {
    self.connection = connection
    // The condition on is_repeat lets SQLite use the partial index.
    selectDelivery = Statement(
      "SELECT job, digest FROM deliveries WHERE webhook_id = ? AND is_repeat = 0", on: connection)
    insertDelivery = Statement(
      """
      INSERT INTO deliveries (job, position, webhook_id, is_repeat, digest, received_at, provider_status,
        outcome, phase, revision, source)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      """, on: connection)
    selectLastPosition = Statement(
      "SELECT position FROM deliveries WHERE job = ? ORDER BY position DESC LIMIT 1", on: connection)
    selectJob = Statement(JobRow.selectByPrediction, on: connection)
    selectJobByID = Statement(JobRow.selectByID, on: connection)
    selectJobByNumber = Statement(JobRow.selectByNumber, on: connection)
    insertJob = Statement(JobRow.insert, on: connection)
    updateJob = Statement(JobRow.update, on: connection)
    updateJobAndBody = Statement(JobRow.updateWithBody, on: connection)
    updatePrediction = Statement("UPDATE jobs SET prediction_id = ? WHERE number = ?", on: connection)
    selectBody = Statement("SELECT body FROM jobs WHERE number = ?", on: connection)
    deleteJob = Statement("DELETE FROM jobs WHERE number = ?", on: connection)
    moveDeliveries = Statement(
      "UPDATE deliveries SET job = ?2, position = position + ?3 WHERE job = ?1", on: connection)
  }
}

// MARK: - Jobs

extension WriterStatements {
  func findJob(predictionID: String) throws(StoreError) -> (number: Int64, job: Job)? {
    defer { selectJob.reset() }
    try selectJob.bind(1, predictionID)
    return try Self.row(of: selectJob)
  }

  func findJob(id: String) throws(StoreError) -> (number: Int64, job: Job)? {
    defer { selectJobByID.reset() }
    try selectJobByID.bind(1, id)
    return try Self.row(of: selectJobByID)
  }

  /// Finds a job by its own id or its prediction's.
  func findJob(named name: String) throws(StoreError) -> (number: Int64, job: Job)? {
    if let found = try findJob(id: name) { return found }
    return try findJob(predictionID: name)
  }

  func findJob(number: Int64) throws(StoreError) -> Job? {
    defer { selectJobByNumber.reset() }
    try selectJobByNumber.bind(1, number)
    return try Self.row(of: selectJobByNumber)?.job
  }

  private static func row(of statement: Statement) throws(StoreError) -> (number: Int64, job: Job)? {
    guard try statement.step() else { return nil }
    return (Int64(statement.integer(0)), try JobRow.read(from: statement, at: 1))
  }

  func job(number: Int64) throws(StoreError) -> Job {
    guard let job = try findJob(number: number) else { throw .corrupt("a row belongs to no job") }
    return job
  }

  /// - Returns: the new job's number.
  func insertJob(_ job: Job, body: [UInt8]) throws(StoreError) -> Int64 {
    try JobRow.bind(job, to: insertJob)
    try insertJob.binding(JobRow.columnCount + 1, body) { () throws(StoreError) in try insertJob.run() }
    return connection.lastInsertedRow
  }

  /// Updates a job's row.
  ///
  /// - Parameter body: the body of a new snapshot; nil where the snapshot is unchanged.
  func updateJob(_ number: Int64, from stored: Job, to job: Job, body: [UInt8]?) throws(StoreError) {
    assert(job.revision >= stored.revision && job.updatedAt >= stored.updatedAt, "a revision goes backwards")
    assert(
      job.phase == stored.phase && job.verdict == stored.verdict || job.revision > stored.revision,
      "a change that the app sees has no revision")
    assert(job.phase.isTerminal || !stored.phase.isTerminal, "an ended job is open again")
    if let body {
      try JobRow.bind(job, to: updateJobAndBody)
      try updateJobAndBody.bind(JobRow.columnCount + 1, number)
      try updateJobAndBody.binding(JobRow.columnCount + 2, body) { () throws(StoreError) in
        try updateJobAndBody.run()
      }
    } else {
      try JobRow.bind(job, to: updateJob)
      try updateJob.bind(JobRow.columnCount + 1, number)
      try updateJob.run()
    }
    // SQLite rewrites every index of a column that an UPDATE names, even where the value is unchanged.
    guard stored.snapshot?.predictionID != job.snapshot?.predictionID else { return }
    try updatePrediction.bind(1, job.snapshot?.predictionID)
    try updatePrediction.bind(2, number)
    try updatePrediction.run()
  }

  func body(ofJob number: Int64) throws(StoreError) -> [UInt8] {
    defer { selectBody.reset() }
    try selectBody.bind(1, number)
    return try selectBody.step() ? selectBody.bytes(0) : []
  }

  /// Deletes the row of a job whose history was moved to another.
  func deleteJob(_ number: Int64) throws(StoreError) {
    try deleteJob.bind(1, number)
    try deleteJob.run()
  }
}

// MARK: - Deliveries

/// A row of a job's history.
struct HistoryRow {
  let job: Int64
  let position: Int64
  let webhookID: String?
  let source: HistorySource
  let isRepeat: Bool
  /// Nil without a body.
  let digest: BodyDigest?
  /// The provider's status, or the code of an end that the daemon decided. Empty for a 404.
  let providerStatus: String
  let receivedAt: Timestamp
  let outcome: DeliveryOutcome
  /// The job's phase after the row's event.
  let phase: Phase
  let revision: Int64

  init(
    job: Int64, position: Int64, webhookID: String?, source: SnapshotSource, isRepeat: Bool,
    snapshot: Snapshot,
    receivedAt: Timestamp, outcome: DeliveryOutcome, after: Job
  ) {
    self.job = job
    self.position = position
    self.webhookID = webhookID
    self.source = HistorySource(source)
    self.isRepeat = isRepeat
    digest = snapshot.evidence.digest
    providerStatus = snapshot.providerStatus
    self.receivedAt = receivedAt
    self.outcome = outcome
    phase = after.phase
    revision = after.revision
  }

  /// A row without a snapshot.
  init(
    job: Int64, position: Int64, source: HistorySource, status: String, at moment: Timestamp,
    outcome: DeliveryOutcome, after: Job
  ) {
    self.job = job
    self.position = position
    webhookID = nil
    self.source = source
    isRepeat = false
    digest = nil
    providerStatus = status
    receivedAt = moment
    self.outcome = outcome
    phase = after.phase
    revision = after.revision
  }
}

extension WriterStatements {
  func findDelivery(webhookID: String) throws(StoreError) -> EarlierDelivery? {
    defer { selectDelivery.reset() }
    try selectDelivery.bind(1, webhookID)
    guard try selectDelivery.step() else { return nil }
    guard let digest = BodyDigest(bytes: selectDelivery.bytes(1)) else {
      throw .corrupt("a row of deliveries has no digest")
    }
    return EarlierDelivery(job: Int64(selectDelivery.integer(0)), digest: digest)
  }

  /// The last position in a job's history; 0 where it is empty.
  func lastPosition(ofJob job: Int64) throws(StoreError) -> Int64 {
    defer { selectLastPosition.reset() }
    try selectLastPosition.bind(1, job)
    return try selectLastPosition.step() ? Int64(selectLastPosition.integer(0)) : 0
  }

  /// Appends the history of one job to that of another.
  func moveDeliveries(ofJob number: Int64, toJob other: Int64) throws(StoreError) {
    let offset = try lastPosition(ofJob: other)
    try moveDeliveries.bind(1, number)
    try moveDeliveries.bind(2, other)
    try moveDeliveries.bind(3, offset)
    try moveDeliveries.run()
  }

  func insertDelivery(_ row: HistoryRow) throws(StoreError) {
    #if DEBUG
      // The first row of a new job would violate the primary key, which is no silent break.
      let last = try row.position == 1 ? 0 : lastPosition(ofJob: row.job)
      assert(row.position == last + 1, "position \(row.position) follows \(last) in a history")
    #endif
    try insertDelivery.bind(1, row.job)
    try insertDelivery.bind(2, row.position)
    try insertDelivery.bind(3, row.webhookID)
    try insertDelivery.bind(4, row.isRepeat ? 1 : 0)
    try insertDelivery.bind(5, copying: row.digest?.bytes ?? [])
    try insertDelivery.bind(6, row.receivedAt.milliseconds)
    try insertDelivery.bind(7, row.providerStatus)
    try insertDelivery.bind(8, row.outcome.rawValue)
    try insertDelivery.bind(9, row.phase.rawValue)
    try insertDelivery.bind(10, row.revision)
    try insertDelivery.bind(11, row.source.rawValue)
    try insertDelivery.run()
  }
}
