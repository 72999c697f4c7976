package import Ledger
package import StoreSeam
internal import Tables
package import Time
package import WorkflowDefinitions
internal import WorkflowRules

/// The result of posting a workflow.
package enum WorkflowCreation: Equatable, Sendable {
  case created
  /// The same workflow was posted before.
  case known(id: String)
  /// Another one was posted before with the same id or key.
  case conflict(isOfKey: Bool, earlier: [UInt8])
  /// One with this id is being deleted.
  case erasing
  /// The maximum of queued orders is reached.
  case queueFull
}

/// The result of a request to cancel a workflow.
package enum WorkflowCancellation: Equatable, Sendable {
  case notFound
  /// It had ended.
  case ended
  /// It ended now, or ends when its last job has.
  case canceled
}

/// The result of a request to begin another attempt.
package enum WorkflowRenewal: Equatable, Sendable {
  case notFound
  case erasing
  case notEnded
  case succeeded
  case outputExpired(step: String)
  case resumed
}

/// What apps request of workflows.
extension LedgerTransaction {
  /// Stores a workflow, and starts its first steps.
  ///
  /// - Parameters:
  ///   - id: its own, or a new one.
  ///   - maxQueued: the maximum of queued orders, above which nothing is accepted.
  package func createWorkflow(
    _ definition: WorkflowDefinition, id: String, digest: [UInt8], idempotencyKey: String?, maxQueued: Int,
    at now: Timestamp, _ context: WorkflowContext
  ) throws(StorageError) -> WorkflowCreation {
    if let key = idempotencyKey {
      try lockWorkflow("key.\(key)")
      let known = try row(of: WorkflowKeyTable.declaration, key: [.text(key)])?.text("workflow")
      if let known, let earlier = try storedWorkflow(known) {
        return try result(of: earlier, digest, isOfKey: true)
      }
    }
    if let earlier = try storedWorkflow(id) {
      return try result(of: earlier, digest, isOfKey: false)
    }
    guard try hasRoom(maxQueued: maxQueued) else { return .queueFull }
    let run = WorkflowRun(of: definition, id: id, at: now)
    let stored = StoredWorkflow(run, digest: digest, idempotencyKey: idempotencyKey)
    put([.text(id), .bytes(definition.text)], in: WorkflowDefinitionTable.declaration)
    put(stored.values, in: WorkflowTable.declaration)
    for step in run.steps.indices {
      put(run.steps[step].values(id, step), in: WorkflowStepTable.declaration)
    }
    if let key = idempotencyKey { put([.text(key), .text(id)], in: WorkflowKeyTable.declaration) }
    context.definitions.keep(definition, of: id, digest: digest)
    let sources = TransactionSources(transaction: self, context: context, now: now)
    let decision = try definition.decide(run, after: [.accepted], at: now, reading: sources)
    try apply(decision, to: stored, definition, at: now, context)
    return .created
  }

  private func result(
    of earlier: StoredWorkflow, _ digest: [UInt8], isOfKey: Bool
  ) throws(StorageError) -> WorkflowCreation {
    let id = earlier.run.id
    guard try !isErasing(id) else { return .erasing }
    guard earlier.digest != digest else { return .known(id: id) }
    let body = try row(of: WorkflowDefinitionTable.declaration, key: [.text(id)])?.bytes("body")
    return .conflict(isOfKey: isOfKey, earlier: body ?? [])
  }

  package func cancelWorkflow(
    _ id: String, at now: Timestamp, _ context: WorkflowContext
  ) throws(StorageError) -> WorkflowCancellation {
    guard let stored = try storedWorkflow(id) else { return .notFound }
    guard !stored.run.state.isTerminal else { return .ended }
    try advance(id, by: [.cancelRequested], at: now, context)
    return .canceled
  }

  /// Begins another attempt of a workflow that has failed or was canceled.
  ///
  /// - Parameter isStrict: whether a kept output whose files are gone refuses the request.
  package func resumeWorkflow(
    _ id: String, isStrict: Bool, at now: Timestamp, _ context: WorkflowContext
  ) throws(StorageError) -> WorkflowRenewal {
    guard let stored = try storedWorkflow(id) else { return .notFound }
    guard try !isErasing(id) else { return .erasing }
    let definition = try definition(of: stored, context)
    let run = try workflow(stored)
    let sources = TransactionSources(transaction: self, context: context, now: now)
    switch try definition.resume(run, isStrict: isStrict, at: now, reading: sources) {
    case .notEnded: return .notEnded
    case .succeeded: return .succeeded
    case .outputExpired(let step): return .outputExpired(step: step)
    case .resumed(let decision):
      try apply(decision, to: stored, definition, at: now, context)
      return .resumed
    }
  }

  /// Stops a workflow whose deadline has passed.
  package func noteDeadline(
    ofWorkflow id: String, at now: Timestamp, _ context: WorkflowContext
  ) throws(StorageError) {
    try advance(id, by: [.deadlinePassed], at: now, context)
  }
}
