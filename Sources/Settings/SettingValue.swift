/// How durations and sizes are written in settings: `5m`, `1h30m`, `30d`; `8MiB`, `512KiB`, `65536`.
package enum SettingValue {
  /// Whole numbers with the units `ms`, `s`, `m`, `h`, `d`, largest first or in any order, each at most once. Nil for
  /// anything else, a number without a unit included, and for more than 100 years.
  package static func duration(_ text: String) -> Duration? {
    var rest = text[...]
    var total = 0
    var used: Set<String> = []
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      rest = rest.dropFirst(digits.count)
      let unit = rest.prefix { $0.isASCII && $0.isLetter }
      rest = rest.dropFirst(unit.count)
      guard let count = number(digits), let milliseconds = millisecondsPerUnit[String(unit)],
        used.insert(String(unit)).inserted
      else { return nil }
      let (product, productOverflow) = count.multipliedReportingOverflow(by: milliseconds)
      let (sum, sumOverflow) = total.addingReportingOverflow(product)
      guard !productOverflow, !sumOverflow else { return nil }
      total = sum
    }
    guard !used.isEmpty, total <= longestDuration else { return nil }
    return .milliseconds(total)
  }

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

  /// `duration` as it is written in settings: `7d`, `1h30m`, `0s`. What is less than a millisecond is left out.
  package static func text(of duration: Duration) -> String {
    let (seconds, attoseconds) = duration.components
    var rest = Int(clamping: seconds * 1000 + attoseconds / 1_000_000_000_000_000)
    var text = ""
    for unit in ["d", "h", "m", "s", "ms"] {
      guard let milliseconds = millisecondsPerUnit[unit], rest >= milliseconds else { continue }
      text += "\(rest / milliseconds)\(unit)"
      rest %= milliseconds
    }
    return text.isEmpty ? "0s" : text
  }

  private static let millisecondsPerUnit = ["ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000]
  private static let longestDuration = 100 * 366 * 86_400_000

  /// Decimal digits and nothing else; nil where they are more than a machine number holds.
  package static func number(_ text: Substring) -> Int? {
    guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return Int(text)
  }
}
