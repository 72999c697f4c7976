import Ledger
import Jobs
import StoreSeam
import StoreFixture
import Testing
import Time
import Work

private let alone = PollPolicy(timeout: 900_000, firstPoll: nil)

extension OrderedStore {
  fileprivate func spreadChecks() throws {
    let now = now
    try commit { (transaction) throws(StorageError) in
      transaction.spreadChecks(from: now, within: 10_000)
    }
  }
}

@Suite(.everyStore) struct PollingTests {
  @Test func jobsAreCheckedWhenDueUpToTheLimit() async throws {
    let store = try OrderedStore()
    for number in 1...5 {
      try store.deliver("w\(number)", of: "p\(number)", .running)
      store.advance(1)
    }
    #expect(try store.claimPolls().polls.isEmpty)
    store.advance(30_000)
    let first = try store.claimPolls(limit: 3)
    #expect(first.polls.map(\.predictionID) == ["p1", "p2", "p3"] && first.hasMore)
    var numbers: [Int64] = []
    for id in ["p1", "p2", "p3"] { numbers.append(try await store.number(id)) }
    #expect(first.polls.map(\.number) == numbers)
    let rest = try store.claimPolls(limit: 3)
    #expect(rest.polls.map(\.predictionID) == ["p4", "p5"] && !rest.hasMore)
    #expect(try store.claimPolls().polls.isEmpty)
    #expect(try await store.job("p1").pollState.polls == 1)
  }

  @Test func aJobBecomesStaleOnceAndIsListedSo() async throws {
    let store = try OrderedStore(policy: alone)
    try store.deliver("a", .running)
    try store.place("j1", timeout: 1000)
    _ = try store.step()
    store.advance(1000)
    // A job's own window counts, and a job may be stale without a prediction.
    #expect(try store.claimPolls().stale.map(\.id) == ["j1"])
    store.advance(OrderedStore.aWhile)
    #expect(try store.claimPolls().stale.map(\.id) == ["p1"])
    #expect(try store.claimPolls().stale.isEmpty)
    let page = try await store.reader.jobs(matching: JobFilter(state: .stale), before: nil, limit: 10)
    #expect(page.jobs.map(\.id) == ["j1", "p1"])
    #expect(
      try await store.reader.jobs(matching: JobFilter(state: .running), before: nil, limit: 10).jobs.isEmpty)
    #expect(
      try await store.reader.jobs(
        matching: JobFilter(state: .stale, model: "owner/model"), before: store.number("j1"), limit: 10
      )
      .jobs.map(\.id) == ["p1"])
    #expect(try await store.reader.nextDue().check == nil)
    try store.deliver("b", .running, logs: 1)
    #expect(try await store.job("p1").state == .running)
    #expect(try await store.reader.nextDue().check == store.now)
  }

  /// Jobs that ended during a downtime are polled soon after the start.
  @Test func checksAreSpreadOverTheWindow() throws {
    let store = try OrderedStore()
    for number in 1...20 { try store.deliver("w\(number)", of: "p\(number)", .running) }
    try store.deliver("e", of: "ended", .succeeded)
    let number = try store.send("j1").order.number
    let unsent = try #require(try store.work(.poll).first { $0.key.job == number })
    try store.spreadChecks()
    let checks = try store.work(.poll)
    #expect(checks.count == 21 && checks.contains(unsent))
    for item in checks where item != unsent {
      #expect(item.dueAt >= store.now && item.dueAt < store.now.advanced(byMilliseconds: 10_000))
    }
    #expect(Set(checks.map(\.dueAt)).count > 15)
  }

  /// A job that became stale without a token is polled with one.
  @Test func staleJobsArePolledOnceThereIsAToken() throws {
    let store = try OrderedStore(policy: alone)
    try store.deliver("a", .running)
    store.advance(OrderedStore.aWhile)
    #expect(try store.claimPolls().stale.count == 1)
    try store.reopen(policy: PollPolicy(timeout: 900_000, firstPoll: 30_000))
    try store.spreadChecks()
    store.advance(10_000)
    #expect(try store.claimPolls().polls.map(\.predictionID) == ["p1"])
  }

  @Test func nextDueTracksEachKindOfWork() async throws {
    let store = try OrderedStore()
    let start = store.now
    #expect(try await store.reader.nextDue().create == nil)
    #expect(try await store.reader.nextDue().check == nil)
    try store.place("j1")
    #expect(try await store.reader.nextDue().create == start)
    #expect(try await store.reader.nextDue().otherStep == nil)
    let step = try store.step()
    // A call in flight is due again when its lease ends.
    #expect(try await store.reader.nextDue().create == start.advanced(byMilliseconds: 35_000))
    #expect(try await store.reader.nextDue().check == start.advanced(byMilliseconds: 30_000))
    try store.noteUnanswered(step, nextSearchIn: 5000)
    #expect(try await store.reader.nextDue().otherStep == start.advanced(byMilliseconds: 5000))
    try store.report(step.order.number, .pending)
    #expect(try await store.reader.nextDue().otherStep == nil)
    _ = try store.cancel("j1")
    #expect(try await store.reader.nextDue().otherStep == start)
    try store.deliver("a", .canceled)
    #expect(try await store.reader.nextDue().check == nil)
    _ = try store.steps()
    #expect(try await store.reader.nextDue().otherStep == nil)
  }

  @Test func aKeyIsCreatedOncePerDatabase() throws {
    let store = try OrderedStore()
    func key(_ name: String, orStore fresh: [UInt8]) throws -> [UInt8] {
      try store.commit { (transaction) throws(StorageError) in try transaction.key(name, orStore: fresh) }
    }
    #expect(try key("a", orStore: [1, 2]) == [1, 2])
    #expect(try key("a", orStore: [3]) == [1, 2])
    try store.reopen()
    #expect(try key("a", orStore: [4]) == [1, 2])
    #expect(try key("b", orStore: [5]) == [5])
  }

  @Test func jobsWithoutAPredictionAreListedAndFiltered() async throws {
    let store = try OrderedStore()
    try store.place("j1")
    try store.place("j2", model: nil)
    try store.place("j3", model: "other/model")
    try store.deliver("a", .running)
    _ = try store.cancel("j3")
    #expect(try await store.ids(JobFilter()) == ["p1", "j3", "j2", "j1"])
    #expect(try await store.ids(JobFilter(), limit: 2) == ["p1", "j3"])
    #expect(try await store.ids(JobFilter(state: .pending)) == ["j2", "j1"])
    #expect(try await store.ids(JobFilter(state: .canceled)) == ["j3"])
    #expect(try await store.ids(JobFilter(model: "owner/model")) == ["p1", "j1"])
    #expect(try await store.ids(JobFilter(state: .pending, model: "owner/model")) == ["j1"])
  }
}
