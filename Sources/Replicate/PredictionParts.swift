package import JSONText

/// The locations of members that are passed on byte for byte.
///
/// Each is nil where absent or null.
package struct PredictionParts: Sendable {
  package let input: JSONValue?
  package let output: JSONValue?
  package let metrics: JSONValue?
  package let logs: JSONValue?
  /// Whether Replicate has erased input, output and logs.
  package let isDataRemoved: Bool
  /// The URL of the webhook.
  package let webhook: JSONValue?

  init(_ fields: BodyFields, in body: Span<UInt8>) {
    input = fields.value("input", in: body)
    output = fields.value("output", in: body)
    metrics = fields.value("metrics", in: body)
    logs = fields.value("logs", in: body)
    isDataRemoved = fields.value("data_removed", in: body)?.kind == .true
    webhook = fields.value("webhook", in: body)
  }

  /// Finds the members in a stored body, once read as a ``Prediction``.
  ///
  /// - Parameters:
  ///   - id: the prediction's id.
  ///   - status: the provider's status.
  /// - Returns: nil where the stored body is damaged: invalid JSON, or another prediction or status.
  package init?(storedBody body: Span<UInt8>, id: String, status: String) {
    guard let object = try? JSONScanner.object(body) else { return nil }
    let fields = BodyFields(object: object)
    guard fields.value("id", in: body)?.equals(id, in: body) == true,
      fields.value("status", in: body)?.equals(status, in: body) == true
    else { return nil }
    self.init(fields, in: body)
  }
}
