import Ledger
import Jobs
import StoreSeam
import StoreFixture
import Testing
import Time

@testable import UsageSums

/// Which events of a job count, and which end is counted.
@Suite(.everyStore) struct UsageOfOrdersTests {
  private static let day: Int64 = 86_400_000
  private static let ruleViolation = JobError(code: "invalid_output", message: "by the request")

  @Test func `an interruption that is retried is no end`() async throws {
    let store = try UsageSums.store()
    let step = try store.send("j1", retries: 1)
    try store.report(step.order.number, .running)
    try store.deliver("a", .failed, naming: "j1", error: interruption)
    #expect(try await store.usage(on: 0...9).isEmpty)
    store.advance(2000)
    try store.report(try store.step().order.number, of: "p2", .running)
    try store.report(.poll, step.order.number, of: "p2", .failed, error: interruption)
    #expect(try await store.usage().failed == 1)
  }

  @Test func `an order that is canceled before it is sent counts once`() async throws {
    let store = try UsageSums.store()
    try store.place("j1")
    for _ in 0..<2 { _ = try store.cancel("j1") }
    #expect(try await store.usage() == Usage(canceled: 1))
  }

  @Test(arguments: [false, true])
  func `a canceled order whose call had no effect counts once`(_ isSearchedFor: Bool) async throws {
    let store = try UsageSums.store()
    var step = try store.send("j1")
    if isSearchedFor {
      try store.noteUnanswered(step)
      store.advance(5000)
      step = try store.step()
    }
    _ = try store.cancel("j1")
    try store.reschedule(step)
    #expect(try await store.usage() == Usage(canceled: 1))
  }

  @Test func `a prediction that is gone counts as failed`() async throws {
    let store = try UsageSums.store()
    try store.deliver("a", .running)
    let number = try await store.number("p1")
    for _ in 0..<6 {
      store.advance(60_000)
      let now = store.now
      try store.commit { (transaction) throws(StorageError) in
        _ = try transaction.noteNotFound(
          number, of: "p1", from: .poll, because: JobError(code: "gone", message: nil), at: now)
      }
    }
    #expect(try await store.usage() == Usage(failed: 1))
  }

  /// The end of an orphan is counted again as that of the job that adopts it, once.
  @Test(arguments: [true, false], [true, false])
  func `an orphan's end is counted once`(_ isBrokenByRules: Bool, _ isBrokenByRequest: Bool) async throws {
    let store = try UsageSums.store(validateOutput: { request, _, _ in
      request == Array("strict".utf8) ? Self.ruleViolation : nil
    })
    try store.place("j1", request: isBrokenByRequest ? "strict" : "{}")
    let step = try store.step()
    try store.deliver(
      "a", .succeeded,
      ruleViolation: isBrokenByRules ? JobError(code: "invalid_output", message: "rules") : nil)
    try store.report(step.order.number, .pending)
    let usage = try await store.usage()
    #expect(usage.failed == (isBrokenByRequest ? 1 : 0) && usage.succeeded == (isBrokenByRequest ? 0 : 1))
    #expect(usage.predictMilliseconds == 4000 && usage.runMilliseconds == 5000)
  }

  @Test func `an interrupted orphan that is retried is not counted`() async throws {
    let store = try UsageSums.store()
    let step = try store.send("j1", retries: 1)
    try store.deliver("a", .failed, error: interruption)
    #expect(try store.report(step.order.number, .pending) == nil)
    #expect(try await store.usage().failed == 0)
  }

  @Test func `an orphan's lost webhook is uncounted when it is delivered`() async throws {
    let store = try UsageSums.store()
    let step = try store.send("j1")
    try store.deliver("a", .running)
    try store.report(.poll, try await store.number("p1"), .succeeded)
    #expect(try await store.usage().lostWebhooks == 1)
    try store.report(step.order.number, .pending)
    #expect(try await store.job("j1").endFoundByPolling)
    try store.deliver("b", .succeeded)
    #expect(try await store.usage().lostWebhooks == 0)
    #expect(try await store.usage().succeeded == 1)
  }

  /// The first end is reversed on its day, and the second is counted on its own.
  @Test(arguments: ["gone", "answer_lost", "invalid_input", "canceled"])
  func `a replaced end is counted on its own day`(_ code: String) async throws {
    let store = try UsageSums.store()
    switch code {
    case "gone":
      let step = try store.send("j1")
      try store.report(step.order.number, .running)
      try store.end(step, of: "p1", code: code)
    case "canceled":
      try store.place("j1")
      _ = try store.cancel("j1")
    default: try store.end(try store.send("j1"), code: code)
    }
    store.advance(Self.day)
    try store.deliver("a", .running, naming: "j1", logs: 1)
    try store.deliver("b", .succeeded, naming: "j1", logs: 7)
    let rows = try await store.usage(on: 0...9)
    #expect(rows.map(\.day) == [1, 0])
    #expect(
      rows.map(\.usage) == [
        Usage(succeeded: 1, predictMilliseconds: 4000, queueMilliseconds: 2000, runMilliseconds: 5000),
        Usage(),
      ])
  }

  @Test(arguments: [Phase.running, .succeeded])
  func `a signed end that merges an orphan is counted once`(_ phase: Phase) async throws {
    let store = try UsageSums.store()
    try store.end(try store.send("j1"), code: "answer_lost")
    try store.deliver("a", phase)
    try store.deliver("b", .running, naming: "j1", logs: 3)
    try store.deliver("c", .succeeded, naming: "j1")
    let usage = try await store.usage()
    #expect(usage.succeeded == 1 && usage.failed == 0)
  }

  @Test func `sums outlive the jobs that are pruned`() async throws {
    let store = try UsageSums.store()
    try store.deliver("a", .succeeded)
    store.advance(2 * OrderedStore.aWhile)
    let now = store.now
    let pruned = try store.commit { (transaction) throws(StorageError) in
      try transaction.prune(endedBefore: now, at: now, after: 0, count: 9)
    }
    #expect(pruned.deleted == 1)
    #expect(try await store.usage().succeeded == 1)
  }
}
