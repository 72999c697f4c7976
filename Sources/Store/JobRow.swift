internal import Jobs
internal import SQLite
internal import Time

/// The mapping between a job and its row.
///
/// The columns have the same order in every statement.
enum JobRow {
  /// All columns except `number` and `body`.
  static let columns = """
    prediction_id, id, ordered_at, phase, provider_status, snapshot_phase, model, model_version, error_code,
    error_message, is_verdict, created_at, started_at, completed_at, updated_at, last_delivery_at, heard_at,
    due_at, polls, stale_at, ended_unheard, attempt, revision, logs_size, output_size, digest
    """
  static let columnCount: Int32 = 26

  // Built once, because every connection creates all of its statements.
  static let selectByPrediction = "SELECT number, \(columns) FROM jobs WHERE prediction_id = ?"
  static let selectByID = "SELECT number, \(columns) FROM jobs WHERE id = ?"
  static let selectByNumber = "SELECT number, \(columns) FROM jobs WHERE number = ?"
  static let insert = {
    let parameters = Array(repeating: "?", count: Int(columnCount)).joined(separator: ", ")
    return "INSERT INTO jobs (\(columns), body) VALUES (\(parameters), ?)"
  }()

  /// Updates every column except the job's identifiers.
  ///
  /// The parameters are those of ``insert``, then the number, then the body.
  static let update = update(withBody: false)
  static let updateWithBody = update(withBody: true)

  private static func update(withBody: Bool) -> String {
    let names = columns.split { $0 == "," || $0.isWhitespace }
    var assignments = names.enumerated().dropFirst(3).map { "\($1) = ?\($0 + 1)" }
    if withBody { assignments.append("body = ?\(columnCount + 2)") }
    return "UPDATE jobs SET \(assignments.joined(separator: ", ")) WHERE number = ?\(columnCount + 1)"
  }

  /// Binds `job` to the parameters 1 to ``columnCount``.
  static func bind(_ job: Job, to statement: Statement) throws(StoreError) {
    let snapshot = job.snapshot
    try statement.bind(1, snapshot?.predictionID)
    try statement.bind(2, job.origin?.id)
    try statement.bind(3, job.origin?.createdAt.milliseconds)
    try statement.bind(4, job.phase.rawValue)
    try statement.bind(5, snapshot?.providerStatus)
    try statement.bind(6, snapshot?.phase?.rawValue)
    try statement.bind(7, job.model)
    try statement.bind(8, snapshot?.modelVersion)
    try statement.bind(9, job.error?.code)
    try statement.bind(10, job.error?.message)
    try statement.bind(11, job.verdict == nil ? 0 : 1)
    try statement.bind(12, snapshot?.createdAt?.milliseconds)
    try statement.bind(13, snapshot?.startedAt?.milliseconds)
    try statement.bind(14, snapshot?.completedAt?.milliseconds)
    try statement.bind(15, job.updatedAt.milliseconds)
    try statement.bind(16, job.lastDeliveryAt?.milliseconds)
    try statement.bind(17, job.pollState.lastActivityAt.milliseconds)
    try statement.bind(18, job.pollState.dueAt?.milliseconds)
    try statement.bind(19, job.pollState.polls)
    try statement.bind(20, job.pollState.staleAt?.milliseconds)
    try statement.bind(21, job.endFoundByPolling ? 1 : 0)
    try statement.bind(22, job.attempt)
    try statement.bind(23, job.revision)
    try statement.bind(24, Int64(snapshot?.evidence.logsSize ?? 0))
    try statement.bind(25, Int64(snapshot?.evidence.outputSize ?? 0))
    if let digest = snapshot?.evidence.digest { try statement.bind(26, copying: digest.bytes) }
  }

  /// Reads a job from the columns that begin at `first`.
  static func read(from statement: Statement, at first: Int32) throws(StoreError) -> Job {
    guard let phase = statement.text(first + 3).flatMap(Phase.init),
      let lastActivityAt = statement.time(first + 16),
      let updatedAt = statement.time(first + 14)
    else { throw foreignRow }
    var origin: Job.Origin?
    if let id = statement.text(first + 1), let createdAt = statement.time(first + 2) {
      origin = Job.Origin(id: id, createdAt: createdAt)
    }
    var error: JobError?
    if let code = statement.text(first + 8) {
      error = JobError(code: code, message: statement.text(first + 9))
    }
    let isVerdict = statement.integer(first + 10) == 1
    let model = statement.text(first + 6)
    return Job(
      origin: origin, phase: phase,
      snapshot: try snapshot(from: statement, at: first, model, isVerdict ? nil : error),
      verdict: isVerdict ? error : nil, model: model,
      attempt: Int64(statement.integer(first + 21)), revision: Int64(statement.integer(first + 22)),
      updatedAt: updatedAt, lastDeliveryAt: statement.time(first + 15),
      pollState: PollState(
        lastActivityAt: lastActivityAt, dueAt: statement.time(first + 17),
        polls: Int64(statement.integer(first + 18)),
        staleAt: statement.time(first + 19)),
      endFoundByPolling: statement.integer(first + 20) == 1)
  }

  private static func snapshot(
    from statement: Statement, at first: Int32, _ model: String?, _ error: JobError?
  ) throws(StoreError) -> Snapshot? {
    guard let status = statement.text(first + 4) else { return nil }
    guard let predictionID = statement.text(first),
      let digest = BodyDigest(bytes: statement.bytes(first + 25))
    else { throw foreignRow }
    return Snapshot(
      predictionID: predictionID, providerStatus: status,
      phase: statement.text(first + 5).flatMap(Phase.init), model: model,
      modelVersion: statement.text(first + 7), error: error, createdAt: statement.time(first + 11),
      startedAt: statement.time(first + 12), completedAt: statement.time(first + 13),
      evidence: Evidence(
        logsSize: statement.integer(first + 23), outputSize: statement.integer(first + 24), digest: digest))
  }

  private static var foreignRow: StoreError { .corrupt("a row of jobs holds what this program never writes") }
}

extension Statement {
  func time(_ column: Int32) -> Timestamp? {
    optionalInteger(column).map(Timestamp.init(milliseconds:))
  }
}
