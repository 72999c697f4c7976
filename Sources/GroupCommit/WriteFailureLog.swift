internal import Logging
internal import Observability
internal import Time

/// The log of failed writes to the store, limited to one line per cause in ten seconds.
///
/// On a full disk each delivery of a day fails. Further failures are counted, and their number is logged.
struct WriteFailureLog {
  private var limiter = LogRateLimiter(maxLines: 1, per: .seconds(10))
  private let logger: Logger

  init(logger: Logger) {
    self.logger = logger
  }

  /// The time until a suppressed count is due; nil if there is none.
  func timeToReport(at now: MonotonicTime) -> Duration? {
    limiter.nextReport.map { $0 - now }
  }

  mutating func noteFailure(_ cause: String, at now: MonotonicTime) {
    let entry = LogEntry.storeWriteFailed(cause: cause)
    if limiter.admits(entry, at: now) { logger.log(entry) }
  }

  mutating func noteRecovery(at now: MonotonicTime) {
    guard limiter.admits(.storeWriteSucceeds, at: now) else { return }
    // The suppressed failures came before this recovery.
    reportAll()
    logger.log(.storeWriteSucceeds)
  }

  /// Logs the counts that are due.
  mutating func report(at now: MonotonicTime) {
    for entry in limiter.takeReports(dueAt: now) { logger.log(entry) }
  }

  /// Logs all counts.
  mutating func reportAll() {
    for entry in limiter.takeAllReports() { logger.log(entry) }
  }
}
