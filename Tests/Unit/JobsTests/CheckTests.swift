import Samples
import Testing
@testable import Time

@testable import Jobs

/// Times are in seconds here.
private func time(_ seconds: Double) -> Timestamp { Timestamp(milliseconds: Int64(seconds * 1000)) }

private func policy(timeout: Int64 = 900, firstPoll: Int64? = 30, maxInterval: Int64 = 600) -> PollPolicy {
  PollPolicy(
    timeout: timeout * 1000, firstPoll: firstPoll.map { $0 * 1000 }, maxInterval: maxInterval * 1000)
}

private func snapshot(_ phase: Phase, logs: Int) -> Snapshot {
  Snapshot(
    predictionID: "p1", providerStatus: phase.rawValue, phase: phase,
    evidence: Evidence(logsSize: logs, outputSize: 0, digest: .repeating(1)))
}

private func unknown(_ status: String, logs: Int, seed: UInt8) -> Snapshot {
  Snapshot(
    predictionID: "p1", providerStatus: status, phase: nil,
    evidence: Evidence(logsSize: logs, outputSize: 0, digest: .repeating(seed)))
}

/// A job whose first snapshot arrived at 1000 seconds.
private func job(_ policy: PollPolicy, timeout: Int64? = nil) -> Job {
  Job(
    firstSeenIn: snapshot(.running, logs: 1), receivedAt: time(1000),
    firstCheck: policy.firstCheck(after: time(1000), timeout: timeout.map { $0 * 1000 }))
}

extension Job {
  fileprivate mutating func check(
    atSecond now: Double, _ policy: PollPolicy, clockSetAt: Double? = nil, timeout: Int64? = nil,
    jitter: Double = 0
  ) -> Check {
    check(
      at: time(now), policy: policy, clockSetAt: clockSetAt.map(time), timeout: timeout.map { $0 * 1000 },
      jitter: jitter)
  }

  fileprivate var dueSecond: Double? { pollState.dueAt.map { Double($0.milliseconds) / 1000 } }

  /// The seconds of the polls until `end`.
  ///
  /// Each check is made when it is due, and nothing arrives.
  fileprivate mutating func pollTimes(_ policy: PollPolicy, until end: Double, timeout: Int64? = nil)
    -> [Double]
  {
    var polls: [Double] = []
    while let due = dueSecond, due <= end {
      if check(atSecond: due, policy, timeout: timeout).needsPoll { polls.append(due - 1000) }
    }
    return polls
  }
}

@Suite struct CheckTests {
  /// Each interval is twice the last, within bounds.
  ///
  /// It grows up to half the window until the job is stale, and up to `maxInterval`.
  @Test(
    arguments: [
      (policy(), nil, [30, 90, 210, 450, 900, 1500, 2100]),
      (policy(maxInterval: 100), nil, [30, 90, 190, 290, 390]),
      // Two polls fit into the window, however long the first interval would be.
      (policy(timeout: 60), nil, [30, 60]), (policy(timeout: 60, firstPoll: 40), nil, [30, 60]),
      (policy(timeout: 60, firstPoll: 3600), nil, [30, 60]),
      // The job's own window counts.
      (policy(firstPoll: 3600), 100, [50, 100]), (policy(timeout: 60, firstPoll: 40), 1000, [40, 120, 280]),
      // In a window of a second there is room for none: the job is stale first.
      (policy(timeout: 1), nil, [30, 90]),
    ] as [(PollPolicy, Int64?, [Double])])
  func pollsBackOffExponentially(_ policy: PollPolicy, _ timeout: Int64?, _ expected: [Double]) {
    var job = job(policy, timeout: timeout)
    let polls = job.pollTimes(policy, until: 1000 + 5000, timeout: timeout)
    #expect(Array(polls.prefix(expected.count)) == expected)
  }

  @Test func aStaleJobIsPolledAtMaxIntervalForever() {
    var job = job(policy())
    let polls = job.pollTimes(policy(), until: 101_000)
    #expect(job.state == .stale)
    let intervals = zip(polls.dropFirst(6), polls.dropFirst(5)).map { $0 - $1 }
    #expect(intervals.count > 100 && intervals.allSatisfy { $0 == 600 })
  }

  @Test func withoutAProviderAJobOnlyBecomesStale() {
    let alone = policy(firstPoll: nil)
    var job = job(alone)
    #expect(job.dueSecond == 1900)
    #expect(job.check(atSecond: 1899.999, alone) == Job.Check(becameStale: false, needsPoll: false))
    #expect(job.state == .running && job.dueSecond == 1900)
    #expect(job.check(atSecond: 1900, alone) == Job.Check(becameStale: true, needsPoll: false))
    #expect(job.state == .stale && job.pollState.staleAt == time(1900) && job.pollState.dueAt == nil)
    #expect(job.check(atSecond: 9999, alone) == Job.Check(becameStale: false, needsPoll: false))
    #expect(job.revision == 2)
  }

