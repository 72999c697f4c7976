import Jobs
import StoreSeam
import StoreFixture
import Testing
import Time

@testable import UsageSums

/// What has ended, by the values of a member of the metadata.
@Suite(.everyStore) struct UsageGroupsTests {
  private static let today = CalendarDay(number: 0)

  /// The pages of `limit` values, each read in parts of `part` jobs.
  private func pages(
    _ store: OrderedStore, on days: ClosedRange<CalendarDay> = today...today, limit: Int = 100,
    part: Int = 100
  ) async throws -> [[String: Usage]] {
    var (pages, position): ([[String: Usage]], MemberPosition) = ([], .start)
    while true {
      var groups = UsageGroups(key: "user", days: days, maxGroups: limit, after: position)
      var isRead = false
      while !isRead {
        let rows = try await store.reader.jobs(
          withMember: "user", after: groups.position, limit: part, times: groups.times)
        groups.add(rows, isLast: rows.count < part)
        isRead = groups.isComplete
      }
      pages.append(Dictionary(groups.groups.map { ($0.value, $0.usage) }) { $1 })
      guard groups.next != nil else { return pages }
      position = groups.position
    }
  }

  private func filled() throws -> OrderedStore {
    let store = try UsageSums.store()
    for number in 0..<6 {
      try store.place("j\(number)", [("user", "\(number % 3)"), ("other", "x")])
      let step = try store.step()
      try store.report(step.order.number, of: "p\(number)", number < 3 ? .succeeded : .failed)
    }
    try store.place("open", [("user", "1")])
    try store.place("none", [("other", "1")])
    try store.deliver("w", of: "delivered", .succeeded)
    return store
  }

  private static let each = Usage(
    succeeded: 1, failed: 1, predictMilliseconds: 8000, queueMilliseconds: 4000, runMilliseconds: 10_000)

  @Test(arguments: [1, 2, 3, 100], [1, 2, 4, 100])
  func `ended jobs are summed by value, on any pages`(_ limit: Int, _ part: Int) async throws {
    let pages = try await pages(filled(), limit: limit, part: part)
    #expect(pages.allSatisfy { $0.count <= limit })
    #expect(
      pages.reduce(into: [:]) { $0.merge($1) { one, _ in one } }
        == ["0": Self.each, "1": Self.each, "2": Self.each])
  }

  @Test func `a day without ends has no values`() async throws {
    let tomorrow = Self.today.advanced(by: 1)
    #expect(try await pages(filled(), on: tomorrow...tomorrow) == [[:]])
  }

  /// Sums by model stay, those by metadata are of stored jobs.
  @Test func `a deleted job is counted no more`() async throws {
    let store = try filled()
    try store.delete("j0")
    #expect(try await pages(store).first?["0"]?.succeeded == 0)
    #expect(try await pages(store).first?["0"]?.failed == 1)
    #expect(try await store.usage(on: 0...0).first?.usage.succeeded == 4)
  }
}
