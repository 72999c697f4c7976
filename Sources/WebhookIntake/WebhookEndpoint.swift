package import EventLoop
package import GroupCommit
package import HTTPServer
package import HTTPWire
package import JobRequests
internal import Jobs
internal import Logging
package import Observability
package import Replicate
package import Routing
package import StandardWebhooks
internal import Store
internal import Time

/// `POST /webhooks/replicate`: verify, decode, record, and only then acknowledge.
package final class WebhookEndpoint {
  private let loop: EventLoop
  private let secrets: WebhookSecrets
  private let tolerance: Int64
  private var verifier: Verifier
  /// Of the secrets that the verifier has.
  private var generation: Int
  private let decoder: SnapshotDecoder
  private let token: JobToken
  private let verificationFailed: @Sendable () -> Void
  private let recorder: Recorder
  private let metrics: Metrics
  private let deliveryLog: LineLogHandler
  private let bodyLimit: Int

  /// - Parameters:
  ///   - token: what ties a delivery to a job that was created here.
  ///   - verificationFailed: called for each delivery that was not signed with a known secret.
  /// - Returns: nil where OpenSSL offers no HMAC-SHA256.
  package init?(
    loop: EventLoop, secrets: WebhookSecrets, toleranceSeconds: Int64, rules: OutputRules, token: JobToken,
    recorder: Recorder, metrics: Metrics, deliveryLog: LineLogHandler, bodyLimit: Int,
    verificationFailed: @escaping @Sendable () -> Void
  ) {
    self.loop = loop
    self.secrets = secrets
    tolerance = toleranceSeconds
    generation = secrets.generation
    guard let verifier = Verifier(secrets: secrets.current, toleranceSeconds: toleranceSeconds) else {
      return nil
    }
    self.verifier = verifier
    decoder = SnapshotDecoder(rules: rules)
    self.token = token
    self.recorder = recorder
    self.metrics = metrics
    self.deliveryLog = deliveryLog
    self.bodyLimit = bodyLimit
    self.verificationFailed = verificationFailed
  }

  /// What the header section alone decides: the body of an unsigned request is not worth reading.
  ///
  /// - Returns: how large the body may be.
  package func admit(_ head: RequestHead) throws(Problem) -> Int {
    guard head.method == .post else { throw .methodNotAllowed(allow: "POST") }
    guard head.bodyFraming != .none else {
      throw Problem(.lengthRequired, .lengthRequired, "a delivery has a body and says its length")
    }
    try head.requireIdentityCoding()
    _ = try SignatureHeaders(of: head)
    return bodyLimit
  }

  package func respond(to request: Request) async throws(Problem) -> Response {
    let start = loop.kernel.monotonicTime
    let headers = try SignatureHeaders(of: request.head)
    let now = Timestamp(milliseconds: loop.kernel.wallTimeMilliseconds)
    let acceptance = try verify(headers, request.body, now: now)
    let delivery = try decode(
      request.body, webhookID: headers.id, receivedAt: now, namedJob: namedJob(request.head.target))
    let recording = try await record(delivery)
    metrics.deliveries[recording.outcome.rawValue]?.add()
    if recording.isStray { metrics.unboundDeliveries[UnboundReason.otherPrediction.rawValue]?.add() }
    log(recording, of: delivery, secretPosition: acceptance.secretPosition, since: start)
    return recording.outcome == .duplicate ? Self.acknowledgementOfDuplicate : Self.acknowledgement
  }
}

// MARK: - The steps

extension WebhookEndpoint {
  private func verify(_ headers: SignatureHeaders, _ body: [UInt8], now: Timestamp) throws(Problem)
    -> Acceptance
  {
    if secrets.generation != generation { takeNewSecrets() }
    do throws(VerificationError) {
      let seconds = now.milliseconds / 1000
      let acceptance = try verifier.verify(headers, body: body.span, now: seconds)
      metrics.accepted(bySecretAt: acceptance.secretPosition, at: seconds, bodyBytes: body.count)
      return acceptance
    } catch {
      if case .mismatch = error { verificationFailed() }
      throw Problem(error)
    }
  }

  private func takeNewSecrets() {
    let new = secrets.generation
    // Without memory for it, the old one stays, and the next delivery tries again.
    guard let verifier = Verifier(secrets: secrets.current, toleranceSeconds: tolerance) else { return }
    self.verifier = verifier
    generation = new
  }

  /// The job whose webhook this is, where the URL says so and proves it. A token that does not fit is no reason to refuse what
  /// is signed: it binds nothing, and is counted. A parameter of another form is the user's own.
  private func namedJob(_ target: RequestTarget) -> String? {
    guard target.hasQuery, let parameters = target.queryParameters,
      let value = parameters.first(where: { JobToken.hasForm(name: $0.name, value: $0.value) })?.value
    else { return nil }
    let job = token.job(named: value)
    if job == nil { metrics.unboundDeliveries[UnboundReason.badToken.rawValue]?.add() }
    return job
  }

  private func decode(
    _ body: [UInt8], webhookID: String, receivedAt: Timestamp, namedJob: String?
  ) throws(Problem) -> Delivery {
    do throws(PredictionError) {
      let (snapshot, kept) = try decoder.decode(body)
      return Delivery(
        webhookID: webhookID, receivedAt: receivedAt, snapshot: snapshot, body: kept,
        namedJob: namedJob)
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
    deliveryLog.log(.info, "delivery") { line in
      let snapshot = delivery.snapshot
      let duration = (loop.kernel.monotonicTime - start).wholeNanoseconds / 1000
      line.add("bytes", delivery.body.count)
      if recording.jobID != snapshot.predictionID { line.add("job", recording.jobID) }
      line.add("microseconds", duration)
      line.add("outcome", recording.outcome.rawValue)
      line.add("prediction_id", snapshot.predictionID)
      line.add("provider_status", snapshot.providerStatus)
      line.add("revision", recording.revision)
      line.add("secret", secretPosition)
      line.add("state", recording.state.rawValue)
      line.add("webhook_id", delivery.webhookID)
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
