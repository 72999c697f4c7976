package import EventLoop
package import Logging
internal import Observability
internal import Synchronization
internal import Time

/// The log of refusals on one listener, limited to ten lines of each code in a second.
///
/// One more line reports the number of suppressed ones. Observers receive all. Used on the listener's loop.
package final class RefusalLog: Sendable {
  private let loop: EventLoop
  private let logger: Logger
  private let observers: [any RefusalObserver]
  private let limiter = Mutex(LogRateLimiter(maxLines: 10, per: .seconds(1)))

  /// - Parameter observers: receive refusals that may be deliveries. None where the listener receives none.
  package init(loop: EventLoop, logger: Logger, observers: [any RefusalObserver] = []) {
    self.loop = loop
    self.logger = logger
    self.observers = observers
  }

  /// Logs a refusal or counts it, and passes it to the observers.
  package func report(_ refused: RefusedRequest) {
    write(.refused(refused), refused.logFields)
    guard refused.mayBeDelivery else { return }
    for observer in observers {
      observer.note(refused, at: Timestamp(milliseconds: loop.kernel.wallTimeMilliseconds))
    }
  }

  /// Logs `entry` with `details`, or counts it.
  ///
  /// - Parameters:
  ///   - entry: has the fields that a count shows too.
  ///   - details: evaluated only if the line is written.
  private func write(_ entry: LogEntry, _ details: @autoclosure () -> LogFields) {
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
  package func close() {
    for entry in limiter.withLock({ $0.takeAllReports() }) { logger.log(entry) }
  }
}
