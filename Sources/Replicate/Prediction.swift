package import JSONText
package import Jobs
package import Time

/// A prediction or training, read from Replicate's JSON.
///
/// It has the members that decide, and the locations of the others in the body. Real bodies violate the
/// published schema, so only `id` and `status` are required. A member of an unexpected type counts as absent.
/// It stays in the body, which is stored unchanged.
package struct Prediction: Sendable {
  package let id: String
  package let status: String
  package let model: String?
  package let version: String?
  package let createdAt: Timestamp?
  package let startedAt: Timestamp?
  package let completedAt: Timestamp?
  /// The error's text; nil where absent or empty.
  package let errorText: String?
  package let parts: PredictionParts
  /// The webhook's URL; nil where absent or null.
  package let webhook: JSONValue?
  /// Whether the body has the member `webhook`, even a null.
  ///
  /// Items of a list lack it, whether their predictions have webhooks or not.
  package let showsWebhook: Bool
  /// The billed time (`metrics.predict_time`), in milliseconds.
  package let predictMilliseconds: Int64?

  private static let maxIDBytes = 255
  private static let maxStatusBytes = 64

  /// Reads the body of a delivery or of an API response.
  package init(body: Span<UInt8>) throws(PredictionError) {
    let object: JSONObject
    do throws(JSONError) {
      object = try JSONScanner.object(body)
    } catch {
      throw .malformedJSON(error)
    }
    let fields = BodyFields(object: object)
    guard let id = fields.string("id", in: body), id.isVisible(upTo: Self.maxIDBytes) else {
      throw .missingField(name: "id", requirement: "a string of 1 to 255 bytes without control characters")
    }
    guard let status = fields.string("status", in: body), status.isVisible(upTo: Self.maxStatusBytes) else {
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
    let member = object.value(of: "webhook", in: body)
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

  /// The decoded URL of this prediction's webhook. `body` is what this was read from.
  package func webhookURL(in body: Span<UInt8>) -> String? { webhook?.text(in: body) }

  /// The snapshot for the job rules. `digest` is the body's SHA-256.
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

  /// The error of a failed or aborted job. A canceled one has the provider's text, if any.
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

/// The provider's statuses of predictions and trainings.
///
/// A status that was added later is not here, and changes no job.
enum PredictionStatus: String, CaseIterable {
  case starting
  case processing
  case succeeded
  case failed
  case canceled
  /// Ended before it started, for example because its deadline passed.
  case aborted

  var phase: Phase {
    switch self {
    case .starting: .pending
    case .processing: .running
    case .succeeded: .succeeded
    case .failed: .failed
    case .canceled, .aborted: .canceled
    }
  }
}

/// Why a signed body is not a prediction.
package enum PredictionError: Error, Equatable, Sendable, CustomStringConvertible {
  case malformedJSON(JSONError)
  /// A required member is absent or invalid.
  case missingField(name: String, requirement: String)

  package var description: String {
    switch self {
    case .malformedJSON(let error): "the body is not a JSON object: \(error)"
    case .missingField(let name, let requirement): "`\(name)` must be \(requirement)"
    }
  }
}
