import Ledger
import Jobs
import StoreSeam
import StoreFixture
import Testing

/// How a prediction is bound to the job that requested it.
@Suite(.everyStore) struct BindingTests {
  @Test func theAnswerBinds() async throws {
    let store = try OrderedStore()
    let step = try store.send("j1")
    let recording = try #require(try store.report(step.order.number, .pending))
    #expect(recording.jobID == "j1" && recording.outcome == .applied)
    let (byID, byPrediction) = (try await store.job("j1"), try await store.job("p1"))
    #expect(byID == byPrediction && byID.snapshot?.predictionID == "p1")
    #expect(try await store.order("j1").stage == .submitted)
    #expect(try store.deliver("a", .running, naming: "j1").jobID == "j1")
    #expect(try await store.outcomes("j1") == [.applied, .applied])
    // A bound job is found by its prediction, whatever a later URL names.
    #expect(try !store.deliver("b", .running, logs: 1).isStray)
  }

  @Test func aDeliveryThatNamesTheJobAndOvertakesTheAnswerBinds() async throws {
    let store = try OrderedStore()
    let step = try store.send("j1")
    let recording = try store.deliver("a", .running, naming: "j1")
    #expect(recording.jobID == "j1" && !recording.isStray && recording.state == .running)
    #expect(try await store.order("j1").stage == .submitted)
    // The answer is older, and brings nothing new.
    #expect(try store.report(step.order.number, .pending)?.outcome == .late)
    #expect(try await store.job("j1").state == .running)
    #expect(try await store.jobCount() == 1)
    #expect(try await store.outcomes("j1") == [.applied])
  }

  /// A poll is about a job's known prediction.
  ///
  /// A search looks for an unknown one.
  @Test func aSearchResultBindsAndAPollDoesNot() async throws {
    let store = try OrderedStore()
    let step = try store.send("j1")
    try store.noteUnanswered(step)
    #expect(try store.report(.poll, step.order.number, .succeeded) == nil)
    #expect(try store.report(.list, step.order.number, .succeeded)?.jobID == "j1")
    let job = try await store.job("j1")
    #expect(job.state == .succeeded && job.snapshot?.predictionID == "p1" && job.endFoundByPolling)
    store.advance(OrderedStore.aWhile)
    #expect(try store.steps().isEmpty)
  }

  @Test func aDeliveryFindsTheJobWhoseAnswerWasLost() async throws {
    let store = try OrderedStore()
    try store.noteUnanswered(try store.send("j1"))
    try store.deliver("a", .running, naming: "j1")
    store.advance(OrderedStore.aWhile)
    #expect(try await store.order("j1").stage == .submitted)
    #expect(try store.steps().isEmpty)
  }

  @Test func aDeliveryOfAnotherPredictionIsAStray() async throws {
    let store = try OrderedStore()
    let step = try store.send("j1")
    try store.report(step.order.number, .pending)
    let stray = try store.deliver("a", of: "p2", .running, naming: "j1")
    #expect(stray.isStray && stray.jobID == "p2")
    #expect(try await store.job("j1").state == .pending)
    #expect(try await store.job("p2").origin == nil)
    // So is one that names an unknown job, or a job that ended without a prediction.
    #expect(try store.deliver("b", of: "p3", .running, naming: "nobody").isStray)
    try store.end(try store.send("j2"))
    #expect(try store.deliver("c", of: "p4", .running, naming: "j2").isStray)
    #expect(try await store.job("j2").state == .failed)
  }

  /// An answer merges the orphan that unbound deliveries created.
  @Test func anAnswerMergesTheOrphanOfUnboundDeliveries() async throws {
    let store = try OrderedStore()
    let step = try store.send("j1")
    try store.deliver("a", .pending)
    try store.deliver("b", .running, logs: 5)
    #expect(try await store.jobCount() == 2)
    let recording = try #require(try store.report(step.order.number, .pending))
    #expect(recording.jobID == "j1" && recording.state == .running && recording.outcome == .late)
    #expect(try await store.jobCount() == 1)
    let stored = try #require(try await store.reader.job("p1"))
    #expect(stored.job.id == "j1" && stored.job.snapshot?.evidence.logsSize == 5)
    #expect(String(decoding: stored.body, as: UTF8.self).contains(#""logs":5"#))
    #expect(try await store.outcomes("j1") == [.applied, .applied])
    #expect(try store.deliver("a", .pending).outcome == .duplicate)
    #expect(try store.deliver("c", .succeeded, naming: "j1").endsJob)
    #expect(try await store.outcomes("j1") == [.applied, .applied, .duplicate, .applied])
    // It has ended, so no check is due.
    #expect(try await store.reader.nextDue().check == nil)
  }

