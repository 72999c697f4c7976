internal import Jobs
package import Observability

/// The metrics of deliveries.
package struct IntakeMetrics: Sendable {
  /// Why a delivery whose URL names a job was not bound to it.
  enum UnboundReason: String, CaseIterable {
    /// The URL's token was not issued by this daemon.
    case badToken = "bad_token"
    /// The job has another prediction, or is no longer known.
    case otherPrediction = "other_prediction"
  }

  let deliveries = LabeledCounter(
    "replicate_webhookd_deliveries_total", help: "Verified and committed deliveries, by outcome.",
    label: "outcome", values: DeliveryOutcome.allCases.filter { $0 != .notFound })
  let unboundDeliveries = LabeledCounter(
    "replicate_webhookd_unbound_deliveries_total",
    help: "Deliveries whose URL names a job that they do not belong to, by reason.",
    label: "reason", values: UnboundReason.allCases)
  private let acceptedBySecret: PositionCounter
  private let lastAcceptedBySecret: PositionGauge
  private let bodyBytes = Counter(
    "replicate_webhookd_received_body_bytes_total", help: "Bytes of verified bodies.")

  /// - Parameter secretCount: the maximum number of webhook secrets at a time.
  package init(secretCount: Int) {
    acceptedBySecret = PositionCounter(
      "replicate_webhookd_secret_accepted_total",
      help: "Deliveries accepted by each webhook secret, by its position in the setting.",
      count: secretCount)
    lastAcceptedBySecret = PositionGauge(
      "replicate_webhookd_secret_last_accepted_timestamp_seconds",
      help: "Unix time of the last delivery that each webhook secret accepted; 0 for never.",
      count: secretCount)
  }

  /// Counts a verified signature.
  ///
  /// A secret whose counter no longer grows can be retired.
  ///
  /// - Parameter seconds: Unix time.
  func noteAcceptance(bySecretAt position: Int, at seconds: Int64, bodyBytes count: Int) {
    acceptedBySecret.add(at: position)
    lastAcceptedBySecret.set(Int(seconds), at: position)
    bodyBytes.add(count)
  }

  package var families: [any MetricFamily] {
    [deliveries, unboundDeliveries, acceptedBySecret, lastAcceptedBySecret, bodyBytes]
  }
}
