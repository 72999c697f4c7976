internal import BuildInfo
internal import GroupCommit
internal import JobsAPI
internal import Observability
internal import Scheduler
internal import ServerMetrics
internal import WebhookIntake

/// The metrics of all rooms, joined for `/metrics`.
struct DaemonMetrics: Sendable {
  let intake: IntakeMetrics
  let jobsAPI = JobsAPIMetrics()
  let listeners: ListenerMetrics
  let certificateExpiry = Gauge(
    "replicate_webhookd_tls_certificate_expiry_timestamp_seconds",
    help: "Unix time at which the TLS certificate expires; 0 without TLS.")
  let build = InfoGauge(
    "replicate_webhookd_build_info", help: "The version, the commit and the libraries, as labels of a 1.",
    labels: [("version", BuildInfo.version), ("commit", BuildInfo.commit)]
      + BuildInfo.libraries.map { ($0.name.lowercased(), $0.version) })
  let commits: CommitMetrics
  let scheduler = SchedulerMetrics()
  /// Those of the API's tokens, and of the store's engine.
  let store: [any MetricFamily]
  let capabilities: [any MetricFamily]

  init(
    secretCount: Int, purposes: [ListenerPurpose], queue: CommitQueue, capabilities: [any Capability] = [],
    access: [any MetricFamily] = [], store: [any MetricFamily] = []
  ) {
    self.store = access + store
    self.capabilities = capabilities.flatMap(\.metrics)
    intake = IntakeMetrics(secretCount: secretCount)
    listeners = ListenerMetrics(of: purposes.map(\.rawValue))
    commits = CommitMetrics(queue: queue)
  }

  func page(pace: CreationPace) -> MetricsPage {
    MetricsPage(
      [build] + intake.families + jobsAPI.families + listeners.families + [certificateExpiry]
        + commits.families + store
        + scheduler.families(pace: pace) + capabilities)
  }
}
