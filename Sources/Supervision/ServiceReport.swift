package import Logging
package import Observability
package import System
package import Time

/// Reports to the service manager that the daemon moves, and what it does.
///
/// Used on the main thread only.
package final class ServiceReport {
  private let manager: ServiceManager
  private let interval: Duration?
  private var watchdog: Watchdog
  private let metrics: MetricsPage
  private let logger: Logger
  private var lastAt: MonotonicTime
  private var lastDeliveries: Int

  /// The time between two states at most.
  private static let maxInterval = Duration.seconds(10)

  /// - Parameters:
  ///   - watchdog: decides whether the manager is told that the daemon lives.
  ///   - metrics: what the status is made of.
  package init(
    to manager: ServiceManager, watchdog: Watchdog, metrics: MetricsPage, logger: Logger,
    now: MonotonicTime
  ) {
    self.manager = manager
    self.watchdog = watchdog
    self.metrics = metrics
    self.logger = logger
    lastAt = now
    lastDeliveries = Self.deliveries(metrics)
    // Two checks may fail before the manager gives up.
    let checks = manager.watchdogTimeout.map { $0 / 4 } ?? Self.maxInterval
    interval = manager.isListening ? min(checks, Self.maxInterval) : nil
  }

  /// The time to the next report; nil without a manager.
  package func timeLeft(at now: MonotonicTime) -> Duration? {
    interval.map { max(.zero, lastAt + $0 - now) }
  }

  /// Sends a report if one is due.
  package func runIfDue(at now: MonotonicTime) {
    guard timeLeft(at: now) == .zero else { return }
    for line in watchdog.check() { logger.log(line) }
    let deliveries = Self.deliveries(metrics)
    let status = Status(
      metrics, deliveries: max(0, deliveries - lastDeliveries), in: now - lastAt,
      isMoving: watchdog.isMoving)
    (lastAt, lastDeliveries) = (now, deliveries)
    manager.notify(.status(status.text, isAlive: watchdog.isMoving && manager.watchdogTimeout != nil))
  }

  private static func deliveries(_ metrics: MetricsPage) -> Int {
    metrics.sum(of: "replicate_webhookd_deliveries_total") ?? 0
  }
}

/// The line that `systemctl status` shows.
struct Status {
  let text: String

  /// What the metrics do not have, such as a capability that was left out, is left out here too.
  init(_ metrics: MetricsPage, deliveries: Int, in time: Duration, isMoving: Bool) {
    let tenths = time > .zero ? Int((Double(deliveries) * 10 / (time / .seconds(1))).rounded()) : 0
    var parts = ["\(tenths / 10).\(tenths % 10) deliveries/s"]
    let open = metrics.sum(of: "replicate_webhookd_jobs", labels: ["pending", "running", "stale"])
    if let open { parts.append("\(open) jobs open") }
    if let queued = metrics.sum(of: "replicate_webhookd_orders", labels: ["queued"]) {
      parts.append("\(queued) orders queued")
    }
    if let waiting = metrics.sum(of: "replicate_webhookd_commit_queue_depth") {
      parts.append("\(waiting) waiting for a commit")
    }
    text = (isMoving ? "" : "a thread makes no progress; ") + parts.joined(separator: ", ")
  }
}
