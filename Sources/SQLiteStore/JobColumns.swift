internal import Jobs
internal import StoreSeam
internal import SQLite
internal import Time

/// The columns of `jobs` that a job is read from.
enum JobColumn: Int32, ColumnSet {
  case number, predictionID, id, orderedAt, phase, providerStatus, snapshotPhase, model, modelVersion
  case errorCode, errorMessage, isVerdict, createdAt, startedAt, completedAt, updatedAt, lastDeliveryAt
  case lastActivityAt, dueAt, polls, staleAt, endFoundByPolling, attempt, revision, logsSize, outputSize
  case digest, progress, predictMilliseconds

  var name: String {
    switch self {
    case .number: "number"
    case .predictionID: "prediction_id"
    case .id: "id"
    case .orderedAt: "ordered_at"
    case .phase: "phase"
    case .providerStatus: "provider_status"
    case .snapshotPhase: "snapshot_phase"
    case .model: "model"
    case .modelVersion: "model_version"
    case .errorCode: "error_code"
    case .errorMessage: "error_message"
    case .isVerdict: "is_verdict"
    case .createdAt: "created_at"
    case .startedAt: "started_at"
    case .completedAt: "completed_at"
    case .updatedAt: "updated_at"
    case .lastDeliveryAt: "last_delivery_at"
    case .lastActivityAt: "heard_at"
    case .dueAt: "due_at"
    case .polls: "polls"
    case .staleAt: "stale_at"
    case .endFoundByPolling: "ended_unheard"
    case .attempt: "attempt"
    case .revision: "revision"
    case .logsSize: "logs_size"
    case .outputSize: "output_size"
    case .digest: "digest"
    case .progress: "progress"
    case .predictMilliseconds: "predict_milliseconds"
    }
  }

  /// The columns that never change after the insert, or have a statement of their own.
  ///
  /// SQLite rewrites every index of a column that an UPDATE names, even where the value is unchanged.
  fileprivate var isIdentity: Bool { rawValue <= Self.orderedAt.rawValue }
}

/// The mapping between a job and its row.
enum JobRow {
  /// What follows the columns of ``JobColumn``, where a statement selects or binds it.
  static let changeColumn = JobColumn.count
  static let bodyColumn = JobColumn.count + 1
  static let changeParameter = JobColumn.count + 1
  static let bodyParameter = JobColumn.count + 2

  /// A row of an earlier version has no change number: the job's number is its first.
  static let selection = "\(JobColumn.list), coalesce(change, number)"

  /// The columns without the billed time, which no document of a job has.
  private static let shown = JobColumn.allCases.map { $0 == .predictMilliseconds ? "NULL" : $0.name }
    .joined(separator: ", ")
  /// The columns of one job's document.
  static let shownSelection = "\(shown), coalesce(change, number)"

  /// The columns of a list, without those that lie after the body and are of no use to it.
  ///
  /// SQLite walks through the pages of a large body to reach a value after it. `progress` is NULL for most
  /// jobs, which it reads without them.
  static func listed(_ parts: JobParts) -> String {
    var columns = [shown]
    columns.append("(SELECT text FROM metadata WHERE metadata.job = number)")
    if !parts.isEmpty { columns.append("body") }
    if parts.contains(.input) {
      // Where the provider has erased the input, or not reported yet, the request has it.
      columns.append(
        """
        CASE WHEN provider_status IS NULL OR instr(body, CAST('"data_removed"' AS BLOB)) > 0
          THEN (SELECT request FROM orders WHERE orders.job = number) END
        """)
    }
    return columns.joined(separator: ", ")
  }
  private static let metadataColumn = JobColumn.count
  private static let listedBodyColumn = JobColumn.count + 1
  private static let listedRequestColumn = JobColumn.count + 2

  /// A row of ``listed(_:)``.
  static func listed(_ statement: Statement, _ parts: JobParts) throws(DatabaseError) -> ListedJob {
    let (number, job) = try read(statement)
    return ListedJob(
      number: number, job: job,
      metadata: statement.isNull(metadataColumn) ? nil : statement.bytes(metadataColumn),
      body: parts.isEmpty ? nil : statement.bytes(listedBodyColumn),
      request: !parts.contains(.input) || statement.isNull(listedRequestColumn)
        ? nil : statement.bytes(listedRequestColumn))
  }

  /// The query of the jobs with one member. A billed time lies after the body, and is read only if needed.
  static let selectMembers = """
    SELECT \(JobColumn.allCases.map { $0 == .predictMilliseconds ? billedTime : $0.name }
      .joined(separator: ", ")), value
    FROM metadata_members CROSS JOIN jobs ON number = job
    WHERE key = ?1 AND (value, job) > (?2, ?3) ORDER BY value, job LIMIT ?4
    """
  private static let billedTime =
    "CASE WHEN updated_at >= ?5 AND updated_at < ?6 THEN predict_milliseconds END"
  static let valueColumn = JobColumn.count

  static let insert = """
    INSERT INTO jobs (\(JobColumn.list), change, body)
    VALUES (\(JobColumn.parameters), ?\(changeParameter), ?\(bodyParameter))
    """
  static let update = update(withBody: false)
  static let updateWithBody = update(withBody: true)

