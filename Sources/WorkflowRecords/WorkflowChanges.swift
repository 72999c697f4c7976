internal import Work
internal import JobRequests
internal import Jobs
package import Ledger
package import StoreSeam
internal import Tables
internal import Time
internal import WorkflowDefinitions
internal import WorkflowRules

/// Reads of workflows' rows inside a transaction.
extension LedgerTransaction {
  /// The row of a job that a workflow has ordered. Nil for any other job.
  package func workflowJob(_ id: String) throws(StorageError) -> WorkflowJob? {
    guard let key = WorkflowJob.key(id) else { return nil }
    return try row(of: WorkflowJobTable.declaration, key: key).flatMap { WorkflowJob($0) }
  }

  /// The job of a row. Nil where it is gone: an app's own may have its id by then, or its number.
  func job(of row: WorkflowJob) throws(StorageError) -> Job? {
    guard let job = try job(withNumber: row.number), job.id == row.id else { return nil }
    return job
  }

  /// The workflow, without its steps. It is locked until the end of the transaction.
  package func storedWorkflow(_ id: String) throws(StorageError) -> StoredWorkflow? {
    try lockWorkflow(id)
    return try row(of: WorkflowTable.declaration, key: WorkflowTable.key(id)).flatMap { StoredWorkflow($0) }
  }

  /// Keeps other processes from a workflow, also from one that is not there yet.
  func lockWorkflow(_ id: String) throws(StorageError) { try lockWorkflows([id]) }

  func lockWorkflows(_ ids: [String]) throws(StorageError) {
    try lock(
      subjects: ids.map { Announcement.number(of: "workflow \($0)", madeAt: Timestamp(milliseconds: 0)) })
  }

  /// Workflows with these ids, whose steps are read with few round trips. They are locked.
  func storedWorkflows(_ ids: [String]) throws(StorageError) -> [String: StoredWorkflow] {
    try lockWorkflows(ids)
    try prefetch(ids.map(WorkflowTable.key), of: WorkflowTable.declaration)
    var workflows: [String: StoredWorkflow] = [:]
    for id in ids { workflows[id] = try storedWorkflow(id) }
    let steps = ids.compactMap { workflows[$0] }.flatMap(\.stepKeys)
    try prefetch(steps, of: WorkflowStepTable.declaration)
    return workflows
  }

  func workflow(_ stored: StoredWorkflow) throws(StorageError) -> WorkflowRun {
    let keys = stored.stepKeys
    try prefetch(keys, of: WorkflowStepTable.declaration)
    var steps: [StepRun] = []
    for key in keys {
      guard let step = try row(of: WorkflowStepTable.declaration, key: key).flatMap({ StepRun($0) }) else {
        throw .corrupt("a workflow lacks a step")
      }
      steps.append(step)
    }
    return stored.run(steps: steps, output: nil)
  }

  func definition(
    of stored: StoredWorkflow, _ context: WorkflowContext
  ) throws(StorageError) -> WorkflowDefinition {
    let id = stored.run.id
    return try context.definitions.definition(of: id, digest: stored.digest) { () throws(StorageError) in
      try row(of: WorkflowDefinitionTable.declaration, key: [.text(id)])?.bytes("body")
    }
  }
}

/// Changes of workflows.
extension LedgerTransaction {
  /// Decides what follows from events, and does it.
  func advance(
    _ id: String, by events: [WorkflowEvent], at now: Timestamp, _ context: WorkflowContext
  ) throws(StorageError) {
    guard let stored = try storedWorkflow(id) else { return }
    try advance(stored, by: events, at: now, context)
  }

  func advance(
    _ stored: StoredWorkflow, by events: [WorkflowEvent], at now: Timestamp, _ context: WorkflowContext
  ) throws(StorageError) {
    let definition = try definition(of: stored, context)
    let run = try workflow(stored)
    let sources = TransactionSources(transaction: self, context: context, now: now)
    let decision = try definition.decide(run, after: events, at: now, reading: sources)
    try apply(decision, to: stored, definition, at: now, context)
  }

  /// Writes a decision, and places the orders and cancel requests that it makes.
  ///
  /// - Parameter stored: the row before the decision.
  func apply(
    _ decision: WorkflowDecision, to stored: StoredWorkflow, _ definition: WorkflowDefinition,
    at now: Timestamp, _ context: WorkflowContext
  ) throws(StorageError) {
    var decision = decision
    var changedSteps = Set(decision.changedSteps)
    var hasChanged = decision.hasChanged
    var hasEnded = decision.endsWorkflow
    // Ends, because each id that is taken ends a job of the workflow.
    while true {
      var taken: [WorkflowEvent] = []
      for effect in decision.effects {
        switch effect {
        case .order(let order):
          if try !place(order, of: decision.run.id, definition, at: now) { taken.append(.idTaken(order.id)) }
        case .cancel(let job): _ = try cancel(job.text, at: now)
        }
      }
      guard !taken.isEmpty else { break }
      let sources = TransactionSources(transaction: self, context: context, now: now)
      decision = try definition.decide(decision.run, after: taken, at: now, reading: sources)
      changedSteps.formUnion(decision.changedSteps)
      hasChanged = hasChanged || decision.hasChanged
      hasEnded = hasEnded || decision.endsWorkflow
    }
    guard hasChanged else { return }
    let run = decision.run
    put(
      StoredWorkflow(run, digest: stored.digest, idempotencyKey: stored.idempotencyKey).values,
      in: WorkflowTable.declaration)
    for step in changedSteps.sorted() {
      put(run.steps[step].values(run.id, step), in: WorkflowStepTable.declaration)
    }
    guard hasEnded else { return }
    if let output = run.output {
      put([.text(run.id), .bytes(output)], in: WorkflowOutputTable.declaration)
    }
    announce(
      Announcement(
        number: Announcement.number(of: run.id, madeAt: run.createdAt), revision: run.revision,
        type: "workflow.\(run.state.rawValue)", subject: run.id, madeAt: run.createdAt,
        occurredAt: run.endedAt ?? now, callback: definition.callback.map { .init($0) }))
  }

  /// Queues the order of a job.
  ///
  /// - Returns: false where another job has its id.
  private func place(
    _ order: WorkflowOrder, of workflow: String, _ definition: WorkflowDefinition, at now: Timestamp
  ) throws(StorageError) -> Bool {
    let id = order.id.text
    // No maximum of queued orders: a step is never left out.
    let result = try enqueue(Order(order.request, body: order.body, id: id, at: now))
    guard case .created(_, let stored) = result else { return false }
    put(
      WorkflowJobTable.key(workflow, id) + [.integer(stored.number), .text(order.id.step)],
      in: WorkflowJobTable.declaration)
    return true
  }
}
