import Jobs
import Samples
import Testing
@testable import Time

/// Snapshots of one prediction, different in every compared member.
private enum Life {
  static let starting = snapshot("starting", .pending, seed: 9)
  static let processing = snapshot("processing", .running, startedAt: 100, logs: 20, seed: 8)
  static let progressing = snapshot("processing", .running, startedAt: 100, logs: 90, output: 10, seed: 7)
  static let unknown = snapshot("hibernating", nil, startedAt: 100, logs: 50, seed: 6)
  static let succeeded = snapshot(
    "succeeded", .succeeded, startedAt: 100, completedAt: 200, logs: 5, output: 30, seed: 1)
  static let failed = snapshot(
    "failed", .failed, error: JobError(code: "unknown", message: "no"), completedAt: 210, logs: 90, seed: 2)
  static let canceled = snapshot("canceled", .canceled, completedAt: 220, logs: 90, seed: 3)

  static let running = [starting, processing, progressing, unknown]
  static let ends = [succeeded, failed, canceled]

  static func snapshot(
    _ status: String, _ phase: Phase?, error: JobError? = nil, startedAt: Int64? = nil,
    completedAt: Int64? = nil,
    logs: Int = 0, output: Int = 0, seed: UInt8
  ) -> Snapshot {
    Snapshot(
      predictionID: "p1", providerStatus: status, phase: phase, model: "m/\(seed)", error: error,
      createdAt: Timestamp(milliseconds: Int64(seed)),
      startedAt: startedAt.map(Timestamp.init(milliseconds:)),
      completedAt: completedAt.map(Timestamp.init(milliseconds:)),
      evidence: Evidence(logsSize: logs, outputSize: output, digest: .repeating(seed)))
  }
}

/// The job after `snapshots`, delivered in order at times 1, 2, 3…
private func job(after snapshots: [Snapshot]) -> (job: Job, outcomes: [DeliveryOutcome]) {
  var job = Job(firstSeenIn: snapshots[0], receivedAt: Timestamp(milliseconds: 1))
  var outcomes: [DeliveryOutcome] = []
  for (index, snapshot) in snapshots.enumerated().dropFirst() {
    outcomes.append(job.merge(snapshot, receivedAt: Timestamp(milliseconds: Int64(index + 1))).outcome)
  }
  return (job, outcomes)
}

/// Every sequence of `length` elements, with repetition.
private func sequences<Element>(of elements: [Element], length: Int) -> [[Element]] {
  guard length > 0 else { return [[]] }
  return sequences(of: elements, length: length - 1).flatMap { head in elements.map { head + [$0] } }
}

@Suite struct MergeTests {
  /// Any order and repetition of one prediction's deliveries yields the same job.
  ///
  /// That holds where rank or sizes differ, as here; a test below has equal ones.
  @Test(arguments: 1...5)
  func everyOrderAndRepetitionEndsInTheSameJob(_ length: Int) {
    var results: [Set<Int>: (phase: Phase, snapshot: Snapshot?)] = [:]
    let life = Life.running + [Life.succeeded]
    for order in sequences(of: Array(life.indices), length: length) {
      let job = job(after: order.map { life[$0] }).job
      let delivered = Set(order)
      if let earlier = results[delivered] {
        #expect(earlier.phase == job.phase && earlier.snapshot == job.snapshot, "\(order)")
      }
      results[delivered] = (job.phase, job.snapshot)
    }
  }

  @Test func theResultIsTheMaximumOfTheDeliveries() {
    for order in sequences(of: Life.running + [Life.succeeded], length: 4) {
      let job = job(after: order).job
      if order.contains(Life.succeeded) {
        #expect(job.snapshot == Life.succeeded && job.phase == .succeeded)
      } else {
        let isRunning = order.contains { $0.phase == .running }
        #expect(job.phase == (isRunning ? .running : .pending))
      }
    }
  }

  @Test(arguments: Life.ends)
  func nothingChangesAJobThatHasEnded(_ end: Snapshot) {
    let ended = Job(firstSeenIn: end, receivedAt: Timestamp(milliseconds: 1))
    for later in Life.running + Life.ends {
      var job = ended
      let merge = job.merge(later, receivedAt: Timestamp(milliseconds: 99))
      #expect(job == ended)
      #expect(!merge.changesJob && !merge.replacesSnapshot)
    }
  }

