internal import Ledger
package import EventLoop
package import GroupCommit
internal import HTTPWire
internal import Jobs
package import Observability
package import Routing
internal import StandardWebhooks
internal import StoreSeam
internal import Time

/// `POST /webhooks/replicate`: verify, decode, record, and only then acknowledge.
package final class WebhookEndpoint {
  private let loop: EventLoop
  private let verifier: DeliveryVerifier
  private let decoder: DeliveryDecoder
  private let recorder: Recorder
  private let metrics: IntakeMetrics
  private let deliveryLog: LineLogHandler
  private let maxBodyBytes: Int

  package init(
    loop: EventLoop, verifier: DeliveryVerifier, decoder: DeliveryDecoder, recorder: Recorder,
    metrics: IntakeMetrics, deliveryLog: LineLogHandler, maxBodyBytes: Int
  ) {
    self.loop = loop
    self.verifier = verifier
    self.decoder = decoder
    self.recorder = recorder
    self.metrics = metrics
    self.deliveryLog = deliveryLog
    self.maxBodyBytes = maxBodyBytes
  }

  package var routes: [Route] {
    [
      Route(
        .post, "/webhooks/replicate", name: "webhook",
        summary: "Records a delivery, and acknowledges it once it is committed.",
        access: .deliverySignature, maxBodyBytes: maxBodyBytes, respond: receive)
    ]
  }

  private func receive(
    _ request: RoutedRequest<SignatureHeaders>
  ) async throws(Problem) -> Response {
    let start = loop.kernel.monotonicTime
    let now = Timestamp(milliseconds: loop.kernel.wallTimeMilliseconds)
    let acceptance = try verifier.verify(request.admitted, request.body, now: now)
    let delivery = try decoder.decode(
      request.body, to: request.head.target, webhookID: request.admitted.id, receivedAt: now)
    let recording = try await record(delivery)
    metrics.deliveries.add(for: recording.outcome)
    if recording.isStray { metrics.unboundDeliveries.add(for: .otherPrediction) }
    deliveryLog.logDelivery(
      delivery, recording, secretPosition: acceptance.secretPosition,
      took: loop.kernel.monotonicTime - start)
    return recording.outcome == .duplicate ? Self.acknowledgementOfDuplicate : Self.acknowledgement
  }
}

// MARK: - The steps

extension WebhookEndpoint {
  private func record(_ delivery: Delivery) async throws(Problem) -> Recording {
    switch await recorder.record(delivery) {
    case .success(let recording): return recording
    case .failure(let failure): throw Problem(failure)
    }
  }

  private static let acknowledgement = acknowledgement(isDuplicate: false)
  private static let acknowledgementOfDuplicate = acknowledgement(isDuplicate: true)

  private static func acknowledgement(isDuplicate: Bool) -> Response {
    Response(
      status: .ok, fields: [("Content-Type", "application/json")],
      body: Array(#"{"received":true,"duplicate":\#(isDuplicate)}"#.utf8))
  }
}
