package import Tables

/// The workflows: one row each, rewritten with each change.
package enum WorkflowTable {
  package static let byTime = TableDeclaration.Index("workflows_by_time", on: ["created_at"])
  package static let byState = TableDeclaration.Index("workflows_by_state", on: ["state", "created_at"])
  /// Of open ones, by their deadlines.
  package static let byDeadline = TableDeclaration.Index(
    "workflows_by_deadline", on: ["is_open", "deadline_at"])
  /// Of ended ones, by their ends.
  package static let byEnd = TableDeclaration.Index("workflows_by_end", on: ["is_open", "ended_at"])

  package static let declaration = TableDeclaration(
    "workflows", key: [.init("id", .text)],
    columns: [
      // WorkflowRun.State, and WorkflowRun.Stop.
      .init("state", .text), .init("stop", .text, isOptional: true),
      .init("revision", .integer), .init("attempt", .integer),
      .init("error_code", .text, isOptional: true), .init("error_message", .text, isOptional: true),
      .init("error_step", .text, isOptional: true), .init("error_job", .text, isOptional: true),
      .init("created_at", .integer), .init("updated_at", .integer), .init("deadline_at", .integer),
      // 1 until the end, whose time is 0 before.
      .init("is_open", .integer), .init("ended_at", .integer),
      // The jobs of this attempt, and what was used in it and in all.
      .init("planned", .integer), .init("spent_predictions", .integer),
      .init("spent_milliseconds", .integer), .init("predictions", .integer),
      .init("predict_milliseconds", .integer),
      .init("steps", .integer),
      .init("output_error", .text, isOptional: true),
      // Of what was posted: another text with the same meaning is the same workflow.
      .init("digest", .bytes), .init("idempotency_key", .text, isOptional: true),
    ], indexes: [byTime, byState, byDeadline, byEnd])

  package static func key(_ id: String) -> [RowValue] { [.text(id)] }
}

/// What was posted, byte for byte. It is written once.
package enum WorkflowDefinitionTable {
  package static let declaration = TableDeclaration(
    "workflow_definitions", key: [.init("workflow", .text)], columns: [.init("body", .bytes)])
}

/// The states of steps, by their positions in the definition.
package enum WorkflowStepTable {
  package static let declaration = TableDeclaration(
    "workflow_steps", key: [.init("workflow", .text), .init("position", .integer)],
    columns: [
      // StepRun.State and StepRun.SkipReason.
      .init("state", .text), .init("because", .text, isOptional: true),
      .init("error_code", .text, isOptional: true), .init("error_message", .text, isOptional: true),
      .init("error_step", .text, isOptional: true), .init("error_job", .text, isOptional: true),
      // See StepRun.text(of:).
      .init("items", .text), .init("items_digest", .integer, isOptional: true),
    ])

  package static func key(_ workflow: String, _ position: Int) -> [RowValue] {
    [.text(workflow), .integer(Int64(position))]
  }
}

/// The outputs of workflows that have succeeded.
package enum WorkflowOutputTable {
  package static let declaration = TableDeclaration(
    "workflow_outputs", key: [.init("workflow", .text)], columns: [.init("output", .bytes)])
}

/// The jobs that workflows have ordered. An app's own job may have an id of the same form, and has no row.
package enum WorkflowJobTable {
  package static let byNumber = TableDeclaration.Index("workflow_jobs_by_number", on: ["number"])

  package static let declaration = TableDeclaration(
    "workflow_jobs", key: [.init("workflow", .text), .init("job", .text)],
    columns: [.init("number", .integer), .init("step", .text)], indexes: [byNumber])

  package static func key(_ workflow: String, _ job: String) -> [RowValue] { [.text(workflow), .text(job)] }
}

/// Which workflow an `Idempotency-Key` has made.
package enum WorkflowKeyTable {
  package static let declaration = TableDeclaration(
    "workflow_keys", key: [.init("idempotency_key", .text)], columns: [.init("workflow", .text)])
}

/// The workflows that are to be deleted, once their jobs have ended.
package enum WorkflowErasureTable {
  package static let declaration = TableDeclaration(
    "workflow_erasures", key: [.init("workflow", .text)], columns: [.init("requested_at", .integer)])
}

package enum WorkflowTables {
  package static let all = [
    WorkflowTable.declaration, WorkflowDefinitionTable.declaration, WorkflowStepTable.declaration,
    WorkflowOutputTable.declaration, WorkflowJobTable.declaration, WorkflowKeyTable.declaration,
    WorkflowErasureTable.declaration,
  ]
}
