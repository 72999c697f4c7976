/// The preferred date format of HTTP (RFC 9110 section 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.
package enum IMFFixdate {
  private static let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  /// Formats a time.
  ///
  /// - Parameter unixSeconds: a time from 1970 to 9999; others are clamped.
  package static func format(unixSeconds: Int64) -> [UInt8] {
    let seconds = Int(min(max(unixSeconds, 0), 253_402_300_799))
    let (days, secondOfDay) = seconds.quotientAndRemainder(dividingBy: 86_400)
    let date = CivilDate(daysSinceEpoch: days)
    let time = [secondOfDay / 3600, secondOfDay / 60 % 60, secondOfDay % 60].map(twoDigits).joined(
      separator: ":")
    let day = "\(twoDigits(date.day)) \(months[date.month - 1]) \(date.year)"
    return Array("\(weekdays[days % 7]), \(day) \(time) GMT".utf8)
  }

  private static func twoDigits(_ number: Int) -> String {
    number < 10 ? "0\(number)" : "\(number)"
  }
}
