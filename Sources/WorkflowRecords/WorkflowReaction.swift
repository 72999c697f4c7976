internal import Jobs
package import Ledger
package import StoreSeam
internal import Tables
internal import Time
internal import WorkflowRules

/// Starts the next steps of workflows in the transaction that records the ends of the last.
package struct WorkflowReaction: TransactionReaction {
  private let context: WorkflowContext

  package init(_ context: WorkflowContext) { self.context = context }

  package func react(
    to transitions: ArraySlice<JobTransition>, in transaction: LedgerTransaction
  ) throws(StorageError) {
    // Most jobs are no workflow's, and cost a look at their ids.
    let found = transitions.compactMap { transition -> (JobTransition, Event, key: [RowValue])? in
      guard let id = transition.jobID, let key = WorkflowJob.key(id), let event = transition.workflowEvent
      else { return nil }
      return (transition, event, key)
    }
    guard !found.isEmpty else { return }
    try transaction.prefetch(found.map(\.key), of: WorkflowJobTable.declaration)
    var events: [String: [WorkflowEvent]] = [:]
    // In the order of their first events, so that equal transactions write in the same order.
    var workflows: [String] = []
    var erased: Set<String> = []
    var now = Timestamp(milliseconds: 0)
    for (transition, event, key) in found {
      guard let row = try transaction.row(of: WorkflowJobTable.declaration, key: key),
        let job = WorkflowJob(row), job.number == transition.number
      else { continue }
      now = max(now, transition.occurredAt)
      if events[job.workflow] == nil { workflows.append(job.workflow) }
      switch event {
      case .happened(let event): events[job.workflow, default: []].append(event)
      case .deleted:
        // The deletion of a job, by a filter for example, is one of its workflow, which stops at once.
        transaction.deleteWorkflowJob(job)
        events[job.workflow, default: []].append(.cancelRequested)
        erased.insert(job.workflow)
      }
    }
    let stored = try transaction.storedWorkflows(workflows)
    // The locks have dropped what was read before.
    try transaction.prefetch(found.map(\.key), of: WorkflowJobTable.declaration)
    for id in workflows {
      if erased.contains(id) { try transaction.noteErasure(of: id, at: now) }
      guard let workflow = stored[id] else { continue }
      try transaction.advance(workflow, by: events[id] ?? [], at: now, context)
    }
  }

  package func retains(
    _ number: Int64, id: String, in transaction: LedgerTransaction
  ) throws(StorageError) -> Bool {
    // A workflow is pruned as a whole, after its own end.
    guard WorkflowJob.mayHave(id) else { return false }
    return try transaction.workflowJob(id)?.number == number
  }

  package func needsBodies(
    _ number: Int64, id: String, in transaction: LedgerTransaction
  ) throws(StorageError) -> Bool {
    guard WorkflowJob.mayHave(id), let job = try transaction.workflowJob(id), job.number == number else {
      return false
    }
    // Without its lock: jobs of several workflows are locked here, in an order that others do not keep.
    let workflow = try transaction.row(of: WorkflowTable.declaration, key: WorkflowTable.key(job.workflow))
    return workflow?.integer("is_open") == 1
  }
}

/// What a transition means for the workflow of its job.
private enum Event {
  case happened(WorkflowEvent)
  case deleted
}

extension JobTransition {
  fileprivate var jobID: String? { (before ?? after)?.job.origin?.id }

  /// What the transition means for the workflow of its job. Nil for nothing.
  fileprivate var workflowEvent: Event? {
    guard let after = after?.job else { return cause == .deleted ? .deleted : nil }
    guard let before = before?.job, let id = after.origin.flatMap({ WorkflowJobID($0.id) }) else {
      return nil
    }
    if endsJob {
      // The rules let the first end decide, so an end that replaces another changes nothing.
      return cause == .recorded
        ? .happened(.jobEnded(id, WorkflowJobEnd(of: after, snapshot ?? after.snapshot))) : nil
    }
    return after.phase == .running && before.phase == .pending ? .happened(.jobStarted(id)) : nil
  }
}
