internal import Bytes

/// The bytes that a request wants of a representation (RFC 9110 section 14.2).
package enum RequestedRange: Equatable, Sendable {
  /// All bytes: there is no `Range`, or it is ignored.
  case whole
  case part(Range<Int>)
  /// The representation has no byte in the range.
  case unsatisfiable

  /// Reads `Range`.
  ///
  /// Section 14.2 permits to ignore a field that is malformed, of another unit, or of several ranges. So does
  /// this one with each range of an empty representation, because some clients send one with every request.
  ///
  /// - Parameter size: of the representation.
  package init(_ fields: Fields, size: Int) {
    guard size > 0, case .one(let value) = fields.single("range"), let range = ByteRange(value) else {
      self = .whole
      return
    }
    self = range.bytes(of: size).map(RequestedRange.part) ?? .unsatisfiable
  }
}

/// One range of bytes, as a client writes it (RFC 9110 section 14.1.2).
private enum ByteRange {
  case from(Int, through: Int)
  /// The last bytes.
  case suffix(Int)

  private static let unit = "bytes="

  /// Nil for anything else than one valid range of bytes.
  init?(_ value: String) {
    // Units are case-insensitive (section 14.1).
    let bytes = Array(value.utf8)
    guard bytes.count > Self.unit.utf8.count,
      bytes.prefix(Self.unit.utf8.count).map(\.lowercased) == Array(Self.unit.utf8)
    else { return nil }
    let parts = bytes.dropFirst(Self.unit.utf8.count)
      .split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
    guard parts.count == 2 else { return nil }
    switch (Self.number(parts[0]), Self.number(parts[1])) {
    case (let first?, let last?) where first <= last: self = .from(first, through: last)
    case (let first?, nil) where parts[1].isEmpty: self = .from(first, through: .max)
    case (nil, let count?) where parts[0].isEmpty: self = .suffix(count)
    default: return nil
    }
  }

  /// A number that is too large counts as the largest: no representation is longer.
  private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
    guard !digits.isEmpty else { return nil }
    var number = 0
    for byte in digits {
      guard let digit = byte.decimalDigit else { return nil }
      let (tens, isTooLarge) = number.multipliedReportingOverflow(by: 10)
      number = isTooLarge || tens > .max - digit ? .max : tens + digit
    }
    return number
  }

  /// Nil where a representation of `size` bytes has none of them.
  func bytes(of size: Int) -> Range<Int>? {
    switch self {
    case .from(let first, let last): first < size ? first..<min(last, size - 1) + 1 : nil
    case .suffix(let count): count > 0 ? size - min(count, size)..<size : nil
    }
  }
}
