/// A reference parser of RFC 3339 section 5.6.
///
/// It uses a mask, and counts days by leap years.
enum ReferenceTime {
  private static let daysBeforeMonth = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334]

  /// Milliseconds since 1970.
  ///
  /// Nil for an invalid time, or one outside the years 0001 to 9999.
  static func milliseconds(_ text: [UInt8]) -> Int64? {
    let mask = Array("dddd-dd-ddTdd:dd:dd".utf8)
    guard text.count > mask.count, matches(Array(text.prefix(mask.count)), mask) else { return nil }
    let (year, month, day) = (number(text[0..<4]), number(text[5..<7]), number(text[8..<10]))
    let (hour, minute, second) = (number(text[11..<13]), number(text[14..<16]), number(text[17..<19]))
    guard year > 0, (1...12).contains(month), hour < 24, minute < 60, second < 61 else { return nil }
    let isLeap = year % 400 == 0 || (year % 4 == 0 && year % 100 != 0)
    let monthEnds = daysBeforeMonth.dropFirst() + [365]
    let length = monthEnds[month] - daysBeforeMonth[month - 1] + (isLeap && month == 2 ? 1 : 0)
    guard (1...length).contains(day) else { return nil }
    var rest = text[mask.count...]
    var fraction = 0
    if rest.first == UInt8(ascii: ".") {
      let digits = rest.dropFirst().prefix { (48...57).contains($0) }
      guard (1...9).contains(digits.count) else { return nil }
      fraction = number((Array(digits) + [48, 48])[..<3])
      rest = rest.dropFirst(digits.count + 1)
    }
    guard let offset = offset(Array(rest)) else { return nil }
    let past = year - 1
    let days =
      past * 365 + past / 4 - past / 100 + past / 400 + daysBeforeMonth[month - 1]
      + (isLeap && month > 2 ? 1 : 0) + day - 1
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset * 60
    // 719,162 days lie between 0001-01-01 and 1970-01-01; the year 9999 ends after 3,652,059.
    guard (0..<3_652_059 * 86_400).contains(seconds) else { return nil }
    return Int64(seconds - 719_162 * 86_400) * 1000 + Int64(fraction)
  }

  /// Minutes east of UTC.
  private static func offset(_ text: [UInt8]) -> Int? {
    if text == Array("Z".utf8) || text == Array("z".utf8) { return 0 }
    guard matches(text, Array("sdd:dd".utf8)) else { return nil }
    let (hours, minutes) = (number(text[1..<3]), number(text[4..<6]))
    guard hours < 24, minutes < 60 else { return nil }
    return (text[0] == UInt8(ascii: "-") ? -1 : 1) * (hours * 60 + minutes)
  }

  private static func matches(_ text: [UInt8], _ mask: [UInt8]) -> Bool {
    text.count == mask.count
      && zip(text, mask).allSatisfy { byte, expected in
        switch expected {
        case UInt8(ascii: "d"): (48...57).contains(byte)
        case UInt8(ascii: "T"): "Tt ".utf8.contains(byte)
        case UInt8(ascii: "s"): "+-".utf8.contains(byte)
        default: byte == expected
        }
      }
  }

  private static func number(_ digits: ArraySlice<UInt8>) -> Int {
    digits.reduce(0) { $0 * 10 + Int($1) - 48 }
  }
}
