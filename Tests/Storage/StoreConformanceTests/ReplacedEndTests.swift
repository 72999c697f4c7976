import Ledger
import Jobs
import StoreFixture
import Testing

import StoreSeam

/// A signed end replaces, once, an end that the daemon decided.
@Suite(.everyStore) struct ReplacedEndTests {
  private static let day: Int64 = 86_400_000
  private static let gone = JobError(code: "gone", message: nil)

  /// An end that the daemon decided, by its code in the history.
  enum DaemonEnd: String, CaseIterable {
    case gone
    case answerLost = "answer_lost"
    case refused = "invalid_input"
    case canceled
  }

  /// Ends the job "j1" in that way.
  private func end(_ end: DaemonEnd, in store: OrderedStore) throws {
    switch end {
    case .gone:
      let step = try store.send("j1")
      try store.report(step.order.number, .running)
      try store.end(step, of: "p1", code: "gone")
    case .answerLost, .refused: try store.end(try store.send("j1"), code: end.rawValue)
    case .canceled:
      try store.place("j1")
      _ = try store.cancel("j1")
    }
  }

  @Test(arguments: DaemonEnd.allCases)
  func aSignedSuccessReplacesIt(_ own: DaemonEnd) async throws {
    let store = try OrderedStore()
    try end(own, in: store)
    let first = try await store.job("j1")
    #expect(first.isEndedByDaemon && first.error?.code == own.rawValue)
    store.advance(Self.day)
    // The prediction is running, which ends nothing. Where it was unknown, it is a job of its own for now.
    let alive = try store.deliver("a", .running, naming: "j1", logs: 1)
    #expect(alive.isStray == (own != .gone) && alive.outcome == (own == .gone ? .late : .applied))
    #expect(try await store.job("j1") == first)
    let recording = try store.deliver("b", .succeeded, naming: "j1", logs: 7)
    #expect(recording.outcome == .applied && recording.jobID == "j1" && recording.endsJob)
    #expect(!recording.isStray && recording.revision == first.revision + 1)
    let stored = try #require(try await store.reader.job("j1"))
    #expect(stored.job.state == .succeeded && stored.job.error == nil)
    #expect(String(decoding: stored.body, as: UTF8.self).contains(#""logs":7"#))
    #expect(try await store.reader.job("p1")?.job.id == "j1")
    #expect(try await store.jobCount() == 1)
    // Both ends are shown.
    let rows = try await store.history("j1").suffix(3)
    #expect(rows.map(\.source) == [.daemon, .webhook, .webhook])
    #expect(rows.map(\.providerStatus) == [own.rawValue, "processing", "succeeded"])
    #expect(rows.map(\.phase) == [first.phase, own == .gone ? first.phase : .running, .succeeded])
    // Once.
    #expect(try store.deliver("c", .failed, naming: "j1").outcome == .conflict)
    #expect(try await store.job("j1") == stored.job)
    store.advance(OrderedStore.aWhile)
    #expect(try store.steps().isEmpty)
    #expect(try await store.reader.nextDue().check == nil)
  }

  @Test(arguments: [SnapshotSource.poll, .list, .answer])
  func `an end that is not signed replaces nothing`(_ source: SnapshotSource) async throws {
    let store = try OrderedStore()
    try end(.gone, in: store)
    let (first, number) = (try await store.job("j1"), try await store.number("j1"))
    #expect(try store.report(source, number, .succeeded)?.outcome == .conflict)
    #expect(try await store.job("j1") == first)
  }

  /// The request's rules apply, and an ended job is not retried.
  @Test func `the output rules of the request apply and nothing is retried`() async throws {
    let ruleViolation = JobError(code: "invalid_output", message: "by the request")
    let store = try OrderedStore(validateOutput: { _, _, _ in ruleViolation })
    try end(.answerLost, in: store)
    try store.deliver("a", .succeeded, naming: "j1")
    #expect(try await store.job("j1").state == .failed)
    #expect(try await store.job("j1").error == ruleViolation)
    let other = try OrderedStore()
    try other.end(try other.send("j1", retries: 3), code: "answer_lost")
    try other.deliver("a", .failed, naming: "j1", error: interruption)
    #expect(try await other.job("j1").error == interruption)
    #expect(try await other.job("j1").attempt == 1)
    #expect(try await other.order("j1").stage == .ended)
    #expect(try await other.reader.nextDue().create == nil)
  }

  /// The provider's end of a job that a delivery created.
  @Test func aJobCreatedByADeliveryIsNoException() async throws {
    let store = try OrderedStore()
    try store.deliver("a", .running)
    let (number, now) = (try await store.number("p1"), store.now)
    _ = try store.commit { (transaction) throws(StorageError) in
      try transaction.end(number, of: "p1", as: .failed, because: Self.gone, at: now)
    }
    try store.deliver("b", .succeeded)
    #expect(try await store.job("p1").state == .succeeded)
    #expect(try await store.outcomes("p1") == [.applied, .applied, .applied])
  }

  /// An unbound delivery created an orphan before.
  @Test(arguments: [Phase.running, .succeeded])
  func aSignedEndMergesTheOrphan(_ phase: Phase) async throws {
    let store = try OrderedStore()
    try end(.answerLost, in: store)
    let first = try await store.job("j1")
    try store.deliver("a", phase)
    #expect(try store.deliver("b", .running, naming: "j1", logs: 3).isStray)
    #expect(try await store.job("j1") == first)
    #expect(try await store.jobCount() == 2)
    #expect(try !store.deliver("c", .succeeded, naming: "j1").isStray)
    #expect(try await store.job("j1").state == .succeeded)
    #expect(try await store.jobCount() == 1)
    #expect(try await store.reader.job("p1")?.job.id == "j1")
  }

  /// The first end of two predictions of one job counts.
  ///
  /// The other is a job of its own.
  @Test func aSecondPredictionReplacesNothing() async throws {
    let store = try OrderedStore()
    try end(.canceled, in: store)
    try store.deliver("a", of: "p1", .succeeded, naming: "j1")
    #expect(try store.deliver("b", of: "p2", .failed, naming: "j1").isStray)
    #expect(try await store.job("j1").state == .succeeded)
    #expect(try await store.job("p2").state == .failed)
  }
}
