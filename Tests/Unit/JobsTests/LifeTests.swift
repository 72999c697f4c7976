import Samples
import Simulation
import Testing
@testable import Time

@testable import Jobs

/// A step of a scenario.
///
/// It is a snapshot of one prediction from any source, or a check.
private enum Step: Hashable {
  case snapshot(Int, SnapshotSource)
  /// A check one second after the step before.
  case checkSoon
  /// A check after the timeout of a job without activity.
  case checkLate

  static let all: [Step] =
    Life.snapshots.indices.flatMap { index in SnapshotSource.allCases.map { .snapshot(index, $0) } }
    + [.checkSoon, .checkLate]
}

private enum Life {
  static let snapshots = [
    snapshot("starting", .pending, logs: 0, seed: 9), snapshot("processing", .running, logs: 20, seed: 8),
    snapshot("processing", .running, logs: 90, seed: 7), snapshot("succeeded", .succeeded, logs: 5, seed: 1),
  ]
  static let end = 3

  private static func snapshot(_ status: String, _ phase: Phase, logs: Int, seed: UInt8) -> Snapshot {
    Snapshot(
      predictionID: "p1", providerStatus: status, phase: phase, model: "m/\(seed)",
      evidence: Evidence(logsSize: logs, outputSize: 0, digest: .repeating(seed)))
  }
}

/// The part of a job that the API shows.
private struct Observation: Equatable {
  let state: JobState
  let phase: Phase
  let snapshot: Snapshot?
  let model: String?
  let staleAt: Timestamp?

  init(_ job: Job) {
    (state, phase, snapshot) = (job.state, job.phase, job.snapshot)
    (model, staleAt) = (job.model, job.pollState.staleAt)
  }
}

/// A job, and its expected state derived from the steps alone.
private struct Scenario {
  static let policy = PollPolicy(timeout: 900_000, firstPoll: 30_000)

  var job: Job
  var now = Timestamp(milliseconds: 1_000_000)
  private var received: Set<Int> = []
  private var endSource: SnapshotSource?
  private var isEndDelivered = false
  private var isStale = false
  private var lastChangingDelivery: Timestamp?

  init() {
    job = Job(createdHere: Job.Origin(id: "j1", createdAt: now), model: nil)
    job.noteSending(at: now, firstCheck: Self.policy.firstCheck(after: now, timeout: nil))
  }

  mutating func take(_ step: Step) {
    let (observation, revision) = (Observation(job), job.revision)
    now = now.advanced(byMilliseconds: step == .checkLate ? 3_600_000 : 1000)
    switch step {
    case .snapshot(let index, let source): report(index, from: source, before: observation)
    case .checkSoon, .checkLate:
      let check = job.check(at: now, policy: Self.policy, clockSetAt: nil, timeout: nil, jitter: 0)
      if endSource == nil, step == .checkLate {
        #expect(check.becameStale == !isStale)
        isStale = true
        // A job with a prediction is polled, stale or not.
        #expect(check.needsPoll == !received.isEmpty)
      }
      if endSource != nil { #expect(check == Job.Check(becameStale: false, needsPoll: false)) }
    }
    #expect(job.revision == revision + (Observation(job) == observation ? 0 : 1))
    expectState()
  }

  private mutating func report(_ index: Int, from source: SnapshotSource, before observation: Observation) {
    let merge = job.merge(Life.snapshots[index], from: source, receivedAt: now)
    let isFirstEnd = index == Life.end && endSource == nil
    #expect(merge.endsJob == isFirstEnd)
    #expect(merge.replacesSnapshot == (job.snapshot != observation.snapshot))
    if endSource != nil {
      #expect(merge.outcome == .late)
    } else if source != .webhook || Observation(job) != observation {
      isStale = false
    }
    if source == .webhook, Observation(job) != observation { lastChangingDelivery = now }
    if isFirstEnd { endSource = source }
    if index == Life.end, source == .webhook { isEndDelivered = true }
    received.insert(index)
  }

  private func expectState() {
    let furthest = received.max()
    if endSource != nil {
      #expect(job.phase == .succeeded && job.snapshot == Life.snapshots[Life.end])
    } else {
      #expect(job.phase == (furthest ?? 0 > 0 ? .running : .pending))
      #expect(job.snapshot == furthest.map { Life.snapshots[$0] })
    }
    #expect((job.state == .stale) == (isStale && endSource == nil))
    #expect(job.endFoundByPolling == (endSource?.isPolled == true && !isEndDelivered))
    #expect(
      job.endedBy == endSource.flatMap { $0.isPolled ? EndSource.poll : EndSource(rawValue: $0.rawValue) })
    #expect(job.lastDeliveryAt == lastChangingDelivery)
    // An open job has a next check, unless it is stale without a prediction to poll.
    #expect((job.pollState.dueAt == nil) == (endSource != nil || isStale && received.isEmpty))
    #expect(job.error == nil && job.id == "j1" && job.attempt == 1)
  }
}

@Suite struct LifeTests {
  /// Every order of events ends with the provider's end.
  ///
  /// The events are webhook, poll, answer and time.
  @Test(arguments: 1...4)
  func everyShortScenarioEndsWithTheProvidersEnd(_ length: Int) {
    extend(Scenario(), by: length)
  }

  private func extend(_ scenario: Scenario, by length: Int) {
    guard length > 0 else { return }
    for step in Step.all {
      var next = scenario
      next.take(step)
      extend(next, by: length - 1)
    }
  }

  @Test(arguments: 0..<200)
  func everyLongScenarioEndsWithTheProvidersEnd(_ seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var scenario = Scenario()
    for _ in 0..<Int.random(in: 5...60, using: &random) {
      // The end is rare, so that other steps come before it.
      var step = Step.all.randomElement(using: &random) ?? .checkSoon
      if case .snapshot(Life.end, _) = step, !random.happens(onceIn: 5) { step = .checkLate }
      scenario.take(step)
    }
    scenario.take(.snapshot(Life.end, .poll))
    let ended = scenario.job
    #expect(ended.phase == .succeeded && ended.snapshot == Life.snapshots[Life.end])
  }
}
