import Testing
@testable import Time

@testable import Jobs

/// Times are in seconds here.
private func time(_ seconds: Double) -> Timestamp { Timestamp(milliseconds: Int64(seconds * 1000)) }

private func policy(timeout: Int64 = 900, firstPoll: Int64? = 30, longestPause: Int64 = 600) -> WatchPolicy {
  WatchPolicy(
    timeout: timeout * 1000, firstPoll: firstPoll.map { $0 * 1000 }, longestPause: longestPause * 1000)
}

private func snapshot(_ phase: Phase, logs: Int) -> Snapshot {
  guard let digest = BodyDigest(bytes: Array(repeating: 1, count: 32)) else {
    preconditionFailure("32 bytes")
  }
  return Snapshot(
    predictionID: "p1", providerStatus: phase.rawValue, phase: phase,
    evidence: Evidence(logsSize: logs, outputSize: 0, digest: digest))
}

private func unknown(_ status: String, logs: Int, seed: UInt8) -> Snapshot {
  guard let digest = BodyDigest(bytes: Array(repeating: seed, count: 32)) else {
    preconditionFailure("32 bytes")
  }
  return Snapshot(
    predictionID: "p1", providerStatus: status, phase: nil,
    evidence: Evidence(logsSize: logs, outputSize: 0, digest: digest))
}

/// A job that was first heard of at 1000 seconds.
private func job(_ policy: WatchPolicy, timeout: Int64? = nil) -> Job {
  Job(
    firstSeenIn: snapshot(.running, logs: 1), receivedAt: time(1000),
    firstLook: policy.firstLook(after: time(1000), timeout: timeout.map { $0 * 1000 }))
}

extension Job {
  fileprivate mutating func look(
    atSecond now: Double, _ policy: WatchPolicy, clockSetAt: Double? = nil, timeout: Int64? = nil,
    jitter: Double = 0
  ) -> Look {
    look(
      at: time(now), policy: policy, clockSetAt: clockSetAt.map(time), timeout: timeout.map { $0 * 1000 },
      jitter: jitter)
  }

  fileprivate var dueSecond: Double? { watch.dueAt.map { Double($0.milliseconds) / 1000 } }

  /// Seconds at which the provider is asked until `end`, if each look is made when it is due and nothing is heard.
  fileprivate mutating func questions(_ policy: WatchPolicy, until end: Double, timeout: Int64? = nil)
    -> [Double]
  {
    var asked: [Double] = []
    while let due = dueSecond, due <= end {
      if look(atSecond: due, policy, timeout: timeout).asks { asked.append(due - 1000) }
    }
    return asked
  }
}

@Suite struct LookTests {
  /// Each pause is twice the last, up to half the window while the job is not stale, and up to the longest pause.
  @Test(
    arguments: [
      (policy(), nil, [30, 90, 210, 450, 900, 1500, 2100]),
      (policy(longestPause: 100), nil, [30, 90, 190, 290, 390]),
      // Two questions fit into the window, however long the first pause would be.
      (policy(timeout: 60), nil, [30, 60]), (policy(timeout: 60, firstPoll: 40), nil, [30, 60]),
      (policy(timeout: 60, firstPoll: 3600), nil, [30, 60]),
      // The job's own window counts.
      (policy(firstPoll: 3600), 100, [50, 100]), (policy(timeout: 60, firstPoll: 40), 1000, [40, 120, 280]),
      // In a window of a second there is room for none: the job is stale first.
      (policy(timeout: 1), nil, [30, 90]),
    ] as [(WatchPolicy, Int64?, [Double])])
  func questionsComeAfterPauses(_ policy: WatchPolicy, _ timeout: Int64?, _ expected: [Double]) {
    var job = job(policy, timeout: timeout)
    let asked = job.questions(policy, until: 1000 + 5000, timeout: timeout)
    #expect(Array(asked.prefix(expected.count)) == expected)
  }

  @Test func aStaleJobIsAskedAboutForEverWithPausesUpToTheLongest() {
    var job = job(policy())
    let asked = job.questions(policy(), until: 101_000)
    #expect(job.state == .stale)
    let pauses = zip(asked.dropFirst(6), asked.dropFirst(5)).map { $0 - $1 }
    #expect(pauses.count > 100 && pauses.allSatisfy { $0 == 600 })
  }

