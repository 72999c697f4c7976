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

  /// Parses the preferred format alone: what other forms say is not worth the code.
  ///
  /// Nil for anything else. The day of the week is not compared with the date.
  package static func parse(_ text: String) -> Timestamp? {
    let words = text.split(separator: " ", omittingEmptySubsequences: false)
    guard text.utf8.count == 29, words.count == 6, words[5] == "GMT",
      let month = months.firstIndex(of: String(words[2])),
      weekdays.contains(where: { words[0] == "\($0)," })
    else { return nil }
    return Timestamp(rfc3339: "\(words[3])-\(twoDigits(month + 1))-\(words[1])T\(words[4])Z")
  }

  private static func twoDigits(_ number: Int) -> String {
    number < 10 ? "0\(number)" : "\(number)"
  }
}
