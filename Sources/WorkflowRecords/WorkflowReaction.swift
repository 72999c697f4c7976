internal import Jobs
package import Ledger
package import StoreSeam
internal import Time
internal import WorkflowRules

/// Starts the next steps of workflows in the transaction that records the ends of the last.
package struct WorkflowReaction: TransactionReaction {
  private let context: WorkflowContext

  package init(_ context: WorkflowContext) { self.context = context }

  package func react(
    to transitions: ArraySlice<JobTransition>, in transaction: LedgerTransaction
  ) throws(StorageError) {
    var events: [String: [WorkflowEvent]] = [:]
    // In the order of their first events, so that equal transactions write in the same order.
    var workflows: [String] = []
    var now = Timestamp(milliseconds: 0)
    for transition in transitions {
      // Most jobs are no workflow's, and cost a look at their ids.
      guard let id = (transition.before ?? transition.after)?.job.origin?.id, WorkflowJob.mayHave(id),
        let event = transition.workflowEvent, let job = try transaction.workflowJob(id)
      else { continue }
      now = max(now, transition.occurredAt)
      guard case .happened(let event) = event else {
        // The deletion of a job, by a filter for example, is one of its workflow.
        try transaction.noteErasure(of: job.workflow, job: id, at: transition.before?.job.updatedAt ?? now)
        continue
      }
      if events[job.workflow] == nil { workflows.append(job.workflow) }
      events[job.workflow, default: []].append(event)
    }
    for workflow in workflows {
      try transaction.advance(workflow, by: events[workflow] ?? [], at: now, context)
    }
  }

  package func retains(
    _ number: Int64, id: String, in transaction: LedgerTransaction
  ) throws(StorageError) -> Bool {
    // A workflow is pruned as a whole, after its own end.
    guard WorkflowJob.mayHave(id) else { return false }
    return try transaction.workflowJob(id) != nil
  }
}

extension JobTransition {
  fileprivate enum Event {
    case happened(WorkflowEvent)
    case deleted
  }

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
