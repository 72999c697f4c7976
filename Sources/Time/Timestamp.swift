internal import Bytes

/// A moment in UTC, in milliseconds since 1970-01-01T00:00:00Z.
///
/// Replicate writes RFC 3339 with a fraction of 0 to 9 digits, several lengths mixed in one body; this
/// program writes three. Digits past the millisecond are cut, never rounded, so that a time never moves
/// forward.
package struct Timestamp: Hashable, Comparable, Sendable {
  package let milliseconds: Int64

  package init(milliseconds: Int64) {
    self.milliseconds = milliseconds
  }

  /// A moment in whole seconds since 1970, from the years that can be written.
  package init(unixSeconds seconds: Int64) {
    milliseconds = seconds * 1000
  }

  package static func < (left: Timestamp, right: Timestamp) -> Bool {
    left.milliseconds < right.milliseconds
  }

  /// The latest moment.
  package static let distantFuture = Timestamp(milliseconds: .max)

  /// Adds `distance`, and saturates instead of overflowing.
  package func advanced(byMilliseconds distance: Int64) -> Timestamp {
    let (sum, overflows) = milliseconds.addingReportingOverflow(distance)
    return Timestamp(milliseconds: overflows ? (distance < 0 ? .min : .max) : sum)
  }
}

extension Timestamp: InstantProtocol {
  /// Adds a duration in whole milliseconds.
  package func advanced(by duration: Duration) -> Timestamp {
    advanced(byMilliseconds: duration.wholeMilliseconds)
  }

  package func duration(to other: Timestamp) -> Duration {
    .milliseconds(other.milliseconds.subtractingReportingOverflow(milliseconds).partialValue)
  }
}

extension Timestamp {
  /// Parses `YYYY-MM-DDTHH:MM:SS[.fraction](Z|±HH:MM)` (RFC 3339 section 5.6).
  ///
  /// Nil for anything else, including days that the month does not have and years outside 0001 to 9999.
  package init?(rfc3339 text: Span<UInt8>) {
    var cursor = Cursor()
    guard let year = cursor.digits(4, of: text), year > 0, cursor.skip("-", in: text),
      let month = cursor.digits(2, of: text), (1...12).contains(month), cursor.skip("-", in: text),
      let day = cursor.digits(2, of: text), day > 0, day <= CivilDate.daysIn(month: month, year: year),
      cursor.skip("T", in: text) || cursor.skip("t", in: text) || cursor.skip(" ", in: text),
      let hour = cursor.digits(2, of: text), hour < 24, cursor.skip(":", in: text),
      let minute = cursor.digits(2, of: text), minute < 60, cursor.skip(":", in: text),
      // A leap second is 60; it is read as the second after 59.
      let second = cursor.digits(2, of: text), second <= 60,
      let fraction = cursor.fractionInMilliseconds(of: text),
      let offset = cursor.offsetInMinutes(of: text), cursor.position == text.count
    else { return nil }
    let days = CivilDate(year: year, month: month, day: day).daysSinceEpoch
    let minutes = (days * 24 + hour) * 60 + minute - offset
    let moment = Int64((minutes * 60 + second) * 1000 + fraction)
    // An offset may move the moment outside the years that can be written.
    guard Self.writable.contains(moment) else { return nil }
    milliseconds = moment
  }

  package init?(rfc3339 text: String) {
    let bytes = Array(text.utf8)
    self.init(rfc3339: bytes.span)
  }

  /// The years 0001 to 9999, in milliseconds since 1970.
  private static let writable: ClosedRange<Int64> = -62_135_596_800_000...253_402_300_799_999

  /// The RFC 3339 text, such as `2026-11-22T10:00:02.340Z`.
  ///
  /// Always in UTC, always with three fraction digits. A moment outside the years 0001 to 9999 is clamped to
  /// them.
  package var rfc3339: String {
    let text = rfc3339Bytes
    return text.span.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
  }

  /// The RFC 3339 text without its fraction, such as `2026-11-22T10:00:02Z`.
  package var rfc3339Seconds: String { rfc3339.dropLast(".000Z".count) + "Z" }

  /// The bytes of ``rfc3339``, all of them ASCII.
  package var rfc3339Bytes: InlineArray<24, UInt8> {
    let written = min(max(milliseconds, Self.writable.lowerBound), Self.writable.upperBound)
    let (seconds, fraction) = written.flooredDivision(by: 1000)
    let (days, secondOfDay) = seconds.flooredDivision(by: 86_400)
    let date = CivilDate(daysSinceEpoch: Int(days))
    let second = Int(secondOfDay)
    // Every index is a constant, so that no write is checked against the bounds.
    var text = InlineArray<24, UInt8>(repeating: UInt8(ascii: "-"))
    text.write(twoDigits: date.year / 100, at: 0)
    text.write(twoDigits: date.year % 100, at: 2)
    text.write(twoDigits: date.month, at: 5)
    text.write(twoDigits: date.day, at: 8)
    text[10] = UInt8(ascii: "T")
    text.write(twoDigits: second / 3600, at: 11)
    text[13] = UInt8(ascii: ":")
    text.write(twoDigits: second / 60 % 60, at: 14)
    text[16] = UInt8(ascii: ":")
    text.write(twoDigits: second % 60, at: 17)
    text[19] = UInt8(ascii: ".")
    text.write(twoDigits: Int(fraction / 10), at: 20)
    text[22] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: fraction % 10)
    text[23] = UInt8(ascii: "Z")
    return text
  }
}

extension Int64 {
  fileprivate func flooredDivision(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
  }
}

extension InlineArray<24, UInt8> {
  /// Writes a number from 0 to 99 in two digits.
  @inline(__always)
  fileprivate mutating func write(twoDigits number: Int, at index: Int) {
    let number = UInt8(truncatingIfNeeded: number)
    self[index] = UInt8(ascii: "0") + number / 10
    self[index + 1] = UInt8(ascii: "0") + number % 10
  }
}

/// A position in a text. Every method either moves past the token that it names or stays.
private struct Cursor {
  private(set) var position = 0

  mutating func skip(_ character: Unicode.Scalar, in text: Span<UInt8>) -> Bool {
    guard position < text.count, text[position] == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  mutating func digits(_ count: Int, of text: Span<UInt8>) -> Int? {
    guard position + count <= text.count else { return nil }
    var value = 0
    for index in position..<position + count {
      guard let digit = text[index].decimalDigit else { return nil }
      value = value * 10 + digit
    }
    position += count
    return value
  }

  mutating func fractionInMilliseconds(of text: Span<UInt8>) -> Int? {
    guard skip(".", in: text) else { return 0 }
    var value = 0
    var count = 0
    while position < text.count, let digit = text[position].decimalDigit {
      if count < 3 { value = value * 10 + digit }
      count += 1
      position += 1
    }
    guard (1...9).contains(count) else { return nil }
    for _ in min(count, 3)..<3 { value *= 10 }
    return value
  }

  mutating func offsetInMinutes(of text: Span<UInt8>) -> Int? {
    if skip("Z", in: text) || skip("z", in: text) { return 0 }
    let isWest = skip("-", in: text)
    guard isWest || skip("+", in: text), let hours = digits(2, of: text), hours < 24, skip(":", in: text),
      let minutes = digits(2, of: text), minutes < 60
    else { return nil }
    return isWest ? -(hours * 60 + minutes) : hours * 60 + minutes
  }
}
