import Ledger
import Jobs
import StoreSeam
import StoreFixture
import Testing
import Time

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

  /// Jobs of deliveries and of orders in turn, each a second after the last.
  private func timed(_ count: Int) async throws -> (OrderedStore, numbers: [Int64]) {
    let store = try OrderedStore()
    var numbers: [Int64] = []
    for index in 0..<count {
      store.now = Timestamp(milliseconds: 1_000_000 + 1000 * Int64(index))
      if index.isMultiple(of: 2) {
        try store.place("j\(index)")
      } else {
        try store.deliver("w\(index)", of: "j\(index)", .running)
      }
      numbers.append(try await store.number("j\(index)"))
    }
    // Later deliveries, and deleted jobs, move no bound.
    store.now = Timestamp(milliseconds: 9_000_000)
    for index in stride(from: 1, to: count, by: 2) {
      try store.deliver("x\(index)", of: "j\(index)", .succeeded)
    }
    return (store, numbers)
  }

  @Test(arguments: [0, 1, 2, 3, 16, 17])
  func `a time divides the jobs by when they were recorded`(_ count: Int) async throws {
    let (store, numbers) = try await timed(count)
    for index in -1...count {
      for (offset, isAfter) in [(Int64(-1), false), (0, false), (1, true)] {
        let moment = Timestamp(milliseconds: 1_000_000 + 1000 * Int64(index) + offset)
        let first = try await store.reader.firstNumber(recordedAt: moment)
        let earlier = max(0, min(count, index + (isAfter ? 1 : 0)))
        #expect(numbers.count { $0 < first } == earlier, "\(index) \(offset)")
      }
    }
  }

  @Test func `a time is found beside deleted jobs`() async throws {
    let (store, numbers) = try await timed(16)
    for index in [3, 5, 7, 15] { try store.delete("j\(index)") }
    for index in 0..<16 {
      let moment = Timestamp(milliseconds: 1_000_000 + 1000 * Int64(index))
      let first = try await store.reader.firstNumber(recordedAt: moment)
      #expect(
        numbers.enumerated().count { ![3, 5, 7, 15].contains($0.offset) && $0.element < first }
          == (0..<index).count { ![3, 5, 7, 15].contains($0) })
    }
  }

  @Test(arguments: [1, 3, 50])
  func `a lowest number ends each kind of list`(_ limit: Int) async throws {
    let store = try filled()
    let number = try await store.number("p30")
    let filters =
      [JobFilter(), JobFilter(model: "a/new"), JobFilter(ids: (1...40).map { "p\($0)" })]
      + JobState.allCases.flatMap { [JobFilter(state: $0), JobFilter(state: $0, model: "a/new")] }
    for filter in filters {
      let all = try await store.ids(filter)
      var bounded = filter
      bounded.minNumber = number
      var (seen, cursor): ([String], Int64?) = ([], nil)
      repeat {
        let page = try await store.reader.jobs(matching: bounded, before: cursor, limit: limit)
        seen += page.jobs.map(\.id)
        cursor = page.next
      } while cursor != nil
      #expect(seen == all.filter { 30 <= Int($0.dropFirst()) ?? 0 }, "\(filter)")
      let changes = try await store.reader.changes(after: 0, limit: 500, matching: bounded, including: [])
      #expect(Set(changes.entries.map(\.id)) == Set(seen))
    }
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
