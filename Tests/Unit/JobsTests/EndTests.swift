import Samples
import Testing
@testable import Time

@testable import Jobs

private let ruleViolation = JobError(code: "invalid_output", message: "output is empty")
private let moment = Timestamp(milliseconds: 1000)

private func snapshot(
  _ status: String, _ phase: Phase, ruleViolation: JobError? = nil, error: JobError? = nil, seed: UInt8 = 1
) -> Snapshot {
  Snapshot(
    predictionID: "p1", providerStatus: status, phase: phase, error: error, ruleViolation: ruleViolation,
    evidence: Evidence(logsSize: 0, outputSize: 0, digest: .repeating(seed)))
}

/// Ends that the daemon decided, and successes that violate a rule.
@Suite struct EndTests {
  private var running: Job {
    Job(firstSeenIn: snapshot("processing", .running), receivedAt: moment, firstCheck: moment)
  }

  @Test func aSuccessThatViolatesARuleIsAFailure() {
    var merged = running
    let merge = merged.merge(
      snapshot("succeeded", .succeeded, ruleViolation: ruleViolation), receivedAt: moment)
    #expect(merge.endsJob && merge.outcome == .applied)
    let first = Job(
      firstSeenIn: snapshot("succeeded", .succeeded, ruleViolation: ruleViolation), receivedAt: moment,
      firstCheck: moment)
    for job in [merged, first] {
      #expect(job.phase == .failed && job.state == .failed)
      #expect(job.verdict == ruleViolation && job.error == ruleViolation)
      #expect(job.snapshot?.providerStatus == "succeeded" && job.snapshot?.phase == .succeeded)
      #expect(job.pollState.dueAt == nil)
    }
  }

  /// The same end again is late.
  ///
  /// It does not matter whether it violates a rule by then.
  ///
  /// Another end from the provider is a conflict.
  @Test(
    arguments: [
      ("succeeded", .succeeded, true, .late), ("succeeded", .succeeded, false, .late),
      ("processing", .running, false, .late), ("failed", .failed, false, .conflict),
      ("canceled", .canceled, false, .conflict),
    ] as [(String, Phase, Bool, DeliveryOutcome)])
  func deliveriesAfterASuccessThatViolatedARule(
    _ status: String, _ phase: Phase, _ isBroken: Bool, _ outcome: DeliveryOutcome
  ) {
    var job = running
    _ = job.merge(snapshot("succeeded", .succeeded, ruleViolation: ruleViolation), receivedAt: moment)
    let ended = job
    let later = snapshot(status, phase, ruleViolation: isBroken ? ruleViolation : nil, seed: 2)
    #expect(job.merge(later, receivedAt: moment).outcome == outcome)
    #expect(job == ended)
  }

  @Test func aViolationCountsOnlyForASuccess() {
    var job = running
    let canceled = snapshot("canceled", .canceled, error: JobError(code: "x", message: nil))
    _ = job.merge(canceled, receivedAt: moment)
    #expect(job.phase == .canceled && job.verdict == nil && job.error?.code == "x")
  }

  @Test func theDaemonEndsAJobOnce() {
    var job = running
    let gone = JobError(code: "gone", message: nil)
    let later = moment.advanced(byMilliseconds: 5)
    let isEnded = job.end(.failed, because: gone, at: later)
    #expect(isEnded)
    #expect(job.phase == .failed && job.error == gone && job.revision == 2 && job.updatedAt == later)
    #expect(job.pollState.dueAt == nil && !job.endFoundByPolling && job.endedBy == .daemon)
    #expect(job.snapshot?.providerStatus == "processing")
    let ended = job
    let isEndedAgain = job.end(.canceled, because: gone, at: later)
    #expect(!isEndedAgain)
    #expect(job.merge(snapshot("processing", .running), receivedAt: later).outcome == .late)
    for source in [SnapshotSource.poll, .list, .answer] {
      let succeeded = snapshot("succeeded", .succeeded)
      #expect(job.merge(succeeded, from: source, receivedAt: later).outcome == .conflict)
      #expect(job.merge(snapshot("failed", .failed), from: source, receivedAt: later).outcome == .late)
    }
    #expect(job == ended)
  }