  @Test func anotherEndIsAConflictAndTheSameEndIsLate() {
    #expect(job(after: [Life.succeeded, Life.failed]).outcomes == [.conflict])
    #expect(job(after: [Life.failed, Life.succeeded]).outcomes == [.conflict])
    #expect(job(after: [Life.succeeded, Life.succeeded]).outcomes == [.late])
    #expect(job(after: [Life.succeeded, Life.processing]).outcomes == [.late])
    #expect(job(after: [Life.succeeded, Life.unknown]).outcomes == [.unknownStatus])
  }

  @Test func anUnknownStatusIsShownWithoutChangingThePhase() {
    let (job, outcomes) = job(after: [Life.starting, Life.unknown])
    #expect(outcomes == [.unknownStatus])
    #expect(job.state == .pending)
    #expect(job.snapshot?.providerStatus == "hibernating")
    #expect(Job(firstSeenIn: Life.unknown, receivedAt: Timestamp(milliseconds: 1)).state == .pending)
  }

  /// The unknown snapshot has longer logs and stays current.
  ///
  /// The known one still sets the phase.
  @Test func aStatusSetsThePhaseEvenWhereItsSnapshotIsNotTheNewest() {
    let (job, outcomes) = job(after: [Life.unknown, Life.processing])
    #expect(outcomes == [.applied])
    #expect(job.state == .running)
    #expect(job.snapshot == Life.unknown)
  }

  @Test func theRevisionCountsChangesOnly() {
    #expect(job(after: [Life.starting]).job.revision == 1)
    #expect(job(after: [Life.starting, Life.starting]).job.revision == 1)
    #expect(job(after: [Life.starting, Life.processing, Life.starting, Life.succeeded]).job.revision == 3)
  }

  @Test func longerLogsOrOutputAreNewer() {
    #expect(job(after: [Life.progressing, Life.processing]).outcomes == [.late])
    #expect(job(after: [Life.processing, Life.progressing]).outcomes == [.applied])
  }

  /// An unknown end with the logs of the `processing` before it.
  ///
  /// It must not be hidden.
  @Test(arguments: [(1, 2), (2, 1)] as [(UInt8, UInt8)])
  func `the later of two equal snapshots counts`(_ first: UInt8, _ second: UInt8) {
    let processing = Life.snapshot("processing", .running, logs: 20, seed: first)
    let expired = Life.snapshot("expired", nil, logs: 20, seed: second)
    let ended = job(after: [processing, expired])
    #expect(ended.outcomes == [.unknownStatus])
    #expect(ended.job.snapshot == expired && ended.job.revision == 2)
    #expect(job(after: [expired, processing]).job.snapshot == processing)
    // An identical body is nothing new.
    #expect(job(after: [processing, expired, expired]).job.revision == 2)
  }

  @Test func activityEndsStalenessAndARepeatDoesNot() {
    let stale = Job(
      origin: nil, phase: .running, snapshot: Life.processing, verdict: nil, model: nil, attempt: 1,
      revision: 2,
      updatedAt: Timestamp(milliseconds: 5), lastDeliveryAt: Timestamp(milliseconds: 5),
      pollState: PollState(
        lastActivityAt: Timestamp(milliseconds: 5), dueAt: nil, staleAt: Timestamp(milliseconds: 9)),
      endFoundByPolling: false, endSource: nil)
    #expect(stale.state == .stale)
    var repeated = stale
    _ = repeated.merge(Life.processing, receivedAt: Timestamp(milliseconds: 10))
    #expect(repeated.state == .stale)
    var moved = stale
    _ = moved.merge(Life.progressing, receivedAt: Timestamp(milliseconds: 10))
    #expect(moved.state == .running)
  }

  @Test func updatedAtNeverMovesBackwards() {
    var job = Job(firstSeenIn: Life.starting, receivedAt: Timestamp(milliseconds: 50))
    _ = job.merge(Life.processing, receivedAt: Timestamp(milliseconds: 20))
    #expect(job.updatedAt == Timestamp(milliseconds: 50))
  }

  @Test func aRedeliveryIsADuplicateOrAConflict() {
    #expect(DeliveryOutcome.redelivery(of: .repeating(1), as: .repeating(1)) == .duplicate)
    #expect(DeliveryOutcome.redelivery(of: .repeating(1), as: .repeating(2)) == .conflict)
  }
}