  /// A snapshot schedules a check for a job without one.
  ///
  /// The job may become stale again.
  @Test(arguments: [SnapshotSource.webhook, .answer])
  func activityResumesChecksOfAStaleJob(_ source: SnapshotSource) {
    let alone = policy(firstPoll: nil)
    var job = job(alone)
    _ = job.check(atSecond: 1900, alone)
    _ = job.merge(snapshot(.running, logs: 2), from: source, receivedAt: time(5000))
    #expect(job.state == .running)
    #expect(job.pollState.dueAt != nil)
    _ = job.check(atSecond: 5001, alone)
    #expect(job.dueSecond == 5900)
    #expect(job.check(atSecond: 5900, alone).becameStale)
  }

  /// The same with polling.
  ///
  /// The prediction was unknown when the job became stale.
  @Test func anAnswerResumesChecksOfAStaleJob() {
    var job = Job(createdHere: Job.Origin(id: "j1", createdAt: time(1000)), model: nil)
    #expect(job.pollState.dueAt == nil)
    job.noteSending(at: time(1000), firstCheck: policy().firstCheck(after: time(1000), timeout: nil))
    #expect(job.dueSecond == 1030)
    #expect(!job.check(atSecond: 1030, policy()).needsPoll)
    #expect(job.dueSecond == 1060)
    #expect(job.check(atSecond: 1900, policy()) == Job.Check(becameStale: true, needsPoll: false))
    #expect(job.pollState.dueAt == nil)
    _ = job.merge(snapshot(.pending, logs: 0), from: .answer, receivedAt: time(2000))
    #expect(job.state == .pending)
    _ = job.check(atSecond: 2000, policy())
    #expect(job.dueSecond == 2030)
    #expect(job.check(atSecond: 2030, policy()).needsPoll)
  }

  /// The first check comes before the answer, and finds no prediction to poll.
  @Test func aPredictionWithALateAnswerIsPolledBeforeTheTimeout() {
    var job = Job(createdHere: Job.Origin(id: "j1", createdAt: time(1000)), model: nil)
    job.noteSending(at: time(1000), firstCheck: policy().firstCheck(after: time(1000), timeout: nil))
    #expect(!job.check(atSecond: 1030, policy()).needsPoll)
    _ = job.merge(snapshot(.pending, logs: 0), from: .answer, receivedAt: time(1050))
    #expect(job.dueSecond == 1060)
    #expect(!job.check(atSecond: 1060, policy()).needsPoll)
    #expect(job.dueSecond == 1080)
    #expect(job.check(atSecond: 1080, policy()).needsPoll)
  }

  @Test func activityPostponesTheNextPollAndResetsTheBackoff() {
    var job = job(policy())
    #expect(job.check(atSecond: 1030, policy()).needsPoll)
    _ = job.merge(snapshot(.running, logs: 2), receivedAt: time(1080))
    // The check still happens at the old due time, and finds no poll due.
    #expect(!job.check(atSecond: 1090, policy()).needsPoll)
    #expect(job.dueSecond == 1110)
    #expect(job.check(atSecond: 1110, policy()).needsPoll)
    #expect(job.dueSecond == 1170)
  }

  /// A provider that answers "unchanged" is not silent.
  @Test func anUnchangedPollKeepsAJobFromBecomingStale() {
    var job = job(policy(timeout: 100))
    let revision = job.revision
    for _ in 0..<50 {
      guard let due = job.dueSecond else { break }
      let check = job.check(atSecond: due, policy(timeout: 100))
      #expect(!check.becameStale)
      if check.needsPoll {
        let merge = job.merge(snapshot(.running, logs: 1), from: .poll, receivedAt: time(due))
        #expect(merge == Job.Merge(outcome: .late, changesJob: true, replacesSnapshot: false))
      }
    }
    #expect(job.dueSecond ?? 0 > 3000)
    #expect(job.revision == revision && job.state == .running)
  }

