internal import Bytes
internal import Time

/// How durations and sizes are written in settings: `5m`, `1h30m`, `30d`; `8MiB`, `512KiB`, `65536`.
package enum SettingValue {
  /// Each unit at most once; at most 100 years.
  private static let durations = DurationFormat(
    units: DurationUnit.allCases, order: .any, max: .seconds(100 * 366 * 86_400))

  /// Nil for anything else than ``durations``, a number without a unit included.
  package static func duration(_ text: String) -> Duration? { durations.parse(text) }

  /// A duration in the syntax of settings: `7d`, `1h30m`, `0s`. It is truncated to milliseconds.
  package static func text(of duration: Duration) -> String { durations.text(of: duration) }

  /// A number of bytes, with or without `KiB`, `MiB` or `GiB`. Nil for anything else.
  package static func size(_ text: String) -> Int? {
    for (unit, bytes) in [("KiB", 1024), ("MiB", 1024 * 1024), ("GiB", 1024 * 1024 * 1024)]
    where text.hasSuffix(unit) {
      guard let count = number(text.dropLast(unit.count)) else { return nil }
      let (product, overflow) = count.multipliedReportingOverflow(by: bytes)
      return overflow ? nil : product
    }
    return number(text[...])
  }

  /// A number of bytes in the largest unit that divides it.
  package static func text(ofSize bytes: Int) -> String {
    let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]
    guard bytes > 0, let (unit, size) = units.first(where: { bytes % $0.1 == 0 }) else { return "\(bytes)" }
    return "\(bytes / size)\(unit)"
  }

  /// Decimal digits and nothing else; nil where they are more than a machine number holds.
  package static func number(_ text: Substring) -> Int? {
    guard !text.isEmpty, text.utf8.allSatisfy(\.isDigit) else { return nil }
    return Int(text)
  }
}
