import EventLoop
@testable import Observability
import Testing
@testable import Time

@Suite struct LogRateLimiterTests {
  private var allowance = LogAllowance<String>(lines: 3, in: .seconds(1))

  private func moment(_ milliseconds: Int) -> MonotonicTime {
    MonotonicTime(nanoseconds: UInt64(milliseconds) * 1_000_000)
  }

  /// How many of `count` lines of `kind` are written.
  private mutating func written(_ count: Int, _ kind: String = "a", at milliseconds: Int) -> Int {
    (0..<count).filter { _ in allowance.takes(kind, at: moment(milliseconds)) }.count
  }

  @Test mutating func theFirstOfEachIntervalAreWritten() {
    #expect(written(3, at: 0) == 3 && allowance.due == nil)
    #expect(written(5, at: 999) == 0)
    #expect(written(5, at: 1000) == 3)
    // A rare kind is not suppressed by a frequent one.
    #expect(written(1, "b", at: 1000) == 1)
  }

  @Test mutating func suppressedLinesAreCountedOnceAnInterval() {
    #expect(written(10, at: 0) == 3)
    #expect(written(10, "b", at: 100) == 3)
    #expect(allowance.due == moment(1000))
    #expect(allowance.takeCounts(dueAt: moment(999)).isEmpty)
    // The next interval begins before the count is taken, and does not delay it.
    #expect(written(4, at: 1001) == 3)
    let counts = allowance.takeCounts(dueAt: moment(1050))
    #expect(counts.map(\.kind) == ["a"] && counts.map(\.suppressed) == [8])
    #expect(allowance.due == moment(1100))
    #expect(allowance.takeAllCounts().map(\.suppressed) == [7])
    #expect(allowance.due == nil && allowance.takeCounts(dueAt: moment(9000)).isEmpty)
  }

  /// Taking the counts does not allow more lines before the interval ends.
  @Test mutating func takingTheCountsBeginsNoInterval() {
    #expect(written(10, at: 0) == 3)
    #expect(allowance.takeAllCounts().map(\.suppressed) == [7])
    #expect(written(10, at: 500) == 0)
    #expect(allowance.takeCounts(dueAt: moment(1000)).isEmpty)
    #expect(allowance.takeCounts(dueAt: moment(1500)).map(\.suppressed) == [10])
  }

  /// An hour of a hundred lines a second.
  ///
  /// Three lines and a count are written each second, and none is uncounted.
  @Test mutating func aFloodIsBoundedAndCountedWhole() {
    var (lines, counted, counts) = (0, 0, 0)
    for hundredth in 0..<360_000 {
      let now = moment(hundredth * 10)
      if allowance.takes("a", at: now) { lines += 1 }
      for (_, suppressed) in allowance.takeCounts(dueAt: now) {
        (counts, counted) = (counts + 1, counted + suppressed)
      }
    }
    counted += allowance.takeAllCounts().reduce(0) { $0 + $1.suppressed }
    #expect(lines + counted == 360_000)
    #expect(lines <= 3 * 3600 && counts <= 3600)
  }
}
