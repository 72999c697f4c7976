package import EventLoop
package import Logging
internal import Synchronization

/// The lines that strangers can cause by what they send to one listener: ten of each code in a second, then one with how
/// many more there were. Used on the listener's loop.
package final class RefusalLog: Sendable {
  private static let linesPerSecond = 10

  /// What a count is of.
  package struct Kind: Hashable, Sendable {
    package let message: String
    package let code: String
    package let level: Logger.Level

    package init(message: String, code: String, level: Logger.Level) {
      self.message = message
      self.code = code
      self.level = level
    }
  }

  private let loop: EventLoop
  private let logger: Logger
  private let allowance = Mutex(LogAllowance<Kind>(lines: RefusalLog.linesPerSecond, in: .seconds(1)))

  package init(loop: EventLoop, logger: Logger) {
    self.loop = loop
    self.logger = logger
  }

  /// - Parameter metadata: beside the code; not asked for where the line is only counted.
  package func write(_ kind: Kind, _ metadata: @autoclosure () -> Logger.Metadata) {
    let now = loop.now
    let (isTaken, isFirstCount) = allowance.withLock { allowance in
      let wasCounting = allowance.due != nil
      let isTaken = allowance.takes(kind, at: now)
      return (isTaken, !isTaken && !wasCounting)
    }
    if isTaken {
      logger.log(
        level: kind.level, "\(kind.message)", metadata: metadata().merging(["code": "\(kind.code)"]) { $1 })
    }
    if isFirstCount { loop.start { [self] in await sayCounts() } }
  }

  /// Ends when no count is waiting; the next one starts it again.
  private func sayCounts() async {
    while let due = allowance.withLock({ $0.due }) {
      _ = await loop.sleep(until: due)
      say(allowance.withLock { $0.takeCounts(dueAt: loop.now) })
    }
  }

  /// Says what is still waiting: nothing more will come.
  package func close() {
    say(allowance.withLock { $0.takeAllCounts() })
  }

  private func say(_ counts: [(kind: Kind, suppressed: Int)]) {
    for (kind, suppressed) in counts {
      logger.log(
        level: kind.level, "\(kind.message)",
        metadata: ["code": "\(kind.code)", "suppressed": .number(suppressed)])
    }
  }
}
