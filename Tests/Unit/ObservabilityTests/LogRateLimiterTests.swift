import Logging
@testable import Observability
import Testing
@testable import Time

@Suite struct LogRateLimiterTests {
  private var limiter = LogRateLimiter(maxLines: 3, per: .seconds(1))

  private func moment(_ milliseconds: Int) -> MonotonicTime {
    MonotonicTime(nanoseconds: UInt64(milliseconds) * 1_000_000)
  }

  private static func entry(_ kind: String) -> LogEntry { LogEntry(.info, kind) }

  /// The report of `count` suppressed lines of `kind`.
  private static func report(_ count: Int, of kind: String = "a") -> LogEntry {
    LogEntry(.info, kind, ["suppressed": .integer(count)])
  }

  private static func suppressed(_ report: LogEntry) -> Int {
    guard case .integer(let count)? = report.fields["suppressed"] else { return 0 }
    return count
  }

  /// How many of `count` lines of `kind` are written.
  private mutating func written(_ count: Int, _ kind: String = "a", at milliseconds: Int) -> Int {
    (0..<count).filter { _ in limiter.admits(Self.entry(kind), at: moment(milliseconds)) }.count
  }

  @Test mutating func theFirstOfEachIntervalAreWritten() {
    #expect(written(3, at: 0) == 3 && limiter.nextReport == nil)
    #expect(written(5, at: 999) == 0)
    #expect(written(5, at: 1000) == 3)
    // A rare kind is not suppressed by a frequent one.
    #expect(written(1, "b", at: 1000) == 1)
  }

  @Test mutating func suppressedLinesAreCountedOnceAnInterval() {
    #expect(written(10, at: 0) == 3)
    #expect(written(10, "b", at: 100) == 3)
    #expect(limiter.nextReport == moment(1000))
    #expect(limiter.takeReports(dueAt: moment(999)).isEmpty)
    // The next interval begins before the count is taken, and does not delay it.
    #expect(written(4, at: 1001) == 3)
    #expect(limiter.takeReports(dueAt: moment(1050)) == [Self.report(8)])
    #expect(limiter.nextReport == moment(1100))
    #expect(limiter.takeAllReports() == [Self.report(7, of: "b")])
    #expect(limiter.nextReport == nil && limiter.takeReports(dueAt: moment(9000)).isEmpty)
  }

  /// Taking the counts does not allow more lines before the interval ends.
  @Test mutating func takingTheCountsBeginsNoInterval() {
    #expect(written(10, at: 0) == 3)
    #expect(limiter.takeAllReports() == [Self.report(7)])
    #expect(written(10, at: 500) == 0)
    #expect(limiter.takeReports(dueAt: moment(1000)).isEmpty)
    #expect(limiter.takeReports(dueAt: moment(1500)) == [Self.report(10)])
  }

  /// An hour of a hundred lines a second.
  ///
  /// Three lines and a count are written each second, and none is uncounted.
  @Test mutating func aFloodIsBoundedAndCountedWhole() {
    var (lines, counted, counts) = (0, 0, 0)
    for hundredth in 0..<360_000 {
      let now = moment(hundredth * 10)
      if limiter.admits(Self.entry("a"), at: now) { lines += 1 }
      for report in limiter.takeReports(dueAt: now) {
        (counts, counted) = (counts + 1, counted + Self.suppressed(report))
      }
    }
    counted += limiter.takeAllReports().reduce(0) { $0 + Self.suppressed($1) }
    #expect(lines + counted == 360_000)
    #expect(lines <= 3 * 3600 && counts <= 3600)
  }
}
