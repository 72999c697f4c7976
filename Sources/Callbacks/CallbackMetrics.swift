internal import Logging
internal import Observability
internal import Time

/// The metrics of what is sent to the app.
struct CallbackMetrics: Sendable {
  let results = LabeledCounter(
    "replicate_webhookd_callbacks_total",
    help: "Callbacks by the result of a try; dropped ones were replaced by a newer event.",
    label: "outcome", values: CallbackResult.allCases)
  let latency = DurationHistogram(
    "replicate_webhookd_callback_latency_seconds",
    help: "Time from an event to its acceptance by the app.")
  let oldestPending = Gauge(
    "replicate_webhookd_callbacks_oldest_pending_seconds",
    help: "Age of the oldest callback that was not accepted yet; 0 without one.")
  let probedReceivers = Gauge(
    "replicate_webhookd_callback_receivers_probed",
    help: "Receivers that keep failing, and are sent one callback at a time.")

  var families: [any MetricFamily] { [results, latency, oldestPending, probedReceivers] }
}

extension LogEntry {
  /// - Parameter receiver: the host and port, because paths and queries may be secret.
  static func receiverUnreachable(_ receiver: String, cause: String) -> LogEntry {
    LogEntry(
      .warning, "callback receiver keeps failing; sending it one callback at a time until it accepts one",
      ["receiver": .text(receiver), "cause": .text(cause)])
  }

  static func receiverReachable(_ receiver: String) -> LogEntry {
    LogEntry(.notice, "callback receiver accepts callbacks again", ["receiver": .text(receiver)])
  }

  static func callbackFailed(_ row: CallbackRow) -> LogEntry {
    LogEntry(
      .warning, "callback failed; it stays listed: retry it with replicate-webhookd callbacks retry",
      [
        row.type.subjectKind: .text(row.jobID), "type": .text(row.type.name), "callback": .text(row.id),
        "receiver": .text(row.host ?? ""), "cause": .text(row.error ?? ""),
      ])
  }
}
