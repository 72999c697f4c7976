import Jobs
import Testing
@testable import Time

@Suite struct WatchTests {
  /// Nobody could be asked about it, so that nobody looked after it any more: what is heard changes that.
  @Test func aStaleJobIsLookedAfterAgainOnceItsPredictionIsKnown() throws {
    let time = { (milliseconds: Int64) in Timestamp(milliseconds: milliseconds) }
    let policy = WatchPolicy(timeout: 1000, firstPoll: 500)
    var job = Job(createdHere: Job.Origin(id: "a", createdAt: time(0)), model: nil)
    let look = { (now: Int64, job: inout Job) in
      job.look(at: time(now), policy: policy, clockSetAt: nil, timeout: nil, jitter: 0)
    }
    #expect(look(1000, &job).becameStale)
    #expect(job.watch.dueAt == nil)
    let digest = try #require(BodyDigest(bytes: Array(repeating: 1, count: 32)))
    let snapshot = Snapshot(
      predictionID: "p", providerStatus: "starting", phase: .pending, model: nil,
      evidence: Evidence(logsSize: 0, outputSize: 0, digest: digest))
    _ = job.merge(snapshot, from: .answer, receivedAt: time(3000))
    #expect(job.state == .pending)
    #expect(job.watch.dueAt == time(3000))
    #expect(!look(3000, &job).asks)
    #expect(job.watch.dueAt == time(3500))
    #expect(look(3500, &job).asks)
  }
}
