import Simulation
import Testing
@testable import Time

@testable import Jobs

/// One prediction's snapshots, from any source, in any order and as often as it may be, with looks in between.
private enum Step: Hashable {
  case news(Int, SnapshotSource)
  /// A moment after the step before.
  case lookSoon
  /// When any job without news is overdue.
  case lookLate

  static let all: [Step] =
    Life.snapshots.indices.flatMap { index in SnapshotSource.allCases.map { .news(index, $0) } }
    + [.lookSoon, .lookLate]
}

private enum Life {
  static let snapshots = [
    snapshot("starting", .pending, logs: 0, seed: 9), snapshot("processing", .running, logs: 20, seed: 8),
    snapshot("processing", .running, logs: 90, seed: 7), snapshot("succeeded", .succeeded, logs: 5, seed: 1),
  ]
  static let end = 3

  private static func snapshot(_ status: String, _ phase: Phase, logs: Int, seed: UInt8) -> Snapshot {
    guard let digest = BodyDigest(bytes: Array(repeating: seed, count: 32)) else {
      preconditionFailure("32 bytes")
    }
    return Snapshot(
      predictionID: "p1", providerStatus: status, phase: phase, model: "m/\(seed)",
      evidence: Evidence(logsSize: logs, outputSize: 0, digest: digest))
  }
}

/// What anybody outside sees of a job.
private struct Sight: Equatable {
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

/// A job beside what it must be, reckoned from the steps alone.
private struct Course {
  static let policy = PollPolicy(timeout: 900_000, firstPoll: 30_000)

  var job: Job
  var now = Timestamp(milliseconds: 1_000_000)
  private var heard: Set<Int> = []
  private var endSource: SnapshotSource?
  private var isEndTold = false
  private var isStale = false
  private var lastChangingDelivery: Timestamp?

  init() {
    job = Job(createdHere: Job.Origin(id: "j1", createdAt: now), model: nil)
    job.noteSending(at: now, firstCheck: Self.policy.firstCheck(after: now, timeout: nil))
  }

  mutating func take(_ step: Step) {
    let (sight, revision) = (Sight(job), job.revision)
    now = now.advanced(byMilliseconds: step == .lookLate ? 3_600_000 : 1000)
    switch step {
    case .news(let index, let source): report(index, from: source, before: sight)
    case .lookSoon, .lookLate:
      let look = job.check(at: now, policy: Self.policy, clockSetAt: nil, timeout: nil, jitter: 0)
      if endSource == nil, step == .lookLate {
        #expect(look.becameStale == !isStale)
        isStale = true
        // Who has a prediction is asked for it, stale or not.
        #expect(look.needsPoll == !heard.isEmpty)
      }
      if endSource != nil { #expect(look == Job.Check(becameStale: false, needsPoll: false)) }
    }
    #expect(job.revision == revision + (Sight(job) == sight ? 0 : 1))
    check()
  }

  private mutating func report(_ index: Int, from source: SnapshotSource, before sight: Sight) {
    let merge = job.merge(Life.snapshots[index], from: source, receivedAt: now)
    let isFirstEnd = index == Life.end && endSource == nil
    #expect(merge.endsJob == isFirstEnd)
    #expect(merge.replacesSnapshot == (job.snapshot != sight.snapshot))
    if endSource != nil {
      #expect(merge.outcome == .late)
    } else if source != .webhook || Sight(job) != sight {
      isStale = false
    }
    if source == .webhook, Sight(job) != sight { lastChangingDelivery = now }
    if isFirstEnd { endSource = source }
    if index == Life.end, source == .webhook { isEndTold = true }
    heard.insert(index)
  }

  private func check() {
    let furthest = heard.max()
    if endSource != nil {
      #expect(job.phase == .succeeded && job.snapshot == Life.snapshots[Life.end])
    } else {
      #expect(job.phase == (furthest ?? 0 > 0 ? .running : .pending))
      #expect(job.snapshot == furthest.map { Life.snapshots[$0] })
    }
    #expect((job.state == .stale) == (isStale && endSource == nil))
    #expect(job.endFoundByPolling == (endSource?.isPolled == true && !isEndTold))
    #expect(job.lastDeliveryAt == lastChangingDelivery)
    // An open job is looked at again, unless it is overdue and there is nobody to ask.
    #expect((job.pollState.dueAt == nil) == (endSource != nil || isStale && heard.isEmpty))
    #expect(job.error == nil && job.id == "j1" && job.attempt == 1)
  }
}

@Suite struct LifeTests {
  /// No order of webhook, poll, answer and time ends elsewhere than the provider's own last word.
  @Test(arguments: 1...4)
  func everyShortCourseEndsWhereTheProviderSays(_ length: Int) {
    extend(Course(), by: length)
  }

  private func extend(_ course: Course, by length: Int) {
    guard length > 0 else { return }
    for step in Step.all {
      var next = course
      next.take(step)
      extend(next, by: length - 1)
    }
  }

  @Test(arguments: 0..<200)
  func everyLongCourseEndsWhereTheProviderSays(_ seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var course = Course()
    for _ in 0..<Int.random(in: 5...60, using: &random) {
      // The end comes late, so that there is a life before it.
      var step = Step.all.randomElement(using: &random) ?? .lookSoon
      if case .news(Life.end, _) = step, !random.happens(onceIn: 5) { step = .lookLate }
      course.take(step)
    }
    course.take(.news(Life.end, .poll))
    let ended = course.job
    #expect(ended.phase == .succeeded && ended.snapshot == Life.snapshots[Life.end])
  }
}
