import Jobs
import Testing

@testable import Store

/// A signed end replaces, once, an end that the daemon decided.
@Suite struct ReplacedEndTests {
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
  func aSignedSuccessReplacesIt(_ own: DaemonEnd) throws {
    let store = try OrderedStore()
    try end(own, in: store)
    let first = try store.job("j1")
    #expect(first.isEndedByDaemon && first.error?.code == own.rawValue)
    store.advance(Self.day)
    // The prediction is running, which ends nothing. Where it was unknown, it is a job of its own for now.
    let alive = try store.deliver("a", .running, naming: "j1", logs: 1)
    #expect(alive.isStray == (own != .gone) && alive.outcome == (own == .gone ? .late : .applied))
    #expect(try store.job("j1") == first)
    let recording = try store.deliver("b", .succeeded, naming: "j1", logs: 7)
    #expect(recording.outcome == .applied && recording.jobID == "j1" && recording.endsJob)
    #expect(!recording.isStray && recording.revision == first.revision + 1)
    let stored = try #require(try store.reader.job("j1"))
    #expect(stored.job.state == .succeeded && stored.job.error == nil)
    #expect(String(decoding: stored.body, as: UTF8.self).contains(#""logs":7"#))
    #expect(try store.reader.job("p1")?.job.id == "j1" && store.reader.jobCount() == 1)
    // Both ends are shown.
    let rows = try store.reader.history(ofJob: stored.number, after: 0, limit: 9).suffix(3)
    #expect(rows.map(\.source) == [.daemon, .webhook, .webhook])
    #expect(rows.map(\.providerStatus) == [own.rawValue, "processing", "succeeded"])
    #expect(rows.map(\.phase) == [first.phase, own == .gone ? first.phase : .running, .succeeded])
    // The first end is reversed on its day, and the second is counted on its own.
    let usage = try store.reader.usage(on: 0...9)
    #expect(usage.map(\.day) == [1, 0])
    #expect(
      usage.map(\.usage) == [
        Usage(succeeded: 1, predictMilliseconds: 4000, queueMilliseconds: 2000, runMilliseconds: 5000),
        Usage(),
      ])
    // Once.
    #expect(try store.deliver("c", .failed, naming: "j1").outcome == .conflict)
    #expect(try store.job("j1") == stored.job)
    store.advance(OrderedStore.aWhile)
    #expect(try store.steps().isEmpty && store.reader.nextDue().check == nil)
  }

  @Test(arguments: [SnapshotSource.poll, .list, .answer])
  func `an end that is not signed replaces nothing`(_ source: SnapshotSource) throws {
    let store = try OrderedStore()
    try end(.gone, in: store)
    let first = try store.job("j1")
    #expect(try store.report(source, try store.number("j1"), .succeeded)?.outcome == .conflict)
    #expect(try store.job("j1") == first)
  }

  /// The request's rules apply, and an ended job is not retried.
  @Test func `the output rules of the request apply and nothing is retried`() throws {
    let ruleViolation = JobError(code: "invalid_output", message: "by the request")
    let store = try OrderedStore(validateOutput: { _, _, _ in ruleViolation })
    try end(.answerLost, in: store)
    try store.deliver("a", .succeeded, naming: "j1")
    #expect(try store.job("j1").state == .failed && store.job("j1").error == ruleViolation)
    let other = try OrderedStore()
    try other.end(try other.send("j1", retries: 3), code: "answer_lost")
    try other.deliver("a", .failed, naming: "j1", error: interruption)
    #expect(try other.job("j1").error == interruption && other.job("j1").attempt == 1)
    #expect(try other.order("j1").stage == .ended && other.reader.nextDue().create == nil)
  }

  /// The provider's end of a job that a delivery created.
  @Test func aJobCreatedByADeliveryIsNoException() throws {
    let store = try OrderedStore()
    try store.deliver("a", .running)
    let (number, now) = (try store.number("p1"), store.now)
    _ = try store.commit { (transaction) throws(StoreError) in
      try transaction.end(number, of: "p1", as: .failed, because: Self.gone, at: now)
    }
    try store.deliver("b", .succeeded)
    #expect(
      try store.job("p1").state == .succeeded && store.outcomes("p1") == [.applied, .applied, .applied])
  }

  /// An unbound delivery created an orphan before.
  @Test(arguments: [Phase.running, .succeeded])
  func aSignedEndMergesTheOrphan(_ phase: Phase) throws {
    let store = try OrderedStore()
    try end(.answerLost, in: store)
    let first = try store.job("j1")
    try store.deliver("a", phase)
    #expect(try store.deliver("b", .running, naming: "j1", logs: 3).isStray)
    #expect(try store.job("j1") == first && store.reader.jobCount() == 2)
    #expect(try !store.deliver("c", .succeeded, naming: "j1").isStray)
    #expect(try store.job("j1").state == .succeeded && store.reader.jobCount() == 1)
    #expect(try store.reader.job("p1")?.job.id == "j1")
    let usage = try store.reader.usage(on: 0...0).map(\.usage)
    #expect(usage.map(\.succeeded) == [1] && usage.map(\.failed) == [0])
    #expect(try store.reader.damage() == nil)
  }

  /// The first end of two predictions of one job counts.
  ///
  /// The other is a job of its own.
  @Test func aSecondPredictionReplacesNothing() throws {
    let store = try OrderedStore()
    try end(.canceled, in: store)
    try store.deliver("a", of: "p1", .succeeded, naming: "j1")
    #expect(try store.deliver("b", of: "p2", .failed, naming: "j1").isStray)
    #expect(try store.job("j1").state == .succeeded && store.job("p2").state == .failed)
  }
}
