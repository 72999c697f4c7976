import Ledger
import Jobs
import StoreSeam
import StoreFixture
import Testing

/// Interrupted predictions are retried as often as requested.
@Suite(.everyStore) struct AttemptTests {
  /// Past attempts survive a restart.
  @Test func aPastPredictionIsLateAfterARestartToo() async throws {
    let store = try OrderedStore()
    _ = try store.send("j1", retries: 1)
    try store.deliver("a", .failed, naming: "j1", error: interruption)
    try store.reopen()
    #expect(try store.deliver("b", .succeeded).outcome == .late)
    #expect(try await store.jobCount() == 1)
  }

  @Test func anInterruptionStartsAnotherAttempt() async throws {
    let store = try OrderedStore()
    let step = try store.send("j1", retries: 1)
    try store.report(step.order.number, .running)
    store.advance(10)
    let recording = try store.deliver("a", .failed, naming: "j1", error: interruption)
    #expect(recording.outcome == .applied && recording.state == .running && !recording.endsJob)
    let left = try #require(try await store.reader.job("j1"))
    #expect(left.job.attempt == 2 && left.job.phase == .running && left.job.snapshot == nil)
    #expect(left.job.lastDeliveryAt == store.now && left.body.isEmpty)
    #expect(try await store.reader.job("p1") == nil)
    #expect(try store.steps().isEmpty)
    store.advance(2000)
    let again = try store.step()
    #expect(again.order.tries == 1 && again.order.retriesLeft == 0 && again.job.attempt == 2)
    try store.report(again.order.number, of: "p2", .pending)
    #expect(try await store.job("j1").phase == .running)
    #expect(try await store.job("p2").id == "j1")
    try store.deliver("b", of: "p2", .succeeded, naming: "j1")
    #expect(try await store.job("j1").state == .succeeded)
    #expect(try await store.outcomes("j1") == [.applied, .applied, .applied, .applied])
  }

  /// Snapshots of a past attempt's prediction never change the job.
  @Test(arguments: [false, true])
  func snapshotsOfAPastPredictionAreLate(_ hasAnother: Bool) async throws {
    let store = try OrderedStore()
    let step = try store.send("j1", retries: 1)
    try store.deliver("a", .failed, naming: "j1", error: interruption)
    if hasAnother {
      store.advance(2000)
      try store.report(try store.step().order.number, of: "p2", .running)
    }
    let job = try await store.job("j1")
    for (index, phase) in Phase.allCases.enumerated() {
      let recording = try store.deliver("late\(index)", phase, naming: "j1", error: interruption)
      #expect(recording.outcome == .late && recording.jobID == "j1" && !recording.endsJob)
      #expect(try store.report(step.order.number, phase) == nil)
      #expect(try store.report(.poll, step.order.number, phase) == nil)
    }
    #expect(try store.deliver("a", .failed, error: interruption).outcome == .duplicate)
    #expect(try await store.job("j1") == job)
    #expect(try await store.jobCount() == 1)
    #expect(try await store.order("j1").retriesLeft == 0)
  }

  /// Refused calls and interrupted predictions are shown in order.
  @Test func failedAttemptsAreKept() async throws {
    let store = try OrderedStore()
    let refusal = JobError(code: "invalid_input", message: "not yours")
    let step = try store.send("j1", retries: 1)
    try store.commit { (transaction) throws(StorageError) in
      try transaction.reschedule(
        step.order, until: store.now, at: store.now, because: .refused, refusal: refusal)
    }
    #expect(try await store.order("j1").reason == .refused)
    #expect(try await store.order("j1").refusals == 1)
    store.advance(1)
    let second = try store.step()
    #expect(second.order.reason == nil && second.order.refusals == 1)
    try store.deliver("a", .failed, naming: "j1", error: interruption)
    #expect(try await store.order("j1").refusals == 0)
    store.advance(2000)
    let third = try store.step()
    _ = try store.commit { (transaction) throws(StorageError) in
      try transaction.end(
        third.order.number, of: nil, as: .failed, because: refusal, at: store.now, isRefusal: true)
    }
    let attempts = try await store.record("j1").attempts
    #expect(attempts.map(\.predictionID) == [nil, "p1", nil])
    #expect(attempts.map(\.error) == [refusal, interruption, refusal])
    #expect(attempts.last?.endedAt == store.now)
  }

  @Test func withoutRetriesLeftTheJobHasFailed() async throws {
    let store = try OrderedStore()
    for attempt in 1...3 {
      store.advance(2000)
      let step = try attempt == 1 ? store.send("j1", retries: 2) : store.step()
      try store.report(step.order.number, of: "p\(attempt)", .running)
      try store.report(.poll, step.order.number, of: "p\(attempt)", .failed, error: interruption)
    }
    let job = try await store.job("j1")
    #expect(job.state == .failed && job.attempt == 3 && job.error == interruption && job.endFoundByPolling)
    store.advance(OrderedStore.aWhile)
    #expect(try store.steps().isEmpty)
  }

  @Test(arguments: [
    ("unknown", false, true), (JobError.interrupted, true, true), (JobError.interrupted, false, false),
  ])
  func onlyAnInterruptionOfAWantedJobIsRetried(
    _ code: String, _ isCanceled: Bool, _ isOrdered: Bool
  ) async throws {
    let store = try OrderedStore()
    if isOrdered {
      try store.report(try store.send("j1", retries: 1).order.number, .running)
    } else {
      try store.deliver("a", .running)
    }
    if isCanceled { _ = try store.cancel("p1") }
    #expect(try store.deliver("b", .failed, error: JobError(code: code, message: nil)).endsJob)
    #expect(try await store.job("p1").state == .failed)
    #expect(try await store.job("p1").attempt == 1)
  }
}
