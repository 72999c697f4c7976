internal import EventLoop
internal import HTTPServer
internal import HTTPWire
internal import Jobs
internal import Logging
internal import ReplicateAPI
internal import StandardWebhooks
internal import Store

/// `POST /webhooks/replicate`: verify, decode, record, and only then acknowledge.
final class WebhookEndpoint {
  private let loop: EventLoop
  private let verifier: Verifier
  private let decoder = SnapshotDecoder(rules: OutputRules())
  private let recorder: Recorder
  private let metrics: Metrics
  private let deliveryLog: LineLogHandler
  private let bodyLimit: Int

  init(
    loop: EventLoop, verifier: Verifier, recorder: Recorder, metrics: Metrics,
    deliveryLog: LineLogHandler, bodyLimit: Int
  ) {
    self.loop = loop
    self.verifier = verifier
    self.recorder = recorder
    self.metrics = metrics
    self.deliveryLog = deliveryLog
    self.bodyLimit = bodyLimit
  }

  /// What the header section alone decides: the body of an unsigned request is not worth reading.
  ///
  /// - Returns: how large the body may be.
  func admit(_ head: RequestHead) throws(Problem) -> Int {
    guard head.method == .post else { throw .methodNotAllowed(allow: "POST") }
    guard head.bodyFraming != .none else {
      throw Problem(.lengthRequired, .lengthRequired, "a delivery has a body and says its length")
    }
    _ = try SignatureHeaders(of: head)
    return bodyLimit
  }

  func respond(to request: Request) async throws(Problem) -> Response {
    let start = loop.kernel.monotonicTime
    let headers = try SignatureHeaders(of: request.head)
    let now = Timestamp(milliseconds: loop.kernel.wallTimeMilliseconds)
    let acceptance = try verify(headers, request.body, now: now)
    let delivery = try decode(request.body, webhookID: headers.id, receivedAt: now)
    let recording = try await record(delivery)
    metrics.deliveries[recording.outcome.rawValue]?.add()
    log(recording, of: delivery, secretPosition: acceptance.secretPosition, since: start)
    return recording.outcome == .duplicate ? Self.acknowledgementOfDuplicate : Self.acknowledgement
  }
}

// MARK: - The steps

extension WebhookEndpoint {
  private func verify(_ headers: SignatureHeaders, _ body: [UInt8], now: Timestamp) throws(Problem)
    -> Acceptance
  {
    do throws(VerificationError) {
      let seconds = now.milliseconds / 1000
      let acceptance = try verifier.verify(headers, body: body.span, now: seconds)
      metrics.accepted(bySecretAt: acceptance.secretPosition, at: seconds, bodyBytes: body.count)
      return acceptance
    } catch {
      throw Problem(error)
    }
  }

  private func decode(
    _ body: [UInt8], webhookID: String, receivedAt: Timestamp
  ) throws(Problem) -> Delivery {
    do throws(PredictionError) {
      let (snapshot, kept) = try decoder.decode(body)
      return Delivery(webhookID: webhookID, receivedAt: receivedAt, snapshot: snapshot, body: kept)
    } catch {
      throw Problem(error)
    }
  }

  private func record(_ delivery: Delivery) async throws(Problem) -> Recording {
    switch await recorder.record(delivery) {
    case .success(let recording): return recording
    case .failure(let failure): throw Problem(failure)
    }
  }

  private func log(
    _ recording: Recording, of delivery: Delivery, secretPosition: Int, since start: MonotonicTime
  ) {
    let microseconds = (loop.kernel.monotonicTime - start).wholeNanoseconds / 1000
    deliveryLog.log(
      .info, "delivery",
      fields: [
        ("bytes", "\(delivery.body.count)"), ("microseconds", "\(microseconds)"),
        ("outcome", recording.outcome.rawValue), ("prediction_id", delivery.snapshot.predictionID),
        ("provider_status", delivery.snapshot.providerStatus), ("revision", "\(recording.revision)"),
        ("secret", "\(secretPosition)"), ("state", recording.state.rawValue),
        ("webhook_id", delivery.webhookID),
      ])
  }

  private static let acknowledgement = acknowledgement(isDuplicate: false)
  private static let acknowledgementOfDuplicate = acknowledgement(isDuplicate: true)

  private static func acknowledgement(isDuplicate: Bool) -> Response {
    Response(
      status: .ok, fields: [("Content-Type", "application/json")],
      body: Array(#"{"received":true,"duplicate":\#(isDuplicate)}"#.utf8))
  }
}

extension SignatureHeaders {
  /// The three fields of a request; each must be there once.
  fileprivate init(of head: RequestHead) throws(Problem) {
    self.init(
      id: try head.signatureField(Self.idName), timestamp: try head.signatureField(Self.timestampName),
      signature: try head.signatureField(Self.signatureName))
  }
}

extension RequestHead {
  fileprivate func signatureField(_ name: String) throws(Problem) -> String {
    switch fields.single(name) {
    case .one(let value) where !value.isEmpty: return value
    case .one, .none: throw .unauthenticated(.missingSignature, "the request has no \(name)")
    case .repeated: throw .unauthenticated(.missingSignature, "the request has more than one \(name)")
    }
  }
}
