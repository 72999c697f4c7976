internal import Jobs

/// How a job stands in its row: the columns, in one order for every statement.
enum JobRow {
  /// All but `number` and `body`.
  static let columns = """
    prediction_id, phase, provider_status, knows_status, model, model_version, error_code, error_message, created_at,
    started_at, completed_at, updated_at, last_delivery_at, stale_at, revision, logs_size, output_size, digest
    """
  static let columnCount: Int32 = 18

  /// Binds `job` to the parameters 1 to ``columnCount``.
  static func bind(_ job: Job, to statement: borrowing Statement) throws(StoreError) {
    let snapshot = job.snapshot
    try statement.bind(1, snapshot.predictionID)
    try statement.bind(2, job.phase.rawValue)
    try statement.bind(3, snapshot.providerStatus)
    try statement.bind(4, snapshot.phase == nil ? 0 : 1)
    try statement.bind(5, snapshot.model)
    try statement.bind(6, snapshot.modelVersion)
    try statement.bind(7, snapshot.error?.code)
    try statement.bind(8, snapshot.error?.message)
    try statement.bind(9, snapshot.createdAt?.milliseconds)
    try statement.bind(10, snapshot.startedAt?.milliseconds)
    try statement.bind(11, snapshot.completedAt?.milliseconds)
    try statement.bind(12, job.updatedAt.milliseconds)
    try statement.bind(13, job.lastDeliveryAt.milliseconds)
    try statement.bind(14, job.staleAt?.milliseconds)
    try statement.bind(15, job.revision)
    try statement.bind(16, Int64(snapshot.evidence.logsSize))
    try statement.bind(17, Int64(snapshot.evidence.outputSize))
    try statement.bind(18, copying: snapshot.evidence.digest.bytes)
  }

  /// Reads a job from the columns that begin at `first`.
  static func read(from statement: borrowing Statement, at first: Int32) throws(StoreError) -> Job {
    guard let predictionID = statement.text(first), let phase = statement.text(first + 1).flatMap(Phase.init),
      let status = statement.text(first + 2), let digest = BodyDigest(bytes: statement.bytes(first + 17))
    else { throw .corrupt("a row of jobs holds what this program never writes") }
    var error: JobError?
    if let code = statement.text(first + 6) {
      error = JobError(code: code, message: statement.text(first + 7))
    }
    let snapshot = Snapshot(
      predictionID: predictionID, providerStatus: status,
      // A snapshot whose status is known has the phase of its job: Job.merge keeps no other.
      phase: statement.integer(first + 3) == 0 ? nil : phase,
      model: statement.text(first + 4), modelVersion: statement.text(first + 5), error: error,
      createdAt: statement.time(first + 8), startedAt: statement.time(first + 9),
      completedAt: statement.time(first + 10),
      evidence: Evidence(
        logsSize: statement.integer(first + 15), outputSize: statement.integer(first + 16), digest: digest))
    return Job(
      phase: phase, snapshot: snapshot, revision: Int64(statement.integer(first + 14)),
      updatedAt: Timestamp(milliseconds: Int64(statement.integer(first + 11))),
      lastDeliveryAt: Timestamp(milliseconds: Int64(statement.integer(first + 12))),
      staleAt: statement.time(first + 13))
  }
}

extension Statement {
  fileprivate borrowing func time(_ column: Int32) -> Timestamp? {
    optionalInteger(column).map(Timestamp.init(milliseconds:))
  }
}