  /// A repeated unknown status does not keep a job fresh.
  ///
  /// It may be an end.
  ///
  /// Nor does it reset the backoff, even where another member of the body differs each time.
  @Test(arguments: [true, false])
  func aRepeatedUnknownStatusMakesAJobStale(_ isSameBody: Bool) {
    var job = job(policy())
    var (seed, polls): (UInt8, [Double]) = (1, [])
    while let due = job.dueSecond, due <= 1000 + 3000 {
      let check = job.check(atSecond: due, policy())
      #expect(check.becameStale == (due == 1930))
      guard check.needsPoll else { continue }
      polls.append(due - 1000)
      seed += isSameBody && seed > 1 ? 0 : 1
      _ = job.merge(unknown("expired", logs: 1, seed: seed), from: .poll, receivedAt: time(due))
      #expect(job.snapshot?.providerStatus == "expired")
    }
    // It was new once, at 30 seconds; the check that was already due finds that out.
    #expect(Array(polls.prefix(6)) == [30, 90, 150, 270, 510, 930])
    #expect(job.state == .stale)
    // Another status is new, and so are more logs.
    for snapshot in [unknown("resting", logs: 1, seed: 90), unknown("resting", logs: 2, seed: 91)] {
      _ = job.check(atSecond: 9000, policy())
      #expect(job.state == .stale)
      _ = job.merge(snapshot, from: .poll, receivedAt: time(9000))
      #expect(job.state == .running && job.pollState.polls == 0)
      _ = job.check(atSecond: 99_000, policy())
    }
  }

  /// The same with a body that shows less than is known.
  ///
  /// The snapshot is never shown then.
  @Test func anUnknownStatusWithShorterLogsMakesAJobStale() {
    var job = job(policy(timeout: 100))
    for second in [1030.0, 1090] {
      _ = job.check(atSecond: second, policy(timeout: 100))
      _ = job.merge(unknown("expired", logs: 0, seed: 2), from: .poll, receivedAt: time(second))
    }
    #expect(job.check(atSecond: 1100, policy(timeout: 100)).becameStale)
  }

  @Test(arguments: [(-1.0, 48.0), (0, 60), (1, 72), (0.5, 66)])
  func jitterMovesAPollByAtMostAFifth(_ jitter: Double, _ pause: Double) {
    var job = job(policy())
    _ = job.check(atSecond: 1030, policy(), jitter: jitter)
    #expect(job.dueSecond == 1030 + pause)
  }

  @Test func anEndedJobIsNotChecked() {
    var job = job(policy())
    _ = job.merge(snapshot(.succeeded, logs: 1), receivedAt: time(1001))
    let ended = job
    #expect(job.pollState.dueAt == nil)
    #expect(job.check(atSecond: 9999, policy()) == Job.Check(becameStale: false, needsPoll: false))
    #expect(job == ended)
  }
}

/// A wall-clock jump makes no job stale before its window has elapsed.
@Suite struct ClockJumpTests {
  /// A clock that jumps between activity and check.
  ///
  /// Activity is at 1000 s; `before` s later the clock jumps by `jump`; the check is `after` s later.
  @Test(
    arguments: [
      // Right after a jump of a day nothing is stale; the window begins when the clock was set.
      (100, 86_400, 1, false), (100, 86_400, 899, false), (100, 86_400, 900, true),
      (899, 3600, 800, false), (0, 900, 899, false),
      // Back: the last activity lies in the future, so it is not long ago.
      (100, -86_400, 1, false), (100, -50, 700, false), (100, -50, 899, false), (899, -10, 500, false),
    ] as [(Double, Double, Double, Bool)])
  func noJobIsStaleEarly(_ before: Double, _ jump: Double, _ after: Double, _ isStale: Bool) {
    var job = job(policy())
    let setAt = 1000 + before + jump
    let check = job.check(atSecond: setAt + after, policy(), clockSetAt: setAt)
    #expect(check.becameStale == isStale)
  }

  /// However often the job is checked, only elapsed time counts.
  @Test(arguments: [-100_000.0, -3600, -900, -1, 1, 900, 3600, 100_000])
  func noJobIsStaleBeforeItsWindowHasElapsed(_ jump: Double) {
    for before in stride(from: 0.0, to: 900, by: 90) {
      var job = job(policy())
      let setAt = 1000 + before + jump
      for after in stride(from: 0.0, to: 900 - before, by: 30) {
        #expect(!job.check(atSecond: setAt + after, policy(), clockSetAt: setAt).becameStale)
      }
    }
  }

  /// No check postpones the next one by the old time, whether the jump was seen or not.
  @Test(arguments: [true, false])
  func `a job is polled and becomes stale after its clock was set back`(_ isSeen: Bool) throws {
    var job = job(policy())
    let setAt = -85_000.0
    var checks: [Double] = []
    var (now, staleAt): (Double, Double?) = (setAt, nil)
    while now < setAt + 2000 {
      let check = job.check(atSecond: now, policy(), clockSetAt: isSeen ? setAt : nil)
      if check.needsPoll { checks.append(now - setAt) }
      if check.becameStale { staleAt = now - setAt }
      now = try #require(job.dueSecond)
    }
    #expect(checks.first == 30 && checks.count > 3)
    #expect(staleAt == 900)
  }

  /// The daemon was down when the clock was set back.
  @Test func activityInTheFutureDoesNotMakeAJobStale() {
    var job = job(policy())
    #expect(!job.check(atSecond: 10, policy()).becameStale)
    #expect(job.dueSecond == 40)
  }
}
