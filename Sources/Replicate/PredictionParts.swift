package import JSONText

/// Where the parts of a body are that are passed on byte for byte; nil where absent or null.
package struct PredictionParts: Sendable {
  package let input: JSONValue?
  package let output: JSONValue?
  package let metrics: JSONValue?
  package let logs: JSONValue?
  /// Replicate has erased input, output and logs.
  package let isDataRemoved: Bool
  /// The URL that the provider delivers to.
  package let webhook: JSONValue?

  init(_ fields: BodyFields, in body: Span<UInt8>) {
    input = fields.value("input", in: body)
    output = fields.value("output", in: body)
    metrics = fields.value("metrics", in: body)
    logs = fields.value("logs", in: body)
    isDataRemoved = fields.value("data_removed", in: body)?.kind == .true
    webhook = fields.value("webhook", in: body)
  }

  /// Finds them in a body that was read as a ``Prediction`` before, and was kept.
  ///
  /// - Parameters:
  ///   - id: of the prediction.
  ///   - status: the provider's word that was read.
  /// - Returns: nil where the body is not what was kept: no valid JSON any more, or another prediction or status.
  package init?(keptBody body: Span<UInt8>, id: String, status: String) {
    guard let object = try? JSONScanner.object(body) else { return nil }
    let fields = BodyFields(object: object)
    guard fields.value("id", in: body)?.says(id, in: body) == true,
      fields.value("status", in: body)?.says(status, in: body) == true
    else { return nil }
    self.init(fields, in: body)
  }
}
