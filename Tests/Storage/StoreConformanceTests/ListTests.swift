import Jobs
import Ledger
import StoreFixture
import Testing

@Suite(.everyStore) struct ListTests {
  /// Forty jobs in all states and of two models.
  ///
  /// Job number n has the id "p<n>".
  private func filled() throws -> OrderedStore {
    let store = try OrderedStore(policy: PollPolicy(timeout: 900_000, firstPoll: nil))
    let states: [(String, Phase?)] = [
      ("starting", .pending), ("processing", .running), ("succeeded", .succeeded), ("failed", .failed),
      ("canceled", .canceled),
    ]
    for number in 1...40 {
      let (status, phase) = states[number % 5]
      // Two of the open jobs become stale below.
      let moment: Int64 = [5, 6].contains(number) ? 1000 : 1_000_000
      _ = try store.ledger.commit([
        Sample.delivery(
          "w\(number)", of: "p\(number)", status, phase, model: number <= 20 ? "a/old" : "a/new", at: moment)
      ])
    }
    store.advance(-50_000)
    #expect(try store.claimPolls().stale.map(\.id).sorted() == ["p5", "p6"])
    return store
  }

  @Test func theNewestComeFirst() async throws {
    let reader = try filled().reader
    let page = try await reader.jobs(matching: JobFilter(), before: nil, limit: 3)
    #expect(page.jobs.map(\.id) == ["p40", "p39", "p38"])
    let next = try await reader.jobs(matching: JobFilter(), before: page.next, limit: 2)
    #expect(next.jobs.map(\.id) == ["p37", "p36"])
  }

  /// Pages neither overlap nor skip jobs, although jobs are added between them.
  @Test(arguments: [1, 2, 7, 40, 100])
  func pagesAreCompleteWhileJobsAreAdded(_ limit: Int) async throws {
    let store = try filled()
    var (seen, cursor): ([String], Int64?) = ([], nil)
    repeat {
      let page = try await store.reader.jobs(matching: JobFilter(), before: cursor, limit: limit)
      seen += page.jobs.map(\.id)
      cursor = page.next
      try store.deliver("x\(seen.count)", of: "later\(seen.count)", .pending)
    } while cursor != nil
    #expect(seen == (1...40).reversed().map { "p\($0)" })
  }

  @Test(arguments: JobState.allCases)
  func statesAreFiltered(_ state: JobState) async throws {
    let store = try filled()
    let page = try await store.reader.jobs(matching: JobFilter(state: state), before: nil, limit: 100)
    #expect(page.jobs.allSatisfy { $0.state == state })
    let expected = [JobState.stale: 2, .pending: 7, .running: 7][state] ?? 8
    #expect(page.jobs.count == expected)
  }

  @Test func modelsAndStatesCombine() async throws {
    let store = try filled()
    #expect(try await store.ids(JobFilter(state: .failed, model: "a/old")) == ["p18", "p13", "p8", "p3"])
    #expect(try await store.ids(JobFilter(model: "a/none")).isEmpty)
  }
}
