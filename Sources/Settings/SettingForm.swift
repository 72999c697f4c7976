/// What values a setting takes, as the code that reads it says: for the reference.
package enum SettingForm: Equatable, Sendable {
  /// - Parameter default: nil where the setting is off unless it is set.
  case duration(default: Duration?, ClosedRange<Duration>)
  case size(default: Int, ClosedRange<Int>)
  case number(default: Int, ClosedRange<Int>)
  case flag(default: Bool)
  case choice([String], default: String?)

  /// The values in words.
  package var values: String {
    switch self {
    case .duration(_, let range): "a duration from " + Self.bounds(range) { SettingValue.text(of: $0) }
    case .size(_, let range): "a size from " + Self.bounds(range) { SettingValue.text(ofSize: $0) }
    case .number(_, let range): "a whole number from " + Self.bounds(range) { "\($0)" }
    case .flag: "`1` or `0`"
    case .choice(let choices, _): choices.map { "`\($0)`" }.joined(separator: ", ")
    }
  }

  private static func bounds<Bound>(_ range: ClosedRange<Bound>, _ text: (Bound) -> String) -> String {
    "\(text(range.lowerBound)) to \(text(range.upperBound))"
  }

  /// What counts where nothing is set, in the syntax of settings.
  package var standard: String? {
    switch self {
    case .duration(let standard, _): standard.map { SettingValue.text(of: $0) }
    case .size(let standard, _): SettingValue.text(ofSize: standard)
    case .number(let standard, _): "\(standard)"
    case .flag(let standard): standard ? "1" : "0"
    case .choice(_, let standard): standard
    }
  }
}
