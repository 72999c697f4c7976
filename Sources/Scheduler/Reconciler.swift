internal import Ledger
internal import Jobs
internal import Logging
internal import Observability
internal import StoreSeam
internal import Time

/// Reconciles open jobs with the provider: claims polls, finds stale jobs.
final class Reconciler {
  private let store: SchedulerStore
  private let limit: RateLimit
  private let policy: SchedulerPolicy
  private let metrics: SchedulerMetrics
  private let logger: Logger
  private var random: any RandomNumberGenerator
  /// Claimed polls that wait for the rate limit.
  private var polls: [DuePolls.Poll] = []

  init(
    store: SchedulerStore, limit: RateLimit, policy: SchedulerPolicy, metrics: SchedulerMetrics,
    logger: Logger, random: any RandomNumberGenerator
  ) {
    self.random = random
    self.limit = limit
    self.store = store
    self.policy = policy
    self.metrics = metrics
    self.logger = logger
  }

  var hasRoom: Bool { polls.count < policy.maxWaitingPolls }
  var hasWaitingPolls: Bool { !polls.isEmpty }

  /// Checks the jobs that are due, and claims their polls.
  ///
  /// - Parameters:
  ///   - due: when the first check is due.
  ///   - clockSetAt: when the wall clock was last set, if it was.
  func runOnce(now: ClockReading, due: Timestamp?, clockSetAt: Timestamp?) async throws(StorageError) {
    guard let due, due <= now.wall, hasRoom else { return }
    let claimed = try await claim(at: now, clockSetAt)
    metrics.staleJobs.add(claimed.stale.count)
    for job in claimed.stale { logger.log(.jobBecameStale(job)) }
    polls += claimed.polls
  }

  /// Removes and returns a claimed poll.
  func nextPoll() -> DuePolls.Poll? { polls.popLast() }

  private func claim(at now: ClockReading, _ clockSetAt: Timestamp?) async throws(StorageError) -> DuePolls {
    do throws(StorageError) {
      return try await claim(at: now, clockSetAt, limit: policy.maxClaimedJobs)
    } catch {
      guard !error.concernsWholeStore else { throw error }
      return try await claimEach(at: now, clockSetAt)
    }
  }

  /// Claims each job by itself, and skips faulty rows.
  private func claimEach(
    at now: ClockReading, _ clockSetAt: Timestamp?
  ) async throws(StorageError) -> DuePolls {
    var all = DuePolls()
    for _ in 0..<policy.maxClaimedJobs {
      do throws(StorageError) {
        let one = try await claim(at: now, clockSetAt, limit: 1)
        all.stale += one.stale
        all.polls += one.polls
        guard one.hasMore else { break }
      } catch {
        let moment = try store.skipFaultyRow("job", at: now.wall, error)
        try await store.write { transaction throws(StorageError) in
          try transaction.deferFirstCheck(at: now.wall, until: moment)
        }
      }
    }
    return all
  }

  private func claim(
    at now: ClockReading, _ clockSetAt: Timestamp?, limit count: Int
  ) async throws(StorageError) -> DuePolls {
    // Drawn here, because the transaction runs on another thread, and again where its commit is retried.
    let jitter = (0..<count).map { _ in Double.random(in: -1...1, using: &random) }
    let (claimed, pausedUntil) = try await store.write {
      transaction throws(StorageError) -> (DuePolls, Timestamp?) in
      if let moment = try transaction.sharedPauseOfCalls(at: now.wall) { return (DuePolls(), moment) }
      var next = jitter.makeIterator()
      let claimed = try transaction.claimDuePolls(at: now.wall, clockSetAt: clockSetAt, limit: count) {
        next.next() ?? 0
      }
      return (claimed, nil)
    }
    limit.notePause(ofCallsUntil: pausedUntil, at: now)
    return claimed
  }
}
