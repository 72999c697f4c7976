internal import EventLoop
internal import Logging
internal import Observability
internal import Synchronization

/// The log of events that clients cause on one listener, limited to ten lines of each in a second.
///
/// One more line reports the number of suppressed ones. Used on the listener's loop.
final class RefusalLog: Sendable {
  private let loop: EventLoop
  private let logger: Logger
  private let limiter = Mutex(LogRateLimiter(maxLines: 10, per: .seconds(1)))

  init(loop: EventLoop, logger: Logger) {
    self.loop = loop
    self.logger = logger
  }

  /// Logs `entry` with `details`, or counts it.
  ///
  /// - Parameters:
  ///   - entry: has the fields that a count shows too.
  ///   - details: evaluated only if the line is written.
  func write(_ entry: LogEntry, _ details: @autoclosure () -> LogFields) {
    let now = loop.now
    let (isAdmitted, isFirstSuppressed) = limiter.withLock { limiter in
      let hadReport = limiter.nextReport != nil
      let isAdmitted = limiter.admits(entry, at: now)
      return (isAdmitted, !isAdmitted && !hadReport)
    }
    if isAdmitted { logger.log(entry.adding(details())) }
    if isFirstSuppressed { loop.start { [self] in await reportUntilDone() } }
  }

  /// Ends when no count is pending; the next suppressed line starts it again.
  private func reportUntilDone() async {
    while let due = limiter.withLock({ $0.nextReport }) {
      _ = await loop.sleep(until: due)
      for entry in limiter.withLock({ $0.takeReports(dueAt: loop.now) }) { logger.log(entry) }
    }
  }

  /// Logs the pending counts. Called after the last request.
  func close() {
    for entry in limiter.withLock({ $0.takeAllReports() }) { logger.log(entry) }
  }
}
