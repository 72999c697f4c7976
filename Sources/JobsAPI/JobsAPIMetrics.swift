package import Observability

/// The metrics of the jobs API.
package struct JobsAPIMetrics: Sendable {
  let createdJobs = Counter("replicate_webhookd_jobs_created_total", help: "Jobs created through the API.")
  /// Counted where they are written, also by capabilities.
  package let sentEvents = Counter(
    "replicate_webhookd_events_sent_total", help: "Events written to streams.")

  package init() {}

  package var families: [any MetricFamily] { [createdJobs, sentEvents] }
}
