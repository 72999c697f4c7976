import HTTPWire
import Testing
@testable import Time

/// A naive calendar that counts days one by one, for comparison.
private struct PaperCalendar {
  private(set) var (year, month, day, weekday) = (1970, 1, 1, 4)

  mutating func turnPage() {
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    weekday = (weekday + 1) % 7
    day += 1
    if day > lengths[month - 1] { (day, month) = (1, month + 1) }
    if month > 12 { (month, year) = (1, year + 1) }
  }

  var text: String {
    let names = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    return "\(names[weekday]), \(day < 10 ? "0" : "")\(day) \(months[month - 1]) \(year)"
  }
}

@Suite struct IMFFixdateTests {
  private func text(_ seconds: Int64) -> String {
    String(decoding: IMFFixdate.format(unixSeconds: seconds), as: UTF8.self)
  }

  /// 150 years include both exceptions of the Gregorian calendar.
  ///
  /// One year is divisible by 400 and has a leap day; another is divisible only by 100 and has none.
  @Test func everyDayOfACenturyAndAHalfBeginsAndEndsWhereItShould() {
    var calendar = PaperCalendar()
    for day: Int64 in 0..<54_786 {
      let start = day * 86_400
      guard text(start) == calendar.text + " 00:00:00 GMT",
        text(start + 86_399) == calendar.text + " 23:59:59 GMT"
      else {
        Issue.record("day \(day) should be \(calendar.text), and is \(text(start))")
        return
      }
      calendar.turnPage()
    }
    #expect(calendar.year == 2120)
  }

  @Test func everyMinuteAndSecondHasTwoDigits() {
    // 61 seconds per step: every minute of the day, and every second of the minute.
    for second: Int64 in stride(from: 0, to: 86_400, by: 61) {
      let parts = [second / 3600, second / 60 % 60, second % 60].map { $0 < 10 ? "0\($0)" : "\($0)" }
      #expect(text(second) == "Thu, 01 Jan 1970 \(parts.joined(separator: ":")) GMT")
    }
  }

  @Test(arguments: [
    (-1, "Thu, 01 Jan 1970 00:00:00 GMT"), (Int64.min, "Thu, 01 Jan 1970 00:00:00 GMT"),
    (1_709_164_800, "Thu, 29 Feb 2024 00:00:00 GMT"), (2_147_483_647, "Tue, 19 Jan 2038 03:14:07 GMT"),
    (2_147_483_648, "Tue, 19 Jan 2038 03:14:08 GMT"), (13_574_563_200, "Tue, 29 Feb 2400 00:00:00 GMT"),
    (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"), (253_402_300_800, "Fri, 31 Dec 9999 23:59:59 GMT"),
  ])
  func edgesAreWhereTheyShouldBe(_ seconds: Int64, _ expected: String) {
    #expect(text(seconds) == expected)
  }
}
