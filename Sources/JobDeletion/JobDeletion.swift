internal import Ledger
package import JobsAPI
internal import StoreSeam
package import Tables
package import Observability
package import Routing
package import Settings
internal import WebhookIntake

/// The capability that deletes jobs on request: one, or all that match a filter.
package struct JobDeletion: Capability {
  /// How long a tombstone stays, in milliseconds: as long as a delivery of the job may be accepted.
  private let tombstoneTime: Int64
  private let signal = DeletionSignal()
  private let deletedJobs = Counter(
    "replicate_webhookd_jobs_deleted_total", help: "Jobs deleted through the API.")

  package static var tables: [TableDeclaration] { [PendingDeletion.table] }

  package init(from reader: inout SettingsReader) {
    // A signature may be as far in the future, and is valid until it is as far in the past.
    let replayTime = IntakeSettings.signatureTolerance(from: &reader) * 2 + .seconds(60)
    tombstoneTime = max(LedgerTransaction.tombstoneTime, replayTime.components.seconds * 1000)
  }

  package var metrics: [any MetricFamily] { [deletedJobs] }

  package func routes(_ api: APIContext) -> [Route] {
    DeletionEndpoint(
      api, tombstoneTime: tombstoneTime, deletedJobs: deletedJobs, wake: { [signal] in signal.wake() }
    ).routes
  }

  package func service(_ context: ServiceContext) throws -> (any Service)? {
    PendingDeletions(
      loop: context.loop, queue: context.queue, reader: try context.openReader(), signal: signal,
      tombstoneTime: tombstoneTime, deletedJobs: deletedJobs)
  }
}