  @Test func aDeliveryThatNamesTheJobMergesTheOrphanToo() async throws {
    let store = try OrderedStore()
    _ = try store.send("j1")
    try store.deliver("a", .pending)
    let recording = try store.deliver("b", .running, naming: "j1")
    #expect(recording.jobID == "j1" && !recording.isStray)
    #expect(try await store.jobCount() == 1)
    #expect(try await store.outcomes("j1") == [.applied, .applied])
    #expect(try await store.order("j1").stage == .submitted)
  }

  /// An orphan's end is validated against the request.
  @Test(arguments: [true, false], [true, false])
  func anOrphansEndIsValidatedAgainstTheRequest(
    _ isBrokenByRules: Bool, _ isBrokenByRequest: Bool
  ) async throws {
    let ruleViolation = JobError(code: "invalid_output", message: "by the request")
    let store = try OrderedStore(validateOutput: { request, _, _ in
      request == Array("strict".utf8) ? ruleViolation : nil
    })
    try store.place("j1", request: isBrokenByRequest ? "strict" : "{}")
    let step = try store.step()
    try store.deliver(
      "a", .succeeded,
      ruleViolation: isBrokenByRules ? JobError(code: "invalid_output", message: "rules") : nil)
    try store.report(step.order.number, .pending)
    let job = try await store.job("j1")
    #expect(job.state == (isBrokenByRequest ? .failed : .succeeded))
    #expect(job.error == (isBrokenByRequest ? ruleViolation : nil))
  }

  /// Without rules in the request, the verdict of the general rules stands.
  @Test func anOrphanThatViolatesTheGeneralRulesStaysFailed() async throws {
    let store = try OrderedStore()
    let step = try store.send("j1")
    let ruleViolation = JobError(code: "invalid_output", message: "rules")
    try store.deliver("a", .succeeded, ruleViolation: ruleViolation)
    try store.report(step.order.number, .pending)
    #expect(try await store.job("j1").state == .failed)
    #expect(try await store.job("j1").error == ruleViolation)
  }

  @Test func anInterruptedOrphanIsRetried() async throws {
    let store = try OrderedStore()
    let step = try store.send("j1", retries: 1)
    try store.deliver("a", .failed, error: interruption)
    #expect(try store.report(step.order.number, .pending) == nil)
    let job = try await store.job("j1")
    #expect(job.attempt == 2 && job.state == .pending && job.snapshot == nil)
    #expect(try await store.order("j1").stage == .queued)
    #expect(try await store.order("j1").retriesLeft == 0)
    #expect(try await store.outcomes("j1") == [.applied])
    #expect(try store.deliver("b", .failed, error: interruption).outcome == .late)
  }

  /// The orphan's cancel request is adopted, without leaving a row.
  ///
  /// Its number may be reused.
  @Test func anOrphansCancelRequestIsAdopted() async throws {
    let store = try OrderedStore()
    let step = try store.send("j1")
    try store.deliver("a", .running)
    _ = try store.cancel("p1")
    try store.report(step.order.number, .pending)
    let cancel = try store.step()
    guard case .cancel("p1") = cancel.action else {
      Issue.record("\(cancel.action)")
      return
    }
    #expect(cancel.job.id == "j1")
    // The orphan has left no order, which another job of its number would inherit.
    #expect(try await store.reader.job("p1")?.order?.number == cancel.order.number)
    try store.place("j2")
    #expect(try await store.jobCount() == 2)
  }

  @Test func anOrphansLostWebhookIsUncountedOnDelivery() async throws {
    let store = try OrderedStore()
    let step = try store.send("j1")
    try store.deliver("a", .running)
    try store.report(.poll, try await store.number("p1"), .succeeded)
    try store.report(step.order.number, .pending)
    #expect(try await store.job("j1").endFoundByPolling)
    try store.deliver("b", .succeeded)
  }

  /// Only a create call or a search binds a prediction.
  ///
  /// A job's number may have been reused meanwhile.
  @Test func aPollNeverBinds() async throws {
    let store = try OrderedStore()
    try store.place("j1")
    let number = try await store.number("j1")
    #expect(try store.report(.poll, number, of: "p9", .running) == nil)
    #expect(try await store.job("j1").snapshot == nil)
    #expect(try await store.order("j1").stage == .queued)
    #expect(try store.report(.poll, 999, of: "p9", .running) == nil)
  }
}
