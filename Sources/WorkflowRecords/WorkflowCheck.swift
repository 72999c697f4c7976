internal import Jobs
package import Ledger
package import StoreSeam
package import Time
internal import WorkflowRules

extension LedgerTransaction {
  /// Lets an open workflow follow what it has missed: ends of its jobs, and steps that may start.
  ///
  /// Nothing is missed while the reaction is part of each commit.
  ///
  /// - Returns: whether it had missed something.
  package func checkWorkflow(
    _ id: String, at now: Timestamp, _ context: WorkflowContext
  ) throws(StorageError) -> Bool {
    guard let stored = try storedWorkflow(id), !stored.run.state.isTerminal else { return false }
    let (definition, run) = (try definition(of: stored, context), try workflow(stored))
    var events: [WorkflowEvent] = []
    for id in run.openJobs(of: definition) {
      guard let row = try workflowJob(id.text), let job = try job(of: row) else {
        let gone = JobError(code: "gone", message: "the job was deleted")
        events.append(.jobEnded(id, WorkflowJobEnd(.failed(gone), predictions: 0)))
        continue
      }
      if job.phase.isTerminal { events.append(.jobEnded(id, WorkflowJobEnd(of: job, job.snapshot))) }
    }
    let sources = TransactionSources(transaction: self, context: context, now: now)
    let decision = try definition.decide(run, after: events, at: now, reading: sources)
    try apply(decision, to: stored, definition, at: now, context)
    return decision.hasChanged
  }
}

extension WorkflowJobEnd {
  /// - Parameter snapshot: the one that reports the end. Nil where the daemon has decided it.
  init(of job: Job, _ snapshot: Snapshot?) {
    let result: Result =
      switch job.phase {
      case .succeeded: .succeeded
      case .canceled: .canceled
      default: .failed(job.error ?? JobError(code: "unknown", message: "the provider gave no reason"))
      }
    self.init(
      result, predictions: job.snapshot == nil ? job.attempt - 1 : job.attempt,
      predictMilliseconds: snapshot?.predictMilliseconds ?? 0, endedAt: snapshot?.completedAt)
  }
}
