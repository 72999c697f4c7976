package import Observability
internal import System

/// The metrics of the commit queue and its writers.
package struct CommitMetrics: Sendable {
  let commits = Counter("replicate_webhookd_commits_total", help: "Committed transactions.")
  let submissions = Counter(
    "replicate_webhookd_committed_submissions_total",
    help: "Submissions that were committed, many of them in one transaction.")
  let failures = Counter(
    "replicate_webhookd_commit_failures_total", help: "Transactions and probes that failed.")
  let duration = DurationHistogram(
    "replicate_webhookd_commit_duration_seconds",
    help: "Time from a transaction's first statement to its durable commit.")
  private let queueDepth: ComputedGauge

  package init(queue: CommitQueue) {
    queueDepth = ComputedGauge(
      "replicate_webhookd_commit_queue_depth",
      help: "Submissions that wait for the next transaction, at most \(CommitQueue.capacity)."
    ) { [submissions = queue.submissions] in submissions.count }
  }

  package var families: [any MetricFamily] {
    [commits, submissions, failures, duration, queueDepth]
  }
}
