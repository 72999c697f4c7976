import Jobs
import Observability
import Testing
import Time

@testable import Scheduler

/// The metric of paused creations.
@Suite struct PauseMetricTests {
  private let pace = CreationPace()

  private func paused(at now: Int64) -> [String: String] {
    let families = SchedulerMetrics().families(pace: pace) { Timestamp(milliseconds: now) }
    let lines = MetricsPage(families).text.split(separator: "\n").map { $0.split(separator: " ") }
    let name = "replicate_webhookd_creates_paused{reason="
    return Dictionary(
      uniqueKeysWithValues: lines.filter { $0[0].hasPrefix(name) }.map {
        (String($0[0].dropFirst(name.count + 1).dropLast(2)), String($0[1]))
      })
  }

  @Test(arguments: OrderReason.allCases) func onlyTheReasonOfThePresentPauseIsShown(reason: OrderReason) {
    pace.state = CreationPace.State(next: Timestamp(milliseconds: 5000), interval: 100, reason: reason)
    let during = paused(at: 4999)
    #expect(Set(during.keys) == Set(OrderReason.allCases.map(\.rawValue)))
    #expect(during.filter { $0.value != "0" } == [reason.rawValue: "1"])
    #expect(paused(at: 5000).values.allSatisfy { $0 == "0" })
  }

  @Test func withoutATokenEachReasonIsZero() {
    #expect(
      paused(at: 0) == Dictionary(uniqueKeysWithValues: OrderReason.allCases.map { ($0.rawValue, "0") }))
  }
}