  /// A signed end takes precedence over the daemon's own, and then stands.
  @Test(
    arguments: [
      ("succeeded", .succeeded, .succeeded), ("failed", .failed, .failed), ("canceled", .canceled, .canceled),
    ] as [(String, Phase, JobState)], [true, false])
  func `a signed end replaces an end that the daemon decided once`(
    _ end: (String, Phase, JobState), _ hasPrediction: Bool
  ) {
    var job = hasPrediction ? running : Job(createdHere: Job.Origin(id: "j1", createdAt: moment), model: nil)
    _ = job.end(.failed, because: JobError(code: "gone", message: nil), at: moment)
    #expect(job.isEndedByDaemon)
    let (revision, later) = (job.revision, moment.advanced(byMilliseconds: 5))
    let signed = snapshot(end.0, end.1, error: JobError(code: "x", message: nil))
    let merge = job.merge(signed, receivedAt: later)
    #expect(merge.outcome == .applied && merge.endsJob && merge.replacesEnd && merge.replacesSnapshot)
    #expect(job.state == end.2 && job.snapshot == signed && job.verdict == nil && job.error?.code == "x")
    #expect(job.revision == revision + 1 && job.updatedAt == later && job.lastDeliveryAt == later)
    #expect(job.pollState.dueAt == nil && !job.isEndedByDaemon && job.endedBy == .webhook)
    let ended = job
    for other in [Phase.succeeded, .failed, .canceled] where other != end.1 {
      #expect(job.merge(snapshot(other.rawValue, other), receivedAt: later).outcome == .conflict)
    }
    #expect(job == ended)
  }

  @Test func `output rules apply to an end that replaces another`() {
    var job = running
    _ = job.end(.failed, because: JobError(code: "gone", message: nil), at: moment)
    _ = job.merge(snapshot("succeeded", .succeeded, ruleViolation: ruleViolation), receivedAt: moment)
    #expect(job.state == .failed && job.error == ruleViolation && !job.isEndedByDaemon)
    // A success that violates a rule is still the provider's end.
    #expect(job.merge(snapshot("failed", .failed, seed: 2), receivedAt: moment).outcome == .conflict)
  }

  @Test func anEndFoundByPollingIsDeliveredLater() {
    var job = running
    _ = job.merge(snapshot("succeeded", .succeeded), from: .poll, receivedAt: moment)
    #expect(job.endFoundByPolling)
    _ = job.merge(snapshot("succeeded", .succeeded), from: .poll, receivedAt: moment)
    _ = job.merge(snapshot("processing", .running), receivedAt: moment)
    #expect(job.endFoundByPolling)
    let revision = job.revision
    let merge = job.merge(snapshot("succeeded", .succeeded), receivedAt: moment)
    #expect(merge == Job.Merge(outcome: .late, changesJob: true, replacesSnapshot: false))
    #expect(!job.endFoundByPolling && job.revision == revision)
    #expect(job.endedBy == .poll)
  }

  @Test func anotherAttemptKeepsThePhaseAndDropsThePrediction() {
    var job = Job(createdHere: Job.Origin(id: "j1", createdAt: moment), model: "a/b")
    _ = job.merge(snapshot("processing", .running), receivedAt: moment)
    let (revision, later) = (job.revision, moment.advanced(byMilliseconds: 7))
    job.beginAttempt(at: later, endReportedBy: .webhook)
    #expect(job.phase == .running && job.snapshot == nil && job.attempt == 2)
    #expect(job.revision == revision + 1 && job.updatedAt == later && job.id == "j1")
    #expect(job.lastDeliveryAt == later && job.pollState == PollState(lastActivityAt: later, dueAt: nil))
    job.beginAttempt(at: later.advanced(byMilliseconds: 1), endReportedBy: .poll)
    #expect(job.lastDeliveryAt == later)
    _ = job.merge(snapshot("starting", .pending), receivedAt: later)
    #expect(job.phase == .running && job.snapshot?.providerStatus == "starting")
  }
}
