internal import EventLoop
internal import JobRequests
internal import Ledger
internal import Observability
internal import System
internal import Time
internal import WorkflowRecords

/// What the routes, the service and the reaction of one daemon share.
final class WorkflowRuntime: Sendable {
  /// How long an ended workflow is kept, in milliseconds.
  let retention: Int64
  /// How long a delivery may be repeated with a valid signature, in milliseconds.
  let replayTime: Int64
  let created = Counter(
    "replicate_webhookd_workflows_created_total", help: "Workflows accepted by POST /workflows.")
  private let current: Lock<WorkflowContext>
  private let localOrigin: LocalOrigin?
  private let timer = Lock<WakeableTimer?>(nil)

  init(localOrigin: LocalOrigin?, retention: Int64, replayTime: Int64) {
    (self.localOrigin, self.retention, self.replayTime) = (localOrigin, retention, replayTime)
    current = Lock(WorkflowContext(localOrigin: localOrigin))
  }

  var context: WorkflowContext { current.withLock { $0 } }

  /// Lets references lead to kept copies. Called before the first decision.
  func use(_ copies: [any KeptCopies]) {
    current.withLock { $0 = WorkflowContext(copies: copies, localOrigin: localOrigin) }
  }

  func begin(with timer: WakeableTimer) { self.timer.withLock { $0 = timer } }

  /// Lets the service look at deadlines and deletions now.
  func wake() { timer.withLock { $0 }?.wake() }
}
