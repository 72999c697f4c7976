package import JobsAPI
package import Ledger
package import Observability
package import Routing
package import Settings
package import Tables

/// The capability that erases the input, output and logs of ended jobs: on request, and after a time.
///
/// The passes are off without `BODY_RETENTION`. Then bodies stay as long as their jobs.
package struct BodyRetention: Capability {
  private let retention: Duration?
  private let erasedJobs = Counter(
    "replicate_webhookd_bodies_erased_total", help: "Jobs whose input, output and logs were erased.")

  private static let variable = SettingVariable(
    "BODY_RETENTION",
    "How long the input, output and logs of ended jobs are kept; without it, as long as their jobs.")

  package static var settings: [SettingVariable] { [variable] }
  package static var tables: [TableDeclaration] { [ErasureTable.declaration, ErasureMark.declaration] }

  package init(from reader: inout SettingsReader) {
    retention = reader.duration(Self.variable, in: .seconds(1)...(.seconds(3650 * 86_400)))
  }

  /// Also where the passes are off: a request may have erased bodies of jobs that are deleted.
  package var hook: (any TransactionHook)? { ErasureHook() }

  package var jobMembers: (any JobMembers)? { ErasureMembers() }

  package var metrics: [any MetricFamily] { [erasedJobs] }

  package func routes(_ api: APIContext) -> [Route] {
    ErasureEndpoint(api, erasedJobs: erasedJobs).routes
  }

  package func service(_ context: ServiceContext) throws -> (any Service)? {
    retention.map { retention in
      RetentionSweep(
        loop: context.loop, queue: context.queue, retention: retention, erasedJobs: erasedJobs,
        logger: context.logger)
    }
  }
}
