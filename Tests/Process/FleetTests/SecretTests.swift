import Foundation
import LiveDaemon
import Testing

extension FleetTests {
  /// The fetched signing secret, used if none is set.
  @Suite struct SecretTests {
    private static let another = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    private static let fast = #"{"model":"demo/text","input":{}}"#

    @Test func theSecretIsFetchedAndFetchedAgainWhenItChanges() throws {
      // Polls come too late to matter here: the ends come by delivery or not at all.
      let station = try Station(
        ["--duration", "100ms"], ["REPLICATE_WEBHOOK_SECRET": "", "RECONCILE_AFTER": "1h"])
      let first = try station.submit(Self.fast)
      _ = try station.job(first, in: ["succeeded"])
      #expect(try station.metric(#"refusals_total{code="signature_mismatch"}"#) == 0)

      try station.replaceSimulator(["--duration", "100ms"], secret: Self.another)
      let second = try station.submit(Self.fast)
      // The webhook of its start is rejected and lost; that of its end is retried.
      _ = try station.job(second, in: ["succeeded"], seconds: 20)
      #expect(try station.metric(#"refusals_total{code="signature_mismatch"}"#) > 0)
      #expect(try station.metric(#"secret_accepted_total{position="1"}"#) > 0)
    }

    /// Deliveries signed before the change may still be in flight.
    @Test func thePreviousSecretIsAcceptedAfterARotation() throws {
      let station = try Station(["--duration", "100ms"], ["REPLICATE_WEBHOOK_SECRET": ""])
      try station.replaceSimulator(["--duration", "100ms"], secret: Self.another)
      let job = try station.submit(Self.fast)
      _ = try station.job(job, in: ["succeeded"], seconds: 20)
      try wait("the new secret is there") {
        try station.daemon.post(
          SignedDelivery(id: "new", prediction: "n", status: "starting", secret: Self.another)
        ).status == 200
      }
      let old = try SignedDelivery(id: "old", prediction: "o", status: "starting")
      #expect(try station.daemon.post(old).status == 200)
    }

    /// A failed fetch is retried soon, and forged deliveries trigger only one.
    @Test func aFailedFetchIsRetried() throws {
      let station = try Station([], ["REPLICATE_WEBHOOK_SECRET": "", "RECONCILE_AFTER": "1h"])
      try station.replaceSimulator(["--api-errors", "1"], secret: Self.another)
      let forged = try SignedDelivery(id: "f", prediction: "f", status: "starting", secret: Self.another)
      #expect(try station.daemon.post(forged).status == 401)
      try wait("the fetch fails") {
        try station.metric(#"provider_calls_total{outcome="refused"}"#) > 0
      }
      try station.replaceSimulator([], secret: Self.another)
      try wait("it is accepted", seconds: 20) { try station.daemon.post(forged).status == 200 }
      #expect(try station.metric(#"provider_calls_total{outcome="refused"}"#) < 4)
    }
  }
}
