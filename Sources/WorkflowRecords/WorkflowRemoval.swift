internal import Jobs
package import Ledger
package import StoreSeam
internal import Tables
package import Time
internal import WorkflowRules

/// The result of a request to delete a workflow.
package enum WorkflowErasure: Equatable, Sendable {
  case notFound
  /// It is deleted once its jobs have ended, in steps: see `LedgerTransaction.eraseWorkflow`.
  case begun
}

/// What a step of a removal has done.
package enum WorkflowRemoval: Equatable, Sendable {
  /// Nothing of the workflow is left.
  case done
  /// There are more jobs.
  case more
  /// A job has not ended, or may not be deleted yet.
  case waiting
}

/// Deletes workflows with their jobs.
extension LedgerTransaction {
  /// Begins to delete a workflow: what runs is canceled.
  package func beginErasure(
    ofWorkflow id: String, at now: Timestamp, _ context: WorkflowContext
  ) throws(StorageError) -> WorkflowErasure {
    guard let stored = try storedWorkflow(id) else { return .notFound }
    put([.text(id), .integer(now.milliseconds)], in: WorkflowErasureTable.declaration)
    if !stored.run.state.isTerminal { try advance(id, by: [.cancelRequested], at: now, context) }
    return .begun
  }

  /// Whether the workflow is being deleted.
  package func isErasing(_ id: String) throws(StorageError) -> Bool {
    try row(of: WorkflowErasureTable.declaration, key: [.text(id)]) != nil
  }

  func deleteWorkflowJob(_ job: WorkflowJob) {
    deleteRow(of: WorkflowJobTable.declaration, key: WorkflowJobTable.key(job.workflow, job.id))
  }

  /// Notes that a job of a workflow was deleted, so that the rest follows.
  func noteErasure(of workflow: String, at now: Timestamp) throws(StorageError) {
    guard try !isErasing(workflow) else { return }
    put([.text(workflow), .integer(now.milliseconds)], in: WorkflowErasureTable.declaration)
  }

  /// Deletes jobs of a workflow that is being deleted, or its own rows where none is left.
  ///
  /// - Parameters:
  ///   - jobs: some of its jobs: empty once it has none.
  ///   - expiresAt: when the tombstones of the jobs go.
  package func eraseWorkflow(
    _ id: String, jobs: [String], tombstoneUntil expiresAt: Timestamp, at now: Timestamp,
    _ context: WorkflowContext
  ) throws(StorageError) -> WorkflowRemoval {
    guard let stored = try storedWorkflow(id) else {
      // A row may be left of a workflow that is gone.
      deleteRow(of: WorkflowErasureTable.declaration, key: [.text(id)])
      return .done
    }
    guard stored.run.state.isTerminal else {
      try advance(id, by: [.cancelRequested], at: now, context)
      // What holds their ends is no longer wanted.
      for job in try workflow(stored).openJobs(of: definition(of: stored, context)) {
        guard let row = try workflowJob(job.text), try self.job(of: row)?.isHeld == true else { continue }
        try release(row.number, as: .succeeded, at: now)
      }
      return .waiting
    }
    return try remove(stored, jobs, at: now) { (job) throws(StorageError) in
      try deleteJob(job, tombstoneUntil: expiresAt) != nil
    }
  }

  /// Deletes an ended workflow after its time, with its jobs.
  ///
  /// - Parameters:
  ///   - jobs: see ``eraseWorkflow(_:jobs:tombstoneUntil:at:_:)``.
  ///   - replayLimit: a job with a later delivery is kept, and the workflow with it.
  package func pruneWorkflow(
    _ id: String, jobs: [String], endedBefore: Timestamp, deliveredBefore replayLimit: Timestamp,
    at now: Timestamp
  ) throws(StorageError) -> WorkflowRemoval {
    guard let stored = try storedWorkflow(id) else { return .done }
    let number = Announcement.number(of: id, madeAt: stored.run.createdAt)
    guard let endedAt = stored.run.endedAt, endedAt < endedBefore, try !hasRetainingWork(number) else {
      return .waiting
    }
    return try remove(stored, jobs, at: now) { (job) throws(StorageError) in
      try pruneJob(job, deliveredBefore: replayLimit, at: now)
    }
  }

  /// - Parameter delete: deletes a job; false where it may not be deleted yet.
  private func remove(
    _ stored: StoredWorkflow, _ jobs: [String], at now: Timestamp,
    deleting delete: (_ job: String) throws(StorageError) -> Bool
  ) throws(StorageError) -> WorkflowRemoval {
    let id = stored.run.id
    var isWaiting = false
    for job in jobs {
      // The row may be gone since it was read.
      guard let row = try workflowJob(job) else { continue }
      // A version without workflows may have deleted the job, and left the row.
      if try self.job(of: row) != nil, try !delete(job) {
        isWaiting = true
        continue
      }
      deleteWorkflowJob(row)
    }
    guard jobs.isEmpty else { return isWaiting ? .waiting : .more }
    guard try storedCount(of: WorkflowJobTable.declaration, prefix: [.text(id)], limit: 1) == 0 else {
      return .more
    }
    for position in 0..<stored.stepCount {
      deleteRow(of: WorkflowStepTable.declaration, key: WorkflowStepTable.key(id, position))
    }
    for table in [
      WorkflowTable.declaration, WorkflowDefinitionTable.declaration, WorkflowOutputTable.declaration,
      WorkflowErasureTable.declaration,
    ] {
      deleteRow(of: table, key: [.text(id)])
    }
    if let key = stored.idempotencyKey { deleteRow(of: WorkflowKeyTable.declaration, key: [.text(key)]) }
    withdrawAnnouncements(of: Announcement.number(of: id, madeAt: stored.run.createdAt))
    return .done
  }
}
