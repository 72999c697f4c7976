internal import JobRequests
package import JobsAPI
package import Ledger
package import Observability
package import Routing
internal import Scheduler
package import Settings
package import Tables
internal import WebhookIntake
internal import WorkflowRecords

/// The capability that runs workflows: jobs that follow from each other.
///
/// A reaction starts the next steps in the transaction that records the ends of the last. It needs no
/// setting.
package struct Workflows: Capability {
  package static var tables: [TableDeclaration] { WorkflowTables.all }

  private let runtime: WorkflowRuntime

  package init(from reader: inout SettingsReader) {
    // As long as a delivery of a job may be accepted.
    let replayTime = IntakeSettings.signatureTolerance(from: &reader) * 2 + .seconds(60)
    runtime = WorkflowRuntime(
      localOrigin: ProviderSettings.outputRules(reader).localOrigin,
      retention: ProviderSettings.retention(from: &reader).components.seconds * 1000,
      replayTime: replayTime.components.seconds * 1000)
  }

  package func reaction(_ context: ReactionContext) -> (any TransactionReaction)? {
    runtime.use(context.copies)
    return WorkflowReaction(runtime.context)
  }

  package var jobMembers: (any JobMembers)? { WorkflowMembers() }

  package var jobOwner: (any JobOwner)? { WorkflowOwner() }

  package var announcedDocuments: (any AnnouncedDocuments)? { AnnouncedWorkflows(runtime: runtime) }

  package var metrics: [any MetricFamily] { [runtime.created] }

  package func routes(_ api: APIContext) -> [Route] { WorkflowRoutes(api, runtime).routes }

  package func service(_ context: ServiceContext) throws -> (any Service)? {
    WorkflowKeeper(
      loop: context.loop, queue: context.queue, reader: try context.openReader(), runtime: runtime,
      logger: context.logger)
  }
}
