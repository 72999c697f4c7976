import Jobs
import Ledger
import StoreFixture
import StoreSeam
import Testing

/// What ended a job, as both stores keep and find it.
@Suite(.everyStore) struct EndSourceTests {
  /// Jobs that ended in each way, and open ones. The id begins with the way.
  private func filled() async throws -> OrderedStore {
    let store = try OrderedStore()
    try store.deliver("1", of: "webhook1", .succeeded)
    try store.deliver("2", of: "webhook2", .running)
    try store.deliver("3", of: "webhook2", .failed)
    for id in ["poll1", "poll2", "poll3"] { try store.deliver("open-\(id)", of: id, .running) }
    try store.report(.poll, try await store.number("poll1"), of: "poll1", .succeeded)
    try store.report(.list, try await store.number("poll2"), of: "poll2", .canceled)
    try store.report(.poll, try await store.number("poll3"), of: "poll3", .failed)
    // Its webhook was late, and changes neither the document nor its place in the feed.
    let change = try await store.change("poll3")
    try store.deliver("late", of: "poll3", .failed)
    #expect(try await store.change("poll3") == change)
    #expect(try await !store.job("poll3").endFoundByPolling)
    try store.deliver("open-answer", of: "answer1", .running)
    try store.report(.answer, try await store.number("answer1"), of: "answer1", .canceled)
    try store.place("daemon1")
    _ = try store.cancel("daemon1")
    try store.place("open1")
    try store.deliver("4", of: "open2", .running)
    return store
  }

  @Test func `a job shows what ended it, also after a restart`() async throws {
    let store = try await filled()
    try store.reopen()
    for id in try await store.ids() {
      let job = try await store.job(id)
      let expected = EndSource.allCases.first { id.hasPrefix($0.rawValue) }
      #expect(job.endedBy == expected, "\(id)")
      #expect(job.phase.isTerminal == (expected != nil), "\(id)")
    }
  }

  @Test(arguments: EndSource.allCases)
  func `a list finds the jobs that ended so`(_ source: EndSource) async throws {
    let store = try await filled()
    let all = try await store.ids()
    let expected = all.filter { $0.hasPrefix(source.rawValue) }
    #expect(!expected.isEmpty)
    #expect(try await store.ids(JobFilter(endedBy: source)) == expected)
    for state in JobState.allCases {
      let inState = try await store.ids(JobFilter(state: state))
      let found = try await store.ids(JobFilter(state: state, endedBy: source))
      #expect(found == expected.filter(inState.contains), "\(state)")
    }
    #expect(try await store.ids(JobFilter(endedBy: source, ids: all)) == expected)
    let changes = try await store.reader.changes(
      after: 0, limit: 100, matching: JobFilter(endedBy: source), including: [])
    #expect(changes.entries.count == expected.count)
  }

  /// A signed end replaces the daemon's own.
  @Test func `the source of an end follows the end`() async throws {
    let store = try OrderedStore()
    let step = try store.send("j1")
    try store.report(step.order.number, .pending)
    try store.end(step, of: "p1", code: "gone")
    #expect(try await store.job("j1").endedBy == .daemon)
    try store.deliver("a", .succeeded)
    #expect(try await store.job("j1").endedBy == .webhook)
    #expect(try await store.ids(JobFilter(endedBy: .daemon)).isEmpty)
  }
}
