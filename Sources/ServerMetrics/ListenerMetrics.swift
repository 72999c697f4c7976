package import EventLoop
package import HTTPServer
package import Observability
package import Routing
internal import Time

/// The metrics of listeners: their requests, connections and loops.
package struct ListenerMetrics: Sendable {
  package let refusals = LabeledCounter(
    "replicate_webhookd_refusals_total", help: "Refused requests and connections, by problem code.",
    label: "code", values: ProblemCode.allCases)
  package let openConnections = Gauge("replicate_webhookd_open_connections", help: "Open connections.")
  package let openStreams = Gauge("replicate_webhookd_open_streams", help: "Open streams.")
  package let evictedConnections = Counter(
    "replicate_webhookd_evicted_connections_total", help: "Connections closed to make room for others.")
  package let connectionFailures = LabeledCounter(
    "replicate_webhookd_connection_failures_total",
    help: "Connections that failed before a request or exceeded a limit of TLS, by reason.",
    label: "reason", values: ConnectionFailureReason.allCases)
  package let acceptErrors = Counter(
    "replicate_webhookd_accept_errors_total",
    help: "Failed accepts for lack of descriptors or memory, at most one in ten seconds per listener.")
  package let requests = RequestMetrics()
  private let lags: [(listener: String, lag: LoopLag)]

  /// - Parameter listeners: the names of those that are started.
  package init(of listeners: [String]) {
    lags = listeners.map { ($0, LoopLag()) }
  }

  /// The lag that the loop of that listener records.
  package func lag(of listener: String) -> LoopLag {
    guard let lag = lags.first(where: { $0.listener == listener })?.lag else {
      preconditionFailure("a listener without a declared lag: \(listener)")
    }
    return lag
  }

  package var families: [any MetricFamily] {
    requests.families + [
      refusals, openConnections, openStreams, evictedConnections, connectionFailures, acceptErrors,
      DurationGauge(
        "replicate_webhookd_event_loop_lag_seconds",
        help: "Longest turn or timer delay of each listener's event loop in the last 34 to 68 seconds.",
        label: "listener",
        readers: lags.map { listener, lag in
          (listener, { lag.maximum(at: MonotonicClock.now) })
        }),
    ]
  }
}