  @Test func withoutAProviderAJobOnlyBecomesStale() {
    let alone = policy(firstPoll: nil)
    var job = job(alone)
    #expect(job.dueSecond == 1900)
    #expect(job.look(atSecond: 1899.999, alone) == Job.Look(becameStale: false, asks: false))
    #expect(job.state == .running && job.dueSecond == 1900)
    #expect(job.look(atSecond: 1900, alone) == Job.Look(becameStale: true, asks: false))
    #expect(job.state == .stale && job.watch.staleAt == time(1900) && job.watch.dueAt == nil)
    #expect(job.look(atSecond: 9999, alone) == Job.Look(becameStale: false, asks: false))
    #expect(job.revision == 2)
  }

  /// A job that nobody looks at any more is looked at again once there is news of it, and may become stale again.
  @Test(arguments: [SnapshotSource.webhook, .answer])
  func newsOfAJobThatNobodyLooksAtBringsItBack(_ source: SnapshotSource) {
    let alone = policy(firstPoll: nil)
    var job = job(alone)
    _ = job.look(atSecond: 1900, alone)
    _ = job.merge(snapshot(.running, logs: 2), from: source, receivedAt: time(5000))
    #expect(job.state == .running)
    #expect(job.watch.dueAt != nil)
    _ = job.look(atSecond: 5001, alone)
    #expect(job.dueSecond == 5900)
    #expect(job.look(atSecond: 5900, alone).becameStale)
  }

  /// The same where the provider can be asked, but the prediction was not known when the job became stale.
  @Test func anAnswerAfterStalenessBringsTheJobBack() {
    var job = Job(createdHere: Job.Origin(id: "j1", createdAt: time(1000)), model: nil)
    #expect(job.watch.dueAt == nil)
    job.noteSending(at: time(1000), firstLook: policy().firstLook(after: time(1000), timeout: nil))
    #expect(job.dueSecond == 1030)
    #expect(!job.look(atSecond: 1030, policy()).asks)
    #expect(job.dueSecond == 1900)
    #expect(job.look(atSecond: 1900, policy()) == Job.Look(becameStale: true, asks: false))
    #expect(job.watch.dueAt == nil)
    _ = job.merge(snapshot(.pending, logs: 0), from: .answer, receivedAt: time(2000))
    #expect(job.state == .pending)
    _ = job.look(atSecond: 2000, policy())
    #expect(job.dueSecond == 2030)
    #expect(job.look(atSecond: 2030, policy()).asks)
  }

  @Test func newsPutsTheNextQuestionOffAndStartsThePausesAnew() {
    var job = job(policy())
    #expect(job.look(atSecond: 1030, policy()).asks)
    _ = job.merge(snapshot(.running, logs: 2), receivedAt: time(1080))
    // It is looked at when it was due before, and found not to be due.
    #expect(!job.look(atSecond: 1090, policy()).asks)
    #expect(job.dueSecond == 1110)
    #expect(job.look(atSecond: 1110, policy()).asks)
    #expect(job.dueSecond == 1170)
  }

  /// Who answers that nothing has changed is not silent.
  @Test func anAnswerThatTellsNothingKeepsAJobFromBecomingStale() {
    var job = job(policy(timeout: 100))
    let revision = job.revision
    for _ in 0..<50 {
      guard let due = job.dueSecond else { break }
      let look = job.look(atSecond: due, policy(timeout: 100))
      #expect(!look.becameStale)
      if look.asks {
        let merge = job.merge(snapshot(.running, logs: 1), from: .poll, receivedAt: time(due))
        #expect(merge == Job.Merge(outcome: .late, changesJob: true, replacesSnapshot: false))
      }
    }
    #expect(job.dueSecond ?? 0 > 3000)
    #expect(job.revision == revision && job.state == .running)
  }

