internal import Bytes

/// The value of a JSON number, exactly: its digits and its power of ten.
///
/// A binary number would make 0.1 and 0.10000000000000001 equal, and infinity of 1e400.
package struct JSONDecimal: Equatable, Comparable {
  private let isNegative: Bool
  /// Without zeros at either end. Empty for zero.
  private let digits: [UInt8]
  /// Of the place after the digit in front: 12.5 is 0.125 times 10 to the power of 2.
  private let exponent: Int

  /// An exponent of more digits counts as this one.
  private static let maxExponent = 1_000_000_000_000_000

  /// - Parameter value: a number of a validated text.
  package init?(_ value: JSONValue, in text: Span<UInt8>) {
    guard value.kind == .number else { return nil }
    var digits: [UInt8] = []
    var exponent = 0
    var isFraction = false
    var isNegative = false
    var position = value.range.lowerBound
    scan: while position < value.range.upperBound {
      switch text[position] {
      case UInt8(ascii: "-"): isNegative = true
      case UInt8(ascii: "."): isFraction = true
      case UInt8(ascii: "e"), UInt8(ascii: "E"): break scan
      case let byte:
        // Zeros in front carry no value, but those of a fraction move its first digit.
        if byte != UInt8(ascii: "0") || !digits.isEmpty {
          digits.append(byte)
          if !isFraction { exponent += 1 }
        } else if isFraction {
          exponent -= 1
        }
      }
      position += 1
    }
    if position < value.range.upperBound {
      exponent += Self.power(position + 1..<value.range.upperBound, in: text)
    }
    while digits.last == UInt8(ascii: "0") { digits.removeLast() }
    self.digits = digits
    // All zeros are equal.
    self.isNegative = isNegative && !digits.isEmpty
    self.exponent = digits.isEmpty ? 0 : exponent
  }

  private static func power(_ range: Range<Int>, in text: Span<UInt8>) -> Int {
    var power = 0
    for index in range {
      guard let digit = text[index].decimalDigit else { continue }
      power = min(power * 10 + Int(digit), maxExponent)
    }
    return text[range.lowerBound] == UInt8(ascii: "-") ? -power : power
  }

  package static func < (left: JSONDecimal, right: JSONDecimal) -> Bool {
    if left.sign != right.sign { return left.sign < right.sign }
    return left.isNegative ? right.hasSmallerMagnitude(than: left) : left.hasSmallerMagnitude(than: right)
  }

  private var sign: Int { digits.isEmpty ? 0 : isNegative ? -1 : 1 }

  private func hasSmallerMagnitude(than other: JSONDecimal) -> Bool {
    guard exponent == other.exponent else { return exponent < other.exponent }
    return digits.lexicographicallyPrecedes(other.digits)
  }
}
