package import Tables
internal import Time
internal import WorkflowDefinitions
package import WorkflowRules

/// A workflow as it is stored, without its steps, its definition and its output.
package struct StoredWorkflow: Sendable {
  package let run: WorkflowRun
  package let digest: [UInt8]
  package let idempotencyKey: String?
  /// The number of its steps.
  package let stepCount: Int

  package init(_ run: WorkflowRun, digest: [UInt8], idempotencyKey: String?) {
    (self.run, self.digest, self.idempotencyKey) = (run, digest, idempotencyKey)
    stepCount = run.steps.count
  }

  /// Nil where the row holds a state that this version does not know.
  package init?(_ row: TableRow) {
    guard let id = row.text("id"), let state = row.text("state").flatMap(WorkflowRun.State.init(rawValue:))
    else { return nil }
    run = WorkflowRun(
      id: id, state: state, revision: row.integer("revision"), attempt: Int(row.integer("attempt")),
      stop: row.text("stop").flatMap(WorkflowRun.Stop.init(rawValue:)), error: WorkflowError(row),
      createdAt: row.moment("created_at"), updatedAt: row.moment("updated_at"),
      deadlineAt: row.moment("deadline_at"),
      endedAt: row.integer("is_open") == 0 ? row.moment("ended_at") : nil,
      planned: Int(row.integer("planned")),
      spent: WorkflowRun.Usage(
        predictions: row.integer("spent_predictions"),
        predictMilliseconds: row.integer("spent_milliseconds")),
      usage: WorkflowRun.Usage(
        predictions: row.integer("predictions"), predictMilliseconds: row.integer("predict_milliseconds")),
      output: nil, outputError: row.text("output_error"), steps: [])
    digest = row.bytes("digest") ?? []
    idempotencyKey = row.text("idempotency_key")
    stepCount = Int(row.integer("steps"))
  }

  /// The workflow with what other rows have of it.
  package func run(steps: [StepRun], output: [UInt8]?) -> WorkflowRun {
    WorkflowRun(
      id: run.id, state: run.state, revision: run.revision, attempt: run.attempt, stop: run.stop,
      error: run.error, createdAt: run.createdAt, updatedAt: run.updatedAt, deadlineAt: run.deadlineAt,
      endedAt: run.endedAt, planned: run.planned, spent: run.spent, usage: run.usage, output: output,
      outputError: run.outputError, steps: steps)
  }

  var stepKeys: [[RowValue]] { (0..<stepCount).map { WorkflowStepTable.key(run.id, $0) } }

  package var values: [RowValue] {
    [
      .text(run.id), .text(run.state.rawValue), .optional(run.stop?.rawValue), .integer(run.revision),
      .integer(Int64(run.attempt)),
    ] + run.error.values + [
      .integer(run.createdAt.milliseconds), .integer(run.updatedAt.milliseconds),
      .integer(run.deadlineAt.milliseconds), .integer(run.state.isTerminal ? 0 : 1),
      .integer(run.endedAt?.milliseconds ?? 0), .integer(Int64(run.planned)),
      .integer(run.spent.predictions), .integer(run.spent.predictMilliseconds),
      .integer(run.usage.predictions), .integer(run.usage.predictMilliseconds),
      .integer(Int64(stepCount)), .optional(run.outputError), .bytes(digest), .optional(idempotencyKey),
    ]
  }
}

extension StepRun {
  /// Nil where the row holds what this version does not know.
  package init?(_ row: TableRow) {
    guard let state = row.text("state").flatMap(State.init(rawValue:)),
      let items = Self.items(of: row.text("items") ?? "")
    else { return nil }
    var digest: Int64?
    if case .integer(let value) = row["items_digest"] { digest = value }
    self.init(
      state: state, because: row.text("because").flatMap(SkipReason.init(rawValue:)),
      error: WorkflowError(row), items: items, itemsDigest: digest)
  }

  func values(_ workflow: String, _ position: Int) -> [RowValue] {
    WorkflowStepTable.key(workflow, position)
      + [.text(state.rawValue), .optional(because?.rawValue)] + error.values
      + [.text(Self.text(of: items)), itemsDigest.map { .integer($0) } ?? .null]
  }
}

/// A job that a workflow has ordered.
package struct WorkflowJob: Equatable, Sendable {
  package let number: Int64
  package let id: String
  package let workflow: String
  package let step: String

  package init?(_ row: TableRow) {
    guard let workflow = row.text("workflow"), let step = row.text("step") else { return nil }
    (number, id, self.workflow, self.step) = (row.integer("number"), row.text("job") ?? "", workflow, step)
  }

  /// The key of the row that a job with that id would have. Nil for the id of no workflow's job.
  static func key(_ id: String) -> [RowValue]? {
    guard mayHave(id), let place = WorkflowJobID(id) else { return nil }
    return WorkflowJobTable.key(place.workflow, id)
  }

  /// Whether a job with that id may be a workflow's. Most are not, and cost no read.
  package static func mayHave(_ id: String) -> Bool {
    // `starts(with:)` would take ten times as long, for each delivery and each read.
    var bytes = id.utf8.makeIterator()
    return bytes.next() == UInt8(ascii: "w") && bytes.next() == UInt8(ascii: "-")
  }
}

extension WorkflowError {
  /// Nil where the row has none.
  fileprivate init?(_ row: TableRow) {
    guard let code = row.text("error_code") else { return nil }
    self.init(
      code: code, message: row.text("error_message"), step: row.text("error_step"),
      jobID: row.text("error_job"))
  }
}

extension WorkflowError? {
  fileprivate var values: [RowValue] {
    [.optional(self?.code), .optional(self?.message), .optional(self?.step), .optional(self?.jobID)]
  }
}

extension RowValue {
  fileprivate static func optional(_ text: String?) -> RowValue { text.map { .text($0) } ?? .null }
}

extension TableRow {
  fileprivate func moment(_ column: String) -> Timestamp { Timestamp(milliseconds: integer(column)) }
}
