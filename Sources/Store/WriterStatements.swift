internal import CSQLite
internal import Jobs

/// The statements of the writer, prepared once.
final class WriterStatements {
  private let connection: Connection
  private let selectDelivery: Statement
  private let insertDelivery: Statement
  private let selectLastPosition: Statement
  private let selectJob: Statement
  private let selectJobByNumber: Statement
  private let insertJob: Statement
  private let updateJob: Statement
  private let updateJobAndBody: Statement

  /// The first delivery with some id.
  struct EarlierDelivery {
    let job: Int64
    let digest: BodyDigest
  }

  init(_ connection: Connection) throws(StoreError) {
    self.connection = connection
    // The condition on is_repeat is what lets SQLite use the partial index.
    selectDelivery = try Statement(
      "SELECT job, digest FROM deliveries WHERE webhook_id = ? AND is_repeat = 0", on: connection)
    insertDelivery = try Statement(
      """
      INSERT INTO deliveries (job, position, webhook_id, is_repeat, digest, received_at, provider_status, outcome,
        phase, revision)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      """, on: connection)
    selectLastPosition = try Statement(
      "SELECT position FROM deliveries WHERE job = ? ORDER BY position DESC LIMIT 1", on: connection)
    selectJob = try Statement(
      "SELECT number, \(JobRow.columns) FROM jobs WHERE prediction_id = ?", on: connection)
    selectJobByNumber = try Statement(
      "SELECT number, \(JobRow.columns) FROM jobs WHERE number = ?", on: connection)
    let parameters = Array(repeating: "?", count: Int(JobRow.columnCount)).joined(separator: ", ")
    insertJob = try Statement(
      "INSERT INTO jobs (\(JobRow.columns), body) VALUES (\(parameters), ?)", on: connection)
    updateJob = try Statement(
      "UPDATE jobs SET (\(JobRow.columns)) = (\(parameters)) WHERE number = ?", on: connection)
    updateJobAndBody = try Statement(
      "UPDATE jobs SET (\(JobRow.columns), body) = (\(parameters), ?) WHERE number = ?", on: connection)
  }
}

// MARK: - Jobs

extension WriterStatements {
  func findJob(predictionID: String) throws(StoreError) -> (number: Int64, job: Job)? {
    defer { selectJob.reset() }
    try selectJob.bind(1, predictionID)
    guard try selectJob.step() else { return nil }
    return (Int64(selectJob.integer(0)), try JobRow.read(from: selectJob, at: 1))
  }

  func job(number: Int64) throws(StoreError) -> Job {
    defer { selectJobByNumber.reset() }
    try selectJobByNumber.bind(1, number)
    guard try selectJobByNumber.step() else { throw .corrupt("a delivery belongs to no job") }
    return try JobRow.read(from: selectJobByNumber, at: 1)
  }

  /// - Returns: the new job's number.
  func insertJob(_ job: Job, body: [UInt8]) throws(StoreError) -> Int64 {
    try JobRow.bind(job, to: insertJob)
    try insertJob.binding(JobRow.columnCount + 1, body) { () throws(StoreError) in try insertJob.run() }
    return sqlite3_last_insert_rowid(connection.handle)
  }

  /// - Parameter body: nil where the job still rests on the snapshot that it has.
  func updateJob(_ number: Int64, to job: Job, body: [UInt8]?) throws(StoreError) {
    guard let body else {
      try JobRow.bind(job, to: updateJob)
      try updateJob.bind(JobRow.columnCount + 1, number)
      return try updateJob.run()
    }
    try JobRow.bind(job, to: updateJobAndBody)
    try updateJobAndBody.bind(JobRow.columnCount + 2, number)
    try updateJobAndBody.binding(JobRow.columnCount + 1, body) { () throws(StoreError) in
      try updateJobAndBody.run()
    }
  }
}

// MARK: - Deliveries

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

  /// 0 for a job without deliveries.
  func lastPosition(ofJob job: Int64) throws(StoreError) -> Int64 {
    defer { selectLastPosition.reset() }
    try selectLastPosition.bind(1, job)
    return try selectLastPosition.step() ? Int64(selectLastPosition.integer(0)) : 0
  }

  func insertDelivery(
    _ delivery: Delivery, at position: Int64, ofJob number: Int64, nowBeing job: Job, isRepeat: Bool,
    outcome: DeliveryOutcome
  ) throws(StoreError) {
    try insertDelivery.bind(1, number)
    try insertDelivery.bind(2, position)
    try insertDelivery.bind(3, delivery.webhookID)
    try insertDelivery.bind(4, isRepeat ? 1 : 0)
    try insertDelivery.bind(5, copying: delivery.snapshot.evidence.digest.bytes)
    try insertDelivery.bind(6, delivery.receivedAt.milliseconds)
    try insertDelivery.bind(7, delivery.snapshot.providerStatus)
    try insertDelivery.bind(8, outcome.rawValue)
    try insertDelivery.bind(9, job.phase.rawValue)
    try insertDelivery.bind(10, job.revision)
    try insertDelivery.run()
  }
}
