package import JSONText
internal import Time

/// Durations in requests: `30s`, `5m`, `1h30m`, `7d`.
package enum WholeDuration {
  /// In bytes. A longer text is no duration.
  private static let maxTextBytes = 32

  /// In seconds; nil if `value` is no duration.
  ///
  /// - Parameter allowsBareSeconds: whether a number without a unit means seconds.
  package static func seconds(_ value: JSONValue, in text: Span<UInt8>, allowsBareSeconds: Bool) -> Int? {
    if value.kind == .number { return allowsBareSeconds ? value.wholeNumber(in: text) : nil }
    guard value.range.count <= maxTextBytes, let written = value.text(in: text) else { return nil }
    let format = DurationFormat(
      units: [.days, .hours, .minutes, .seconds], order: .descending, acceptsBareSeconds: allowsBareSeconds,
      max: .seconds(Int64(Int32.max)))
    return format.parse(written).map { Int($0.components.seconds) }
  }
}
