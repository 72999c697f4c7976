package import JSONText
package import JobRequests
package import Jobs
package import Time

/// A prediction or training as Replicate describes it: the facts that decide, and where the rest is in the body.
///
/// Real bodies break the published schema, so only `id` and `status` are required. A member of another type than
/// expected counts as absent; it stays in the body, which is kept as it is.
package struct Prediction: Sendable {
  package let id: String
  package let status: String
  package let model: String?
  package let version: String?
  package let createdAt: Timestamp?
  package let startedAt: Timestamp?
  package let completedAt: Timestamp?
  /// The error's text; nil where there is none, or an empty one.
  package let errorText: String?
  package let parts: PredictionParts
  /// Where it is in the body; nil where absent or null.
  package let webhook: JSONValue?
  /// The body has the member, be it null. A list's items have none, whether their predictions have webhooks or not.
  package let showsWebhook: Bool
  /// What the provider charges by (`metrics.predict_time`), in milliseconds.
  package let predictMilliseconds: Int64?

  private static let longestID = 255
  private static let longestStatus = 64

  /// Reads the body of a delivery, or of the API's answer.
  package init(body: Span<UInt8>) throws(PredictionError) {
    let object: JSONObject
    do throws(JSONError) {
      object = try JSONScanner.object(body)
    } catch {
      throw .malformedJSON(error)
    }
    let fields = BodyFields(object: object)
    guard let id = fields.string("id", in: body), id.isVisible(upTo: Self.longestID) else {
      throw .missingField(name: "id", requirement: "a string of 1 to 255 bytes without control characters")
    }
    guard let status = fields.string("status", in: body), status.isVisible(upTo: Self.longestStatus) else {
      throw .missingField(name: "status", requirement: "a string of 1 to 64 bytes without control characters")
    }
    self.id = id
    self.status = status
    model = fields.string("model", in: body)
    version = fields.string("version", in: body)
    createdAt = fields.time("created_at", in: body)
    startedAt = fields.time("started_at", in: body)
    completedAt = fields.time("completed_at", in: body)
    errorText = fields.errorText(in: body)
    parts = PredictionParts(fields, in: body)
    predictMilliseconds = parts.metrics.flatMap { BodyFields.milliseconds("predict_time", of: $0, in: body) }
    let member = object.value(named: "webhook", in: body)
    showsWebhook = member != nil
    webhook = member?.kind == .null ? nil : member
  }
}

extension Prediction {
  package var input: JSONValue? { parts.input }
  package var output: JSONValue? { parts.output }
  package var metrics: JSONValue? { parts.metrics }
  package var logs: JSONValue? { parts.logs }
  package var isDataRemoved: Bool { parts.isDataRemoved }

  /// The URL that deliveries of this prediction are sent to, decoded. `body` is what this was read from.
  package func webhookURL(in body: Span<UInt8>) -> String? { webhook?.text(in: body) }

  /// What the job rules need to know of this body, whose SHA-256 is `digest`.
  package func snapshot(digest: BodyDigest) -> Snapshot {
    let known = PredictionStatus(rawValue: status)
    return Snapshot(
      predictionID: id, providerStatus: status, phase: known?.phase, model: model, modelVersion: version,
      error: known.flatMap(jobError), isDataRemoved: isDataRemoved, createdAt: createdAt,
      startedAt: startedAt, completedAt: completedAt, predictMilliseconds: predictMilliseconds,
      evidence: evidence(digest: digest))
  }

  package func evidence(digest: BodyDigest) -> Evidence {
    Evidence(logsSize: logs?.range.count ?? 0, outputSize: output?.range.count ?? 0, digest: digest)
  }

  /// The same, with what `rules` say against the output of a success: see ``breach(of:in:)``.
  package func snapshot(digest: BodyDigest, rules: OutputRules, body: Span<UInt8>) -> Snapshot {
    var snapshot = snapshot(digest: digest)
    snapshot.ruleViolation = breach(of: rules.rule(for: model), in: body)
    return snapshot
  }

  /// Why the output of a prediction that succeeded is not usable by `rule`; nil where it is, or where the prediction did not
  /// succeed. `body` is what this was read from.
  package func breach(of rule: OutputRule, in body: Span<UInt8>) -> JobError? {
    guard status == PredictionStatus.succeeded.rawValue,
      let breach = rule.check(output, in: body, isDataRemoved: isDataRemoved)
    else { return nil }
    return JobError(code: "invalid_output", message: breach.message)
  }

  /// A job that failed, or was aborted, says why. A canceled one does where the provider does.
  private func jobError(_ status: PredictionStatus) -> JobError? {
    switch status {
    case .starting, .processing, .succeeded: nil
    case .failed: JobError(code: ErrorClass(classifying: errorText ?? "").rawValue, message: errorText)
    case .canceled: errorText.map { JobError(code: "canceled", message: $0) }
    case .aborted: JobError(code: "aborted", message: errorText)
    }
  }
}

extension String {
  fileprivate func isVisible(upTo limit: Int) -> Bool {
    (1...limit).contains(utf8.count)
      && !unicodeScalars.contains { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) }
  }
}
