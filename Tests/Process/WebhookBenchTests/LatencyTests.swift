import Testing

@testable import webhook_bench

@Suite struct LatencyTests {
  /// Nearest ranks computed by hand.
  @Test(arguments: [
    (500, 1, 0), (999, 1, 0), (500, 2, 0), (500, 3, 1), (990, 100, 98), (990, 101, 99), (999, 1000, 998),
    (999, 1001, 999), (1000, 7, 6), (500, 20_000, 9999), (999, 20_000, 19_979),
  ])
  func percentileUsesNearestRank(_ perThousand: Int, _ count: Int, _ index: Int) {
    #expect(Latencies.rank(perThousand, of: count) == index)
  }

  @Test func percentilesDoNotDependOnTheOrder() {
    var latencies = Latencies(expected: 1000)
    // 7 and 1000 are coprime, so every number from 0 to 999 occurs once.
    for step in 0..<1000 { latencies.add(nanoseconds: UInt64(step * 7 % 1000) * 1000) }
    #expect(latencies.summary() == Latencies.Summary(p50: 499, p99: 989, p999: 998, max: 999))
  }

  @Test(
    arguments: [(0, 0), (499, 0), (500, 1), (1499, 1), (UInt64.max - 500, Int(UInt32.max))] as [(UInt64, Int)]
  )
  func timesAreRoundedToMicroseconds(_ nanoseconds: UInt64, _ microseconds: Int) {
    var latencies = Latencies(expected: 1)
    latencies.add(nanoseconds: nanoseconds)
    #expect(latencies.summary()?.max == microseconds)
  }

  @Test func noLatenciesHaveNoSummary() {
    #expect(Latencies(expected: 10).summary() == nil)
  }
}
