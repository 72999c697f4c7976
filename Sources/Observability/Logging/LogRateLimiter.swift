package import Time

/// A limit on the number of equal log lines per interval.
///
/// Clients or a broken disk can cause the same event again and again, which must not fill the log. The first
/// ``maxLines`` of each event are written per interval. The others are counted. One interval after the first
/// suppressed line, one more line reports their number as `suppressed`. A value; its owner serialises access.
package struct LogRateLimiter: Sendable {
  let maxLines: Int
  let interval: Duration
  private var states: [LogEntry: State] = [:]

  private struct State {
    var intervalStart: MonotonicTime
    var written = 0
    var suppressed = 0
    /// When the first of them was suppressed.
    var suppressedSince: MonotonicTime
  }

  package init(maxLines: Int, per interval: Duration) {
    self.maxLines = maxLines
    self.interval = interval
  }

  /// Whether `entry` may be written at `now`; otherwise it is counted.
  ///
  /// - Parameter entry: without the fields that vary from one occurrence to the next.
  package mutating func admits(_ entry: LogEntry, at now: MonotonicTime) -> Bool {
    var state = states[entry] ?? State(intervalStart: now, suppressedSince: now)
    defer { states[entry] = state }
    if now - state.intervalStart >= interval { (state.intervalStart, state.written) = (now, 0) }
    guard state.written >= maxLines else {
      state.written += 1
      return true
    }
    if state.suppressed == 0 { state.suppressedSince = now }
    state.suppressed += 1
    return false
  }

  /// When the next count is due; nil if nothing is suppressed.
  package var nextReport: MonotonicTime? {
    states.values.filter { $0.suppressed > 0 }.map { $0.suppressedSince + interval }.min()
  }

  /// The counts due at `now`, as entries to write, oldest first.
  ///
  /// Events that no longer occur are forgotten.
  package mutating func takeReports(dueAt now: MonotonicTime) -> [LogEntry] {
    let interval = interval
    let reports = takeReports { now - $0.suppressedSince >= interval }
    states = states.filter { $1.suppressed > 0 || now - $1.intervalStart < interval }
    return reports
  }

  /// All counts, due or not.
  ///
  /// Used before an entry that would be misunderstood without them, and at the end.
  package mutating func takeAllReports() -> [LogEntry] {
    takeReports { _ in true }
  }

  private mutating func takeReports(where isDue: (State) -> Bool) -> [LogEntry] {
    let due = states.filter { $1.suppressed > 0 && isDue($1) }
      .sorted { $0.value.suppressedSince < $1.value.suppressedSince }
    for (entry, _) in due { states[entry]?.suppressed = 0 }
    return due.map { $0.key.adding(["suppressed": .number($0.value.suppressed)]) }
  }
}
