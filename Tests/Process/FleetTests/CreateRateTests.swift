import Foundation
import LiveDaemon
import Testing

extension FleetTests {
  /// The rate at which predictions are created.
  @Suite struct CreateRateTests {
    /// The burst at a start: one call of each caller thread.
    private static let burst = 8

    @Test func createsStayWithinTheRatePerMinute() throws {
      let (count, perMinute) = (150, 1200)
      let station = try Station(
        ["--duration", "50ms", "--create-rate", "60000"],
        ["CREATES_PER_MINUTE": "\(perMinute)"])
      let submitter = Submitter(count, to: station.apiPort) { _ in #"{"model":"demo/text","input":{}}"# }
      try wait("some predictions") { try station.simulator.overview(limit: 0).created > count / 3 }
      try station.replaceDaemon()
      try wait("all have ended", seconds: 120) {
        let overview = try station.simulator.overview(limit: 0)
        return submitter.now.running == 0 && overview.created >= count && overview.isSettled
      }
      let predictions = try station.simulator.overview().predictions
      #expect(predictions.count == count && predictions.allSatisfy { $0.createCount == 1 })
      let times = try station.simulator.creationTimes().sorted()
      #expect(times.count == count)
      // A request may take longer than the next, so a second may have some calls of its neighbours.
      let latenesses = Self.burst
      for (first, start) in times.enumerated() {
        for (last, end) in times.enumerated().dropFirst(first) {
          let allowed = (end - start) * Double(perMinute) / 60 + Double(2 * Self.burst + latenesses)
          #expect(Double(last - first) <= allowed, "\(last - first + 1) in \(end - start) s")
        }
      }
    }

    /// The provider's own limit is lower.
    ///
    /// No call is made before its Retry-After has passed.
    @Test func aBurstDrainsAtTheProvidersRate() throws {
      let count = 300
      let station = try Station(
        ["--duration", "50ms", "--create-rate", "1200"], ["CREATES_PER_MINUTE": "3000"])
      let submitter = Submitter(count, to: station.apiPort) { _ in #"{"model":"demo/text","input":{}}"# }
      try wait("more than the provider takes at once") {
        try station.simulator.overview(limit: 0).created > count / 2
      }
      let refusedBefore = try station.metric(#"provider_calls_total{outcome="rate_limited"}"#)
      try station.replaceDaemon()
      try wait("all have ended", seconds: 120) {
        let overview = try station.simulator.overview(limit: 0)
        return submitter.now.running == 0 && overview.created >= count && overview.isSettled
      }
      #expect(submitter.now.jobs.count == count && submitter.now.refusals.isEmpty)
      let predictions = try station.simulator.overview().predictions
      #expect(predictions.count == count && predictions.allSatisfy { $0.createCount == 1 })
      let refused = try station.metric(#"provider_calls_total{outcome="rate_limited"}"#)
      // Each pause begins with at most one 429 for each caller.
      print("create rate: \(refusedBefore) and \(refused) calls were refused")
      #expect(refusedBefore + refused > 0)
      #expect(refusedBefore + refused < count / 2)
    }
  }
}
