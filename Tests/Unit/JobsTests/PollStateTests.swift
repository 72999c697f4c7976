import Jobs
import Samples
import Testing
@testable import Time

@Suite struct PollStateTests {
  /// A stale job without a prediction has no next check.
  ///
  /// Learning the prediction schedules one.
  @Test func aStaleJobIsCheckedAgainOnceItsPredictionIsKnown() throws {
    let time = { (milliseconds: Int64) in Timestamp(milliseconds: milliseconds) }
    let policy = PollPolicy(timeout: 1000, firstPoll: 500)
    var job = Job(createdHere: Job.Origin(id: "a", createdAt: time(0)), model: nil)
    let check = { (now: Int64, job: inout Job) in
      job.check(at: time(now), policy: policy, clockSetAt: nil, timeout: nil, jitter: 0)
    }
    #expect(check(1000, &job).becameStale)
    #expect(job.pollState.dueAt == nil)
    let snapshot = Snapshot(
      predictionID: "p", providerStatus: "starting", phase: .pending, model: nil,
      evidence: Evidence(logsSize: 0, outputSize: 0, digest: .repeating(1)))
    _ = job.merge(snapshot, from: .answer, receivedAt: time(3000))
    #expect(job.state == .pending)
    #expect(job.pollState.dueAt == time(3000))
    #expect(!check(3000, &job).needsPoll)
    #expect(job.pollState.dueAt == time(3500))
    #expect(check(3500, &job).needsPoll)
  }
}
