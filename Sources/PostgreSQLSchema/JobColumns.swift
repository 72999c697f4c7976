package import Jobs
package import StoreSeam
package import PostgreSQL
internal import Time

/// The columns of `jobs` that a job is read from.
package enum JobColumn: Int32, ColumnSet {
  case number, predictionID, id, orderedAt, phase, providerStatus, snapshotPhase, model, modelVersion
  case errorCode, errorMessage, isVerdict, createdAt, startedAt, completedAt, updatedAt, lastDeliveryAt
  case lastActivityAt, dueAt, polls, staleAt, endFoundByPolling, attempt, revision, logsSize, outputSize
  case digest, progress, predictMilliseconds, change, endSource

  package var name: String {
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
    case .change: "change"
    case .endSource: "ended_by"
    }
  }

  package var type: ColumnType {
    switch self {
    case .predictionID, .id, .phase, .snapshotPhase, .errorCode: .text
    case .providerStatus, .model, .modelVersion, .errorMessage, .digest: .bytes
    case .isVerdict, .endFoundByPolling: .boolean
    case .number, .orderedAt, .createdAt, .startedAt, .completedAt, .updatedAt, .lastDeliveryAt,
      .lastActivityAt, .dueAt, .polls, .staleAt, .attempt, .revision, .logsSize, .outputSize, .progress,
      .predictMilliseconds, .change, .endSource:
      .integer
    }
  }

  /// The columns that never change, or have their own statement.
  package var isIdentity: Bool { rawValue <= Self.orderedAt.rawValue }
}

/// The mapping between a job and its row.
package enum JobRow {
  package static func read(_ rows: Rows, _ index: Int) throws(StorageError) -> (number: Int64, job: Job) {
    let row = Row(rows, index, JobColumn.self)
    guard let phase: Phase = row.value(.phase), let lastActivityAt = row.time(.lastActivityAt),
      let updatedAt = row.time(.updatedAt)
    else { throw .foreignRow }
    var origin: Job.Origin?
    if let id = row.text(.id), let createdAt = row.time(.orderedAt) {
      origin = Job.Origin(id: id, createdAt: createdAt)
    }
    var error: JobError?
    if let code = row.text(.errorCode) { error = JobError(code: code, message: row.utf8(.errorMessage)) }
    let isVerdict = row.flag(.isVerdict)
    let endFoundByPolling = row.flag(.endFoundByPolling)
    let model = row.utf8(.model)
    let job = Job(
      origin: origin, phase: phase, snapshot: try snapshot(row, phase, model, isVerdict ? nil : error),
      verdict: isVerdict ? error : nil, model: model, attempt: row.integer(.attempt),
      revision: row.integer(.revision), updatedAt: updatedAt, lastDeliveryAt: row.time(.lastDeliveryAt),
      pollState: PollState(
        lastActivityAt: lastActivityAt, dueAt: row.time(.dueAt), polls: row.integer(.polls),
        staleAt: row.time(.staleAt)),
      endFoundByPolling: endFoundByPolling,
      // An earlier version beside this one stores the flag alone.
      endSource: row.optionalInteger(.endSource).flatMap(EndSource.init(number:))
        ?? (endFoundByPolling ? .poll : nil))
    return (row.integer(.number), job)
  }

  private static func snapshot(
    _ row: Row<JobColumn>, _ phase: Phase, _ model: String?, _ error: JobError?
  ) throws(StorageError) -> Snapshot? {
    guard let status = row.utf8(.providerStatus) else { return nil }
    guard let predictionID = row.text(.predictionID), let digest = BodyDigest(bytes: row.bytes(.digest))
    else { throw .foreignRow }
    return Snapshot(
      predictionID: predictionID, providerStatus: status, phase: row.value(.snapshotPhase), model: model,
      modelVersion: row.utf8(.modelVersion), error: error, createdAt: row.time(.createdAt),
      startedAt: row.time(.startedAt), completedAt: row.time(.completedAt),
      predictMilliseconds: row.optionalInteger(.predictMilliseconds),
      progress: phase == .succeeded ? nil : row.optionalInteger(.progress),
      evidence: Evidence(
        logsSize: Int(row.integer(.logsSize)), outputSize: Int(row.integer(.outputSize)), digest: digest))
  }

  package static func stored(_ rows: Rows, _ index: Int) throws(StorageError) -> StoredRow {
    let (number, job) = try read(rows, index)
    return StoredRow(number: number, job: job, change: rows.integer(index, JobColumn.change.rawValue))
  }
}

// MARK: - Writing

/// A job to write, with what the transaction adds to its row.
package struct JobUpdate {
  package let write: JobWrite
  package let change: Int64
  package let historyLength: Int64

  package init(write: JobWrite, change: Int64, historyLength: Int64) {
    self.write = write
    self.change = change
    self.historyLength = historyLength
  }

  package var job: Job { write.version.job }
}