  private static func update(withBody: Bool) -> String {
    var assignments = JobColumn.allCases.filter { !$0.isIdentity }.map { "\($0.name) = ?\($0.parameter)" }
    assignments.append("change = ?\(changeParameter)")
    if withBody { assignments.append("body = ?\(bodyParameter)") }
    return
      "UPDATE jobs SET \(assignments.joined(separator: ", ")) WHERE number = ?\(JobColumn.number.parameter)"
  }

  /// Binds all columns; those of the identity only for an insert.
  static func bind(
    _ job: Job, number: Int64, change: Int64, isNew: Bool, to statement: Statement
  ) throws(DatabaseError) {
    let row = Parameters(of: statement, JobColumn.self)
    let snapshot = job.snapshot
    try row.bind(.number, number)
    if isNew {
      try row.bind(.predictionID, snapshot?.predictionID)
      try row.bind(.id, job.origin?.id)
      try row.bind(.orderedAt, job.origin?.createdAt)
    }
    try row.bind(.phase, job.phase.rawValue)
    try row.bind(.providerStatus, snapshot?.providerStatus)
    try row.bind(.snapshotPhase, snapshot?.phase?.rawValue)
    try row.bind(.model, job.model)
    try row.bind(.modelVersion, snapshot?.modelVersion)
    try row.bind(.errorCode, job.error?.code)
    try row.bind(.errorMessage, job.error?.message)
    try row.bind(.isVerdict, job.verdict != nil)
    try row.bind(.createdAt, snapshot?.createdAt)
    try row.bind(.startedAt, snapshot?.startedAt)
    try row.bind(.completedAt, snapshot?.completedAt)
    try row.bind(.updatedAt, job.updatedAt)
    try row.bind(.lastDeliveryAt, job.lastDeliveryAt)
    try row.bind(.lastActivityAt, job.pollState.lastActivityAt)
    try row.bind(.dueAt, job.pollState.dueAt)
    try row.bind(.polls, job.pollState.polls)
    try row.bind(.staleAt, job.pollState.staleAt)
    try row.bind(.endFoundByPolling, EndMark.number(of: job))
    try row.bind(.attempt, job.attempt)
    try row.bind(.revision, job.revision)
    try row.bind(.logsSize, Int64(snapshot?.evidence.logsSize ?? 0))
    try row.bind(.outputSize, Int64(snapshot?.evidence.outputSize ?? 0))
    if let digest = snapshot?.evidence.digest { try row.bind(.digest, copying: digest.bytes) }
    try row.bind(.progress, snapshot?.progress)
    try row.bind(.predictMilliseconds, snapshot?.predictMilliseconds)
    try statement.bind(changeParameter, change)
  }

  /// - Parameter hasBilledTime: whether the row has that column, and not NULL in its place.
  static func read(
    _ statement: Statement, hasBilledTime: Bool = false
  ) throws(DatabaseError) -> (number: Int64, job: Job) {
    let row = Row(statement, JobColumn.self)
    guard let phase: Phase = row.value(.phase), let lastActivityAt = row.time(.lastActivityAt),
      let updatedAt = row.time(.updatedAt)
    else { throw .foreignRow }
    var origin: Job.Origin?
    if let id = row.text(.id), let createdAt = row.time(.orderedAt) {
      origin = Job.Origin(id: id, createdAt: createdAt)
    }
    var error: JobError?
    if let code = row.text(.errorCode) { error = JobError(code: code, message: row.text(.errorMessage)) }
    let isVerdict = row.flag(.isVerdict)
    let model = row.text(.model)
    let job = Job(
      origin: origin, phase: phase,
      snapshot: try snapshot(row, phase, model, isVerdict ? nil : error, hasBilledTime),
      verdict: isVerdict ? error : nil, model: model, attempt: row.int64(.attempt),
      revision: row.int64(.revision), updatedAt: updatedAt, lastDeliveryAt: row.time(.lastDeliveryAt),
      pollState: PollState(
        lastActivityAt: lastActivityAt, dueAt: row.time(.dueAt), polls: row.int64(.polls),
        staleAt: row.time(.staleAt)),
      endFoundByPolling: row.flag(.endFoundByPolling),
      endSource: EndMark.source(row.int64(.endFoundByPolling)))
    return (row.int64(.number), job)
  }

  private static func snapshot(
    _ row: Row<JobColumn>, _ phase: Phase, _ model: String?, _ error: JobError?, _ hasBilledTime: Bool
  ) throws(DatabaseError) -> Snapshot? {
    guard let status = row.text(.providerStatus) else { return nil }
    guard let predictionID = row.text(.predictionID), let digest = BodyDigest(bytes: row.bytes(.digest))
    else { throw .foreignRow }
    return Snapshot(
      predictionID: predictionID, providerStatus: status, phase: row.value(.snapshotPhase), model: model,
      modelVersion: row.text(.modelVersion), error: error, createdAt: row.time(.createdAt),
      startedAt: row.time(.startedAt), completedAt: row.time(.completedAt),
      predictMilliseconds: hasBilledTime ? row.optionalInteger(.predictMilliseconds) : nil,
      progress: phase == .succeeded ? nil : row.optionalInteger(.progress),
      evidence: Evidence(
        logsSize: row.integer(.logsSize), outputSize: row.integer(.outputSize), digest: digest))
  }

  /// A row that ends with ``changeColumn``.
  static func stored(_ statement: Statement) throws(DatabaseError) -> StoredRow {
    let (number, job) = try read(statement, hasBilledTime: true)
    return StoredRow(number: number, job: job, change: Int64(statement.integer(changeColumn)))
  }
}
