internal import Jobs
internal import StoreSeam
internal import Routing
internal import Time

/// The times between which the jobs of a list were recorded.
///
/// A list has the order of the jobs' numbers, and so has the time of recording. Each bound is a number then,
/// which costs a page nothing.
struct ListTimes {
  private let since: Timestamp?
  private let until: Timestamp?

  static let names = ["since", "until"]

  init(_ query: QueryParameters, at now: Timestamp) throws(Problem) {
    since = try query.moment("since", at: now)
    until = try query.moment("until", at: now)
    if let since, let until, until <= since {
      throw QueryParameters.invalid("`since` is a time before `until`, which is not included")
    }
  }

  /// The filter with the first bound, and the cursor within the second one.
  func bounds(
    of filter: JobFilter, before cursor: Int64?, in reader: any StoreReader
  ) async throws(StorageError) -> (filter: JobFilter, before: Int64?) {
    var (filter, before) = (filter, cursor)
    if let since { filter.minNumber = try await reader.firstNumber(recordedAt: since) }
    if let until { before = min(before ?? .max, try await reader.firstNumber(recordedAt: until)) }
    return (filter, before)
  }
}

extension QueryParameters {
  private static let durations = DurationFormat(
    units: [.days, .hours, .minutes, .seconds], order: .descending, maxDigits: 9,
    max: .seconds(36_500 * 86_400))

  /// A time in RFC 3339, the start of a day in UTC, or a time before `now`.
  func moment(_ name: String, at now: Timestamp) throws(Problem) -> Timestamp? {
    guard let text = self[name] else { return nil }
    if let moment = Timestamp(rfc3339: Self.withSign(text)) ?? CalendarDay(text)?.start { return moment }
    if let distance = Self.durations.parse(text) { return now.advanced(by: .zero - distance) }
    throw Self.invalid(
      "`\(name)` is a time such as 2026-11-26T10:00:00Z, a day such as 2026-11-26, or a duration before now "
        + "such as 30m, 1h30m or 7d")
  }

  /// A `+` that was not encoded was read as a space, which no time has before its offset.
  private static func withSign(_ text: String) -> String {
    let offset = text.suffix(6)
    return offset.first == " " && text.utf8.count > 20 ? text.dropLast(6) + "+" + offset.dropFirst() : text
  }
}
