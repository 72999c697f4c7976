internal import Bytes

/// A unit of durations in text. Its raw value is in milliseconds.
package enum DurationUnit: Int64, CaseIterable, Sendable {
  case days = 86_400_000
  case hours = 3_600_000
  case minutes = 60_000
  case seconds = 1000
  case milliseconds = 1

  fileprivate var symbol: String {
    switch self {
    case .days: "d"
    case .hours: "h"
    case .minutes: "m"
    case .seconds: "s"
    case .milliseconds: "ms"
    }
  }
}

/// A syntax of durations in text, such as `1h30m`: whole numbers, each with its unit.
package struct DurationFormat: Sendable {
  package enum Order: Sendable {
    /// From the largest unit to the smallest, each at most once.
    case descending
    /// In any order, each unit at most once.
    case any
    /// In any order; a unit may be repeated.
    case repeating
  }

  private let units: [DurationUnit]
  private let order: Order
  private let acceptsBareSeconds: Bool
  private let maxDigits: Int
  private let maxMilliseconds: Int64

  /// - Parameters:
  ///   - units: from the largest to the smallest.
  ///   - acceptsBareSeconds: a number without a unit, and nothing else, means seconds.
  ///   - maxDigits: per number.
  ///   - max: of the whole duration.
  package init(
    units: [DurationUnit], order: Order, acceptsBareSeconds: Bool = false, maxDigits: Int = .max,
    max: Duration
  ) {
    self.units = units
    self.order = order
    self.acceptsBareSeconds = acceptsBareSeconds
    self.maxDigits = maxDigits
    maxMilliseconds = max.wholeMilliseconds
  }

  /// Nil where `text` does not match the syntax, or exceeds the maximum.
  package func parse(_ text: String) -> Duration? {
    var rest = Substring(text).utf8
    var total: Int64 = 0
    var available = units
    // Bounded by the text: every pass consumes a digit.
    repeat {
      let digits = rest.prefix(while: \.isDigit)
      let symbol = rest.dropFirst(digits.count).prefix(while: \.isAlpha)
      guard digits.count <= maxDigits, let number = Int64(Substring(digits)) else { return nil }
      let unit: DurationUnit
      if symbol.isEmpty, acceptsBareSeconds, digits.count == text.utf8.count {
        unit = .seconds
      } else {
        guard let index = available.firstIndex(where: { $0.symbol.utf8.elementsEqual(symbol) }) else {
          return nil
        }
        unit = available[index]
        switch order {
        case .descending: available.removeFirst(index + 1)
        case .any: available.remove(at: index)
        case .repeating: break
        }
      }
      let (product, productOverflow) = number.multipliedReportingOverflow(by: unit.rawValue)
      let (sum, sumOverflow) = total.addingReportingOverflow(product)
      guard !productOverflow, !sumOverflow, sum <= maxMilliseconds else { return nil }
      total = sum
      rest = rest.dropFirst(digits.count + symbol.count)
    } while !rest.isEmpty
    return .milliseconds(total)
  }

  /// The text of `duration`, such as `1h30m`, truncated to its smallest unit; `0s` if nothing is left.
  package func text(of duration: Duration) -> String {
    var rest = duration.wholeMilliseconds
    var text = ""
    for unit in units where rest >= unit.rawValue {
      text += "\(rest / unit.rawValue)\(unit.symbol)"
      rest %= unit.rawValue
    }
    return text.isEmpty ? "0s" : text
  }
}
