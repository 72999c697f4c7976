internal import Bytes

/// The search for a progress bar in the raw text of logs, backwards.
///
/// Every delivery is searched, and decoding the end of its logs takes far longer. So this handles what nearly
/// all logs are like, and leaves the rest to their decoded text.
extension LogProgress {
  enum Scan: Equatable {
    case found(Double)
    /// There is no bar.
    case none
    /// Only the decoded text shows it.
    case unclear
  }

  /// - Parameter text: the raw text of a JSON string, or its end from a space on.
  static func scan(_ text: Span<UInt8>) -> Scan {
    var index = text.count
    while index > 0 {
      index -= 1
      let byte = text[index]
      // Most of a bar lies below all that matters.
      guard byte >= UInt8(ascii: "[") else { continue }
      switch byte {
      case UInt8(ascii: "["):
        guard index > 0, text[index - 1] == 0x20, hasDigit(before: index - 1, in: text) else { continue }
        return fraction(before: index - 1, in: text).map(Scan.found) ?? .unclear
      case UInt8(ascii: "|"): if index > 0, text[index - 1] == UInt8(ascii: "%") { return .unclear }
      case UInt8(ascii: "\\"): if hidesBar(at: index, in: text) { return .unclear }
      default: continue
      }
    }
    return .none
  }

  private static func hasDigit(before end: Int, in text: Span<UInt8>) -> Bool {
    end > 0 && text[end - 1].decimalDigit != nil
  }

  /// The `n/m` that ends at `end`. Nil where it is not certain.
  private static func fraction(before end: Int, in text: Span<UInt8>) -> Double? {
    guard let total = number(before: end, in: text), text[total.start - 1] == UInt8(ascii: "/"),
      let done = number(before: total.start - 1, in: text), text[done.start - 1] != UInt8(ascii: "."),
      total.value > 0, done.value <= total.value
    else { return nil }
    // The digits of an escape are no part of the number.
    for start in max(0, done.start - 6)..<done.start where isUnicodeEscape(at: start, in: text) { return nil }
    return Double(done.value) / Double(total.value)
  }

  /// A number of one to nine digits that ends at `end`, and not at the start of the text.
  private static func number(before end: Int, in text: Span<UInt8>) -> (value: Int, start: Int)? {
    var (start, value, scale) = (end, 0, 1)
    while start > 0, let digit = text[start - 1].decimalDigit {
      guard end - start < 9 else { return nil }
      value += digit * scale
      scale *= 10
      start -= 1
    }
    return start > 0 && start < end ? (value, start) : nil
  }

  private static func isUnicodeEscape(at index: Int, in text: Span<UInt8>) -> Bool {
    text[index] == UInt8(ascii: "\\") && text[index + 1] == UInt8(ascii: "u")
  }

  /// Whether the backslash begins an escape for a character that bars and lines are made of.
  ///
  /// Some encoders write `<` and all that is not ASCII as escapes.
  private static func hidesBar(at index: Int, in text: Span<UInt8>) -> Bool {
    guard index + 5 < text.count, text[index + 1] == UInt8(ascii: "u") else { return false }
    var unit = 0
    for digit in index + 2...index + 5 { unit = unit << 4 | Int(text[digit].hexadecimalDigit ?? 0) }
    return unit < 0x80 && unit != 0x1B && UInt8(unit) != UInt8(ascii: "<") && UInt8(unit) != UInt8(ascii: ">")
  }
}
