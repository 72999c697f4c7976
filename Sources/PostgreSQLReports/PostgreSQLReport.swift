package import Logging
package import Observability
package import PostgreSQLStore
internal import System

/// The metrics and log lines of a PostgreSQL database.
package final class PostgreSQLReport: StoreObserver {
  private let logger: Logger
  private let standbys = Gauge(
    "replicate_webhookd_commit_standbys",
    help: "Synchronous standbys that a commit waits for; 0 for the primary's disk alone.")
  private let reconnects = Counter(
    "replicate_webhookd_store_reconnects_total",
    help: "Lost connections of writers to the database.")
  private let retries = LabeledCounter(
    "replicate_webhookd_commit_retries_total", help: "Transactions that were repeated, by reason.",
    label: "reason", values: CommitRetry.allCases)
  private let settlements = LabeledCounter(
    "replicate_webhookd_in_doubt_commits_total",
    help: "Commits whose answer was lost, by the outcome that was found.", label: "outcome",
    values: InDoubtOutcome.allCases)
  private let state = Lock(State())

  private struct State {
    package var durability: CommitDurability?
    var isLost = false
    var feedLag = Duration.zero
  }

  /// How long the feed may be held back before it is logged.
  private static let maxFeedLag = Duration.seconds(10)

  package init(logger: Logger) { self.logger = logger }

  package var metrics: [any MetricFamily] {
    let feedLag = ComputedGauge(
      "replicate_webhookd_feed_lag_seconds",
      help: "How long an open transaction has held the newest changes back."
    ) { [self] in Int(state.withLock(\.feedLag) / .seconds(1)) }
    return [standbys, reconnects, retries, settlements, feedLag]
  }

  /// How far a commit goes.
  package var durability: String { state.withLock { $0.durability?.description ?? "unknown" } }

  package func connected(durability: CommitDurability) {
    standbys.set(durability.standbys)
    let before = state.withLock { state in
      defer { (state.durability, state.isLost) = (durability, false) }
      return state
    }
    if before.isLost { logger.log(.storeReconnected) }
    if let known = before.durability, known != durability {
      logger.log(
        .durabilityChanged(to: durability.description, isLess: durability.standbys < known.standbys))
    }
  }

  package func reconnecting(cause: String) {
    let wasLost = state.withLock { state in
      defer { state.isLost = true }
      return state.isLost
    }
    // One line for an outage, however many attempts it takes.
    guard !wasLost else { return }
    reconnects.add()
    logger.log(.storeConnectionLost(cause: cause))
  }

  /// - Parameter duration: how long changes have waited for the end of an earlier transaction.
  package func feedIsHeldBack(for duration: Duration) {
    let before = state.withLock { state in
      defer { state.feedLag = duration }
      return state.feedLag
    }
    if before < Self.maxFeedLag, duration >= Self.maxFeedLag { logger.log(.feedHeldBack(lag: duration)) }
    if before >= Self.maxFeedLag, duration < Self.maxFeedLag { logger.log(.feedMovesOn) }
  }

  package func retried(_ reason: CommitRetry) { retries.add(for: reason) }

  package func settled(_ outcome: InDoubtOutcome) {
    settlements.add(for: outcome)
    logger.log(.inDoubtCommitSettled(outcome: outcome.rawValue))
  }
}

// MARK: - Events

extension LogEntry {
  static func storeConnectionLost(cause: String) -> LogEntry {
    LogEntry(
      .warning, "connection to the database lost; trying all hosts of DATABASE_URL", ["cause": .text(cause)])
  }

  static var storeReconnected: LogEntry { LogEntry(.notice, "connected to the database again") }

  /// - Parameter isLess: whether fewer standbys confirm commits than before.
  static func durabilityChanged(to text: String, isLess: Bool) -> LogEntry {
    LogEntry(
      isLess ? .warning : .notice,
      isLess
        ? "commits reach fewer standbys than before: check the standbys and synchronous_standby_names"
        : "commits reach more standbys than before",
      ["commits_reach": .text(text)])
  }

  static func inDoubtCommitSettled(outcome: String) -> LogEntry {
    LogEntry(.notice, "a commit whose answer was lost is settled", ["outcome": .text(outcome)])
  }

  static func feedHeldBack(lag: Duration) -> LogEntry {
    LogEntry(
      .warning,
      "an open transaction holds the change feed back; end it: see pg_stat_activity, by backend_xid",
      ["lag_seconds": .seconds(lag)])
  }

  static var feedMovesOn: LogEntry { LogEntry(.notice, "the change feed moves on") }
}
