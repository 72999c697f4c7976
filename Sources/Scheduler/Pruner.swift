internal import Ledger
internal import Jobs
internal import Logging
internal import Observability
internal import StoreSeam
internal import Time

/// Deletes ended jobs after their retention.
final class Pruner {
  private let clock: SchedulerClock
  private let store: SchedulerStore
  private let policy: SchedulerPolicy
  private let metrics: SchedulerMetrics
  private let logger: Logger
  private var schedule: PruneSchedule
  /// Jobs deleted in the present pass.
  private var deleted = 0

  init(
    store: SchedulerStore, policy: SchedulerPolicy, metrics: SchedulerMetrics, logger: Logger,
    clock: SchedulerClock
  ) {
    self.clock = clock
    self.store = store
    self.policy = policy
    self.metrics = metrics
    self.logger = logger
    schedule = PruneSchedule(now: clock.now.monotonic, pause: policy.firstPrunePause)
  }

  /// Makes the step that is due, if any.
  func runOnce(now: ClockReading) async throws(StorageError) {
    guard let cursor = schedule.cursor(at: now.monotonic) else { return }
    let time = now.wall
    let limit = time.advanced(byMilliseconds: -policy.retentionMilliseconds)
    let replayLimit = time.advanced(byMilliseconds: -policy.replayMilliseconds)
    let (count, lease) = (policy.maxPrunedJobs, policy.dutyLease)
    let step = try await store.write { transaction throws(StorageError) in
      guard try transaction.holdsLease(SchedulerPolicy.duty, for: lease, at: time) else {
        return PruneStep(deleted: 0, next: nil)
      }
      return try transaction.prune(
        endedBefore: limit, at: time, after: cursor, count: count, deliveredBefore: replayLimit)
    }
    metrics.prunedJobs.add(step.deleted)
    schedule.note(step.next, at: clock.now.monotonic)
    log(step, endedBefore: limit)
  }

  func noteClockJump(at now: MonotonicTime) { schedule.postpone(at: now) }

  func delay(at now: MonotonicTime) -> Duration { schedule.delay(at: now) }

  /// Logs a pass's first deletion, and their number at its end.
  private func log(_ step: PruneStep, endedBefore limit: Timestamp) {
    if deleted == 0, step.deleted > 0 {
      logger.log(.pruningBegan(endedBefore: limit))
    }
    deleted += step.deleted
    guard step.next == nil, deleted > 0 else { return }
    logger.log(.pruningEnded(count: deleted))
    deleted = 0
  }
}

/// When to prune: a pass an hour, in short steps. A value.
struct PruneSchedule {
  static let passPause = Duration.seconds(3600)
  /// Room for other commits between two steps.
  private static let stepPause = Duration.milliseconds(50)

  private var dueAt: MonotonicTime
  private var position: Int64 = 0

  /// - Parameter pause: until the first pass. The clock may be wrong at the start, as on a machine without
  ///   one.
  init(now: MonotonicTime, pause: Duration = passPause) {
    dueAt = now + pause
  }

  /// The position of the due step; nil if none is due.
  func cursor(at now: MonotonicTime) -> Int64? { dueAt <= now ? position : nil }

  /// - Parameter next: the position of the pass's next step; nil at its end.
  mutating func note(_ next: Int64?, at now: MonotonicTime) {
    position = next ?? 0
    dueAt = now + (next == nil ? Self.passPause : Self.stepPause)
  }

  /// Postpones pruning after a jump of the wall clock.
  ///
  /// The clock may be wrong now.
  mutating func postpone(at now: MonotonicTime) {
    dueAt = max(dueAt, now + Self.passPause)
  }

  /// The time until a step is due.
  func delay(at now: MonotonicTime) -> Duration { max(.zero, dueAt - now) }
}
