/// A day in UTC, by its number since 1970-01-01, and as it is written: `2026-11-26`.
package struct CalendarDay: Comparable {
  /// The length of a day.
  package static let milliseconds: Int64 = 86_400_000

  package let number: Int64

  package init(number: Int64) {
    self.number = number
  }

  package init(of time: Timestamp) {
    number = time.milliseconds / Self.milliseconds
  }

  /// Nil where `text` is no such day, or one before 1970.
  package init?(_ text: String) {
    let midnight = Array("\(text)T00:00:00Z".utf8)
    guard text.utf8.count == 10, let time = Timestamp(rfc3339: midnight.span), time.milliseconds >= 0 else {
      return nil
    }
    self.init(of: time)
  }

  /// Its midnight.
  package var start: Timestamp { Timestamp(milliseconds: number * Self.milliseconds) }

  package var text: String { String(start.rfc3339.prefix(10)) }

  package func advanced(by days: Int64) -> CalendarDay { CalendarDay(number: number + days) }

  package static func < (left: CalendarDay, right: CalendarDay) -> Bool { left.number < right.number }
}
