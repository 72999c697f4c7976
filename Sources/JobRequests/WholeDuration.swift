internal import Bytes
internal import JSONText

/// Durations as they are written in a request: `30s`, `5m`, `1h30m`, `7d`.
enum WholeDuration {
  private static let secondsPerUnit: [(unit: UInt8, seconds: Int)] = [
    (UInt8(ascii: "d"), 86_400), (UInt8(ascii: "h"), 3600), (UInt8(ascii: "m"), 60), (UInt8(ascii: "s"), 1),
  ]
  /// What is longer says nothing that a duration could.
  private static let longestText = 32

  /// In seconds; nil for anything else than such a duration.
  ///
  /// - Parameter allowsBareSeconds: a number without a unit means seconds.
  static func seconds(_ value: JSONValue, in text: Span<UInt8>, allowsBareSeconds: Bool) -> Int? {
    if value.kind == .number { return allowsBareSeconds ? value.wholeNumber(in: text) : nil }
    guard value.range.count <= longestText, let written = value.text(in: text) else { return nil }
    return seconds(written, allowsBareSeconds: allowsBareSeconds)
  }

  /// Units go from the largest to the smallest, each at most once.
  private static func seconds(_ text: String, allowsBareSeconds: Bool) -> Int? {
    var total = 0
    var units = secondsPerUnit[...]
    var number: Int?
    for byte in text.utf8 {
      if let digit = byte.decimalDigit {
        let next = (number ?? 0) * 10 + digit
        guard next < 1_000_000_000 else { return nil }
        number = next
      } else {
        guard let count = number, let unit = units.firstIndex(where: { $0.unit == byte }) else { return nil }
        total += count * units[unit].seconds
        units = units[(unit + 1)...]
        number = nil
      }
    }
    guard let bare = number else { return text.isEmpty ? nil : total }
    // After a unit it is always a mistake.
    return allowsBareSeconds && units.count == secondsPerUnit.count ? bare : nil
  }
}
