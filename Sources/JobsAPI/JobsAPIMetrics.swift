package import Observability

/// The metrics of the jobs API.
package struct JobsAPIMetrics: Sendable {
  let createdJobs = Counter("replicate_webhookd_jobs_created_total", help: "Jobs created through the API.")

  package init() {}

  package var families: [any MetricFamily] { [createdJobs] }
}