extension JobRow {
  private static let inserted = JobColumn.allCases.map { (name: $0.name, type: $0.type) }
  private static let further: [(name: String, type: ColumnType)] = [
    ("history_length", .integer), ("unsuccessful", .text), ("body", .bytes),
  ]

  package static let insert = Query(ArrayRows.insert(into: "jobs", inserted + further))

  package static func parameters(inserting jobs: [JobUpdate]) -> [Parameter] {
    JobColumn.allCases.map { parameter($0, of: jobs) } + [
      .integers(jobs.map(\.historyLength)), .texts(jobs.map { unsuccessful($0.job.phase) }),
      .byteArrays(jobs.map { $0.write.body ?? [] }),
    ]
  }

  private static let updated = [JobColumn.number] + JobColumn.allCases.filter { !$0.isIdentity }

  package static let update = update(withBody: false)
  package static let updateWithBody = update(withBody: true)

  private static func update(withBody: Bool) -> Query {
    let columns = updated.map { (name: $0.name, type: $0.type) }
    return Query(ArrayRows.update("jobs", columns + further.prefix(withBody ? 3 : 2)))
  }

  package static func parameters(updating jobs: [JobUpdate], withBody: Bool) -> [Parameter] {
    var parameters = updated.map { parameter($0, of: jobs) }
    parameters.append(.integers(jobs.map(\.historyLength)))
    parameters.append(.texts(jobs.map { unsuccessful($0.job.phase) }))
    if withBody { parameters.append(.byteArrays(jobs.map(\.write.body))) }
    return parameters
  }

  package static func unsuccessful(_ phase: Phase) -> String? {
    switch phase {
    case .failed, .canceled: phase.rawValue
    case .pending, .running, .succeeded: nil
    }
  }

  private static func parameter(_ column: JobColumn, of jobs: [JobUpdate]) -> Parameter {
    switch column {
    case .number: .integers(jobs.map(\.write.number))
    case .predictionID: .texts(jobs.map { $0.job.snapshot?.predictionID })
    case .id: .texts(jobs.map { $0.job.origin?.id })
    case .orderedAt: .integers(jobs.map { $0.job.origin?.createdAt.milliseconds })
    case .phase: .texts(jobs.map { $0.job.phase.rawValue })
    case .providerStatus: .byteArrays(jobs.map { $0.job.snapshot?.providerStatus.bytes })
    case .snapshotPhase: .texts(jobs.map { $0.job.snapshot?.phase?.rawValue })
    case .model: .byteArrays(jobs.map { $0.job.model?.bytes })
    case .modelVersion: .byteArrays(jobs.map { $0.job.snapshot?.modelVersion?.bytes })
    case .errorCode: .texts(jobs.map { $0.job.error?.code })
    case .errorMessage: .byteArrays(jobs.map { $0.job.error?.message?.bytes })
    case .isVerdict: .booleans(jobs.map { $0.job.verdict != nil })
    case .createdAt: .integers(jobs.map { $0.job.snapshot?.createdAt?.milliseconds })
    case .startedAt: .integers(jobs.map { $0.job.snapshot?.startedAt?.milliseconds })
    case .completedAt: .integers(jobs.map { $0.job.snapshot?.completedAt?.milliseconds })
    case .updatedAt: .integers(jobs.map { $0.job.updatedAt.milliseconds })
    case .lastDeliveryAt: .integers(jobs.map { $0.job.lastDeliveryAt?.milliseconds })
    case .lastActivityAt: .integers(jobs.map { $0.job.pollState.lastActivityAt.milliseconds })
    case .dueAt: .integers(jobs.map { $0.job.pollState.dueAt?.milliseconds })
    case .polls: .integers(jobs.map { $0.job.pollState.polls })
    case .staleAt: .integers(jobs.map { $0.job.pollState.staleAt?.milliseconds })
    case .endFoundByPolling: .booleans(jobs.map { $0.job.endFoundByPolling })
    case .attempt: .integers(jobs.map { $0.job.attempt })
    case .revision: .integers(jobs.map { $0.job.revision })
    case .logsSize: .integers(jobs.map { Int64($0.job.snapshot?.evidence.logsSize ?? 0) })
    case .outputSize: .integers(jobs.map { Int64($0.job.snapshot?.evidence.outputSize ?? 0) })
    case .digest: .byteArrays(jobs.map { $0.job.snapshot?.evidence.digest.bytes })
    case .progress: .integers(jobs.map { $0.job.snapshot?.progress })
    case .predictMilliseconds: .integers(jobs.map { $0.job.snapshot?.predictMilliseconds })
    case .change: .integers(jobs.map(\.change))
    case .endSource: .integers(jobs.map { $0.job.endSource?.number })
    }
  }
}