  /// A word that this version does not know may be an end: that the provider repeats it keeps no job from
  /// becoming stale, and starts no pauses anew, even where another member of the body differs each time.
  @Test(arguments: [true, false])
  func anUnknownWordThatIsRepeatedMakesAJobStale(_ isSameBody: Bool) {
    var job = job(policy())
    var (seed, asked): (UInt8, [Double]) = (1, [])
    while let due = job.dueSecond, due <= 1000 + 3000 {
      let look = job.look(atSecond: due, policy())
      #expect(look.becameStale == (due == 1930))
      guard look.asks else { continue }
      asked.append(due - 1000)
      seed += isSameBody && seed > 1 ? 0 : 1
      _ = job.merge(unknown("expired", logs: 1, seed: seed), from: .poll, receivedAt: time(due))
      #expect(job.snapshot?.providerStatus == "expired")
    }
    // It was new once, at 30 seconds; the look that was due by then finds out.
    #expect(Array(asked.prefix(6)) == [30, 90, 150, 270, 510, 930])
    #expect(job.state == .stale)
    // Another word is new, and so are more logs.
    for snapshot in [unknown("resting", logs: 1, seed: 90), unknown("resting", logs: 2, seed: 91)] {
      _ = job.look(atSecond: 9000, policy())
      #expect(job.state == .stale)
      _ = job.merge(snapshot, from: .poll, receivedAt: time(9000))
      #expect(job.state == .running && job.watch.polls == 0)
      _ = job.look(atSecond: 99_000, policy())
    }
  }

  /// Also where its body shows less than what is known, so that it is never shown.
  @Test func anUnknownWordWithShorterLogsMakesAJobStale() {
    var job = job(policy(timeout: 100))
    for second in [1030.0, 1090] {
      _ = job.look(atSecond: second, policy(timeout: 100))
      _ = job.merge(unknown("expired", logs: 0, seed: 2), from: .poll, receivedAt: time(second))
    }
    #expect(job.look(atSecond: 1100, policy(timeout: 100)).becameStale)
  }

  @Test(arguments: [(-1.0, 48.0), (0, 60), (1, 72), (0.5, 66)])
  func jitterMovesAQuestionByAFifthAtMost(_ jitter: Double, _ pause: Double) {
    var job = job(policy())
    _ = job.look(atSecond: 1030, policy(), jitter: jitter)
    #expect(job.dueSecond == 1030 + pause)
  }

  @Test func aJobThatEndedIsNotLookedAt() {
    var job = job(policy())
    _ = job.merge(snapshot(.succeeded, logs: 1), receivedAt: time(1001))
    let ended = job
    #expect(job.watch.dueAt == nil)
    #expect(job.look(atSecond: 9999, policy()) == Job.Look(becameStale: false, asks: false))
    #expect(job == ended)
  }
}

/// Wherever the wall clock is set, no job is stale before its window has really passed.
@Suite struct ClockJumpTests {
  /// A job is heard of at 1000 s; `before` seconds later the clock is set by `jump`; `after` seconds later it is looked at.
  @Test(
    arguments: [
      // Right after a leap of a day nothing is stale; its window begins when the clock was set.
      (100, 86_400, 1, false), (100, 86_400, 899, false), (100, 86_400, 900, true),
      (899, 3600, 800, false), (0, 900, 899, false),
      // Back: what was heard is in the future, and not yet long ago.
      (100, -86_400, 1, false), (100, -50, 700, false), (100, -50, 899, false), (899, -10, 500, false),
    ] as [(Double, Double, Double, Bool)])
  func noJobIsStaleEarly(_ before: Double, _ jump: Double, _ after: Double, _ isStale: Bool) {
    var job = job(policy())
    let setAt = 1000 + before + jump
    let look = job.look(atSecond: setAt + after, policy(), clockSetAt: setAt)
    #expect(look.becameStale == isStale)
  }

  /// However often it is looked at, at whatever reckoning, the time that has really passed is what counts.
  @Test(arguments: [-100_000.0, -3600, -900, -1, 1, 900, 3600, 100_000])
  func noneIsStaleBeforeItsWindowHasReallyPassed(_ jump: Double) {
    for before in stride(from: 0.0, to: 900, by: 90) {
      var job = job(policy())
      let setAt = 1000 + before + jump
      for after in stride(from: 0.0, to: 900 - before, by: 30) {
        #expect(!job.look(atSecond: setAt + after, policy(), clockSetAt: setAt).becameStale)
      }
    }
  }

  /// The daemon was down when the clock was set back: it cannot know.
  @Test func whatIsHeardInTheFutureIsNoReason() {
    var job = job(policy())
    #expect(!job.look(atSecond: 10, policy()).becameStale)
    #expect(job.dueSecond == 40)
  }
}
