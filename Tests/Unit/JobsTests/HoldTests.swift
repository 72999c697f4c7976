import Samples
import Testing
@testable import Time

@testable import Jobs

private let moment = Timestamp(milliseconds: 1000)
private let deadline = Timestamp(milliseconds: 9000)

private func snapshot(_ status: String, _ phase: Phase, seed: UInt8 = 1) -> Snapshot {
  Snapshot(
    predictionID: "p1", providerStatus: status, phase: phase,
    evidence: Evidence(logsSize: 0, outputSize: 0, digest: .repeating(seed)))
}

/// Successes that are held back.
@Suite struct HoldTests {
  private func held(after phase: Phase? = .running, from source: SnapshotSource = .webhook) -> Job {
    var job: Job
    if let phase {
      job = Job(
        firstSeenIn: snapshot(phase == .running ? "processing" : "starting", phase, seed: 2),
        receivedAt: moment, firstCheck: moment)
      _ = job.merge(snapshot("succeeded", .succeeded), from: source, receivedAt: moment)
    } else {
      job = Job(firstSeenIn: snapshot("succeeded", .succeeded), receivedAt: moment)
    }
    job.hold(until: deadline)
    return job
  }

  @Test(arguments: [nil, .pending, .running] as [Phase?])
  func `a held job runs, with what the provider reported`(_ phase: Phase?) {
    let job = held(after: phase)
    #expect(job.isHeld && job.isSettled && job.state == .running && job.error == nil)
    #expect(job.snapshot?.providerStatus == "succeeded" && !job.isEndedByDaemon)
    #expect(job.pollState.dueAt == deadline && job.pollState.staleAt == nil)
  }

  @Test func `only a success that has not ended is held`() {
    let running = Job(
      firstSeenIn: snapshot("processing", .running), receivedAt: moment, firstCheck: moment)
    let ended = Job(firstSeenIn: snapshot("succeeded", .succeeded), receivedAt: moment)
    #expect(!running.isHeld && !running.isSettled && !ended.isHeld && ended.isSettled)
  }

  /// What is reported of a held job is what is reported of an ended one.
  @Test(arguments: SnapshotSource.allCases)
  func `a later snapshot counts as after an end`(_ source: SnapshotSource) {
    for (status, phase) in [
      ("starting", .pending), ("processing", .running), ("succeeded", .succeeded), ("failed", .failed),
      ("canceled", .canceled),
    ] as [(String, Phase)] {
      var (job, ended) = (held(), held())
      ended.release(because: nil, at: moment)
      let later = snapshot(status, phase, seed: 3)
      let merge = job.merge(later, from: source, receivedAt: deadline)
      let other = ended.merge(later, from: source, receivedAt: deadline)
      #expect(merge == other)
      #expect(job == held() && !merge.replacesSnapshot && !merge.endsJob)
    }
  }

  @Test func `a delivery shows that a held end was not only found by polling`() {
    var job = held(from: .poll)
    #expect(job.endFoundByPolling)
    let merge = job.merge(snapshot("succeeded", .succeeded), receivedAt: moment)
    #expect(merge.changesJob)
    #expect(!job.endFoundByPolling && job.isHeld && job.pollState.dueAt == deadline)
  }

  @Test func `the daemon does not end a held job by its other rules`() {
    var job = held()
    let isEnded = job.end(.failed, because: JobError(code: "gone", message: nil), at: deadline)
    #expect(!isEnded)
    #expect(job == held())
  }

  @Test(arguments: [nil, JobError(code: "not_kept", message: "in time")])
  func `a release ends the job`(_ error: JobError?) {
    var job = held()
    job.release(because: error, at: deadline)
    #expect(job.phase == (error == nil ? .succeeded : .failed) && !job.isHeld && job.error == error)
    #expect(job.revision == held().revision + 1 && job.updatedAt == deadline)
    #expect(job.pollState.dueAt == nil && !job.isEndedByDaemon)
    // The provider's end counts for what arrives later.
    let late = job.merge(snapshot("succeeded", .succeeded, seed: 4), receivedAt: deadline)
    let conflict = job.merge(snapshot("failed", .failed), receivedAt: deadline)
    #expect(late.outcome == .late && conflict.outcome == .conflict)
  }
}
