internal import Jobs
package import Observability
internal import Replicate
package import Time

/// The metrics of provider calls, polling and pruning.
package struct SchedulerMetrics: Sendable {
  /// A kind of calls to the provider, as metrics and logs name it.
  enum CallName: String, CaseIterable {
    case create, get, cancel, list, secret
  }

  struct CallSeries: Hashable {
    let call: CallName
    let result: CallResult
  }

  let calls = CombinedCounter(
    "replicate_webhookd_provider_calls_total",
    help: "Calls to the provider's API, by call, outcome and status.",
    values: CallName.allCases.flatMap { call in CallResult.all.map { CallSeries(call: call, result: $0) } }
  ) {
    [
      ("call", $0.call.rawValue), ("outcome", $0.result.outcome.rawValue),
      ("status", $0.result.status.rawValue),
    ]
  }
  let blockedCallers = Gauge(
    "replicate_webhookd_provider_callers_blocked",
    help: "Callers that wait for a store that cannot be written.")
  let droppedAnswers = Counter(
    "replicate_webhookd_dropped_answers_total",
    help: "Answers of the provider that the store could not take, because of a damaged row.")
  let lostWebhooks = Counter(
    "replicate_webhookd_lost_webhooks_total",
    help: "Jobs whose end was found by polling; a delivery may have arrived later.")
  let staleJobs = Counter("replicate_webhookd_stale_jobs_total", help: "Times that a job became stale.")
  let prunedJobs = Counter("replicate_webhookd_pruned_jobs_total", help: "Jobs deleted after RETENTION.")

  package init() {}

  /// - Parameter pace: has when the next prediction is created.
  package func families(
    pace: CreationPace,
    now: @escaping @Sendable () -> Timestamp = { Timestamp(milliseconds: WallClock.milliseconds) }
  ) -> [any MetricFamily] {
    let paused = ChoiceGauge(
      "replicate_webhookd_creates_paused", help: "1 while no prediction is created, by the reason.",
      label: "reason", values: OrderReason.allCases.map(\.rawValue)
    ) { pace.state.flatMap { $0.next > now() ? $0.reason.rawValue : nil } }
    return [calls, paused, blockedCallers, droppedAnswers, lostWebhooks, staleJobs, prunedJobs]
  }
}
