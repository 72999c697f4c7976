/// Durations as text, in the syntax of `Cancel-After`.
///
/// Such as `30s`, `5m`, `1h30m45s` and `500ms`; a bare number means seconds.
enum DurationText {
  /// A week; a longer duration is a mistake.
  private static let maxMilliseconds: Int64 = 7 * 24 * 3600 * 1000
  private static let millisecondsOfUnit: [String: Int64] = [
    "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000,
  ]

  /// Nil if `text` is no duration, or longer than a week.
  static func parse(_ text: String) -> Duration? {
    var rest = text[...]
    guard !rest.isEmpty else { return nil }
    var total: Int64 = 0
    // Bounded by the text: every pass consumes a number.
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      guard (1...9).contains(digits.count), let number = Int64(digits) else { return nil }
      rest = rest.dropFirst(digits.count)
      let unit = rest.prefix { $0.isASCII && $0.isLetter }
      rest = rest.dropFirst(unit.count)
      let isBare = unit.isEmpty && digits.count == text.count
      guard let factor = isBare ? 1000 : millisecondsOfUnit[String(unit)] else { return nil }
      total += number * factor
      guard total <= maxMilliseconds else { return nil }
    }
    return .milliseconds(total)
  }

  /// `2s`, `1m30s`, `250ms`.
  static func text(of duration: Duration) -> String {
    var rest = duration.wholeMilliseconds
    guard rest > 0 else { return "0s" }
    var text = ""
    for (unit, size) in [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] as [(String, Int64)]
    where rest >= size {
      text += "\(rest / size)\(unit)"
      rest %= size
    }
    return text
  }
}

extension Duration {
  var wholeMilliseconds: Int64 {
    let (seconds, attoseconds) = components
    return seconds * 1000 + attoseconds / 1_000_000_000_000_000
  }
}
