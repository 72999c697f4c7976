internal import EventLoop
internal import HTTPServer
internal import Observability
internal import Routing
internal import Time

/// The metrics of listeners: their requests, connections and loops.
struct ListenerMetrics: Sendable {
  let refusals = LabeledCounter(
    "replicate_webhookd_refusals_total", help: "Refused requests and connections, by problem code.",
    label: "code", values: ProblemCode.allCases)
  let openConnections = Gauge("replicate_webhookd_open_connections", help: "Open connections.")
  let openStreams = Gauge("replicate_webhookd_open_streams", help: "Open streams.")
  let evictedConnections = Counter(
    "replicate_webhookd_evicted_connections_total", help: "Connections closed to make room for others.")
  let connectionFailures = LabeledCounter(
    "replicate_webhookd_connection_failures_total",
    help: "Connections that failed before a request or exceeded a limit of TLS, by reason.",
    label: "reason", values: ConnectionFailureReason.allCases)
  let acceptErrors = Counter(
    "replicate_webhookd_accept_errors_total",
    help: "Failed accepts for lack of descriptors or memory, at most one in ten seconds per listener.")
  private let lags: [(purpose: ListenerPurpose, lag: LoopLag)]

  /// - Parameter purposes: those of the listeners that are started.
  init(purposes: [ListenerPurpose]) {
    lags = purposes.map { ($0, LoopLag()) }
  }

  /// The lag that the loop of that listener records.
  func lag(of purpose: ListenerPurpose) -> LoopLag {
    guard let lag = lags.first(where: { $0.purpose == purpose })?.lag else {
      preconditionFailure("a listener without a declared lag: \(purpose)")
    }
    return lag
  }

  var families: [any MetricFamily] {
    [
      refusals, openConnections, openStreams, evictedConnections, connectionFailures, acceptErrors,
      DurationGauge(
        "replicate_webhookd_event_loop_lag_seconds",
        help: "Longest turn or timer delay of each listener's event loop in the last 34 to 68 seconds.",
        label: "listener",
        readers: lags.map { purpose, lag in
          (purpose.rawValue, { lag.maximum(at: MonotonicClock.now) })
        }),
    ]
  }
}
