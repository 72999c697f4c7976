internal import EventLoop
internal import Logging
internal import Observability
internal import Time

/// What the log says of a store that cannot be written. Each delivery of a day on a full disk fails: its cause is said once in
/// ten seconds, and how often it came besides.
struct WritingLog {
  private var allowance = LogAllowance<Event>(lines: 1, in: .seconds(10))
  private let logger: Logger

  private enum Event: Hashable, Sendable {
    case failed(cause: String)
    case recovered
  }

  init(logger: Logger) {
    self.logger = logger
  }

  /// Until there is a count to tell; nil where nothing was left out.
  func patience(at now: MonotonicTime) -> Duration? {
    allowance.due.map { $0 - now }
  }

  mutating func noteFailure(_ cause: String, at now: MonotonicTime) { say(.failed(cause: cause), at: now) }

  mutating func noteRecovery(at now: MonotonicTime) { say(.recovered, at: now) }

  /// Tells the counts that are due.
  mutating func tell(at now: MonotonicTime) { say(allowance.takeCounts(dueAt: now)) }

  /// Tells all that was left out.
  mutating func tellAll() { say(allowance.takeAllCounts()) }

  private mutating func say(_ event: Event, at now: MonotonicTime) {
    guard allowance.takes(event, at: now) else { return }
    // The failures that were not said yet came before this recovery.
    if case .recovered = event { tellAll() }
    log(event)
  }

  private func say(_ counts: [(kind: Event, suppressed: Int)]) {
    for (event, suppressed) in counts { log(event, ["suppressed": .number(suppressed)]) }
  }

  private func log(_ event: Event, _ metadata: Logger.Metadata = [:]) {
    switch event {
    case .failed(let cause):
      logger.error("the store could not be written", metadata: metadata.merging(["cause": "\(cause)"]) { $1 })
    case .recovered:
      logger.notice("the store can be written again", metadata: metadata)
    }
  }
}
