internal import EventLoop
package import Time

/// How many lines of each kind may be written: what strangers or a broken disk can cause again and again must not fill the
/// log. A value; whoever writes the lines keeps it.
///
/// The first ``lines`` of a kind in each interval are written. The others are counted, and the count is said an interval
/// after the first of them: a flood is one line more an interval, and nothing goes unsaid.
package struct LogAllowance<Kind: Hashable & Sendable>: Sendable {
  let lines: Int
  let interval: Duration
  private var states: [Kind: State] = [:]

  private struct State {
    var intervalStart: MonotonicTime
    var written = 0
    var suppressed = 0
    /// When the first of those was suppressed.
    var suppressedSince: MonotonicTime
  }

  package init(lines: Int, in interval: Duration) {
    self.lines = lines
    self.interval = interval
  }

  /// Whether a line of `kind` may be written at `now`; else it is counted.
  package mutating func takes(_ kind: Kind, at now: MonotonicTime) -> Bool {
    var state = states[kind] ?? State(intervalStart: now, suppressedSince: now)
    defer { states[kind] = state }
    if now - state.intervalStart >= interval { (state.intervalStart, state.written) = (now, 0) }
    guard state.written >= lines else {
      state.written += 1
      return true
    }
    if state.suppressed == 0 { state.suppressedSince = now }
    state.suppressed += 1
    return false
  }

  /// When a count is to be said; nil where none is waiting.
  package var due: MonotonicTime? {
    states.values.filter { $0.suppressed > 0 }.map { $0.suppressedSince + interval }.min()
  }

  /// The counts that are due at `now`, in the order in which they began. Kinds that have been silent are forgotten.
  package mutating func takeCounts(dueAt now: MonotonicTime) -> [(kind: Kind, suppressed: Int)] {
    let interval = interval
    let taken = takeCounts { now - $0.suppressedSince >= interval }
    states = states.filter { $1.suppressed > 0 || now - $1.intervalStart < interval }
    return taken
  }

  /// All counts, due or not: what is said next would be misunderstood before them, or nothing is said any more.
  package mutating func takeAllCounts() -> [(kind: Kind, suppressed: Int)] {
    takeCounts { _ in true }
  }

  private mutating func takeCounts(where isWanted: (State) -> Bool) -> [(kind: Kind, suppressed: Int)] {
    let taken = states.filter { $1.suppressed > 0 && isWanted($1) }
      .sorted { $0.value.suppressedSince < $1.value.suppressedSince }
    for (kind, _) in taken { states[kind]?.suppressed = 0 }
    return taken.map { ($0.key, $0.value.suppressed) }
  }
}
