internal import Jobs
internal import Logging
internal import Observability
internal import Store
internal import Time

/// Reconciles open jobs with the provider: claims polls, finds stale jobs.
struct Reconciler {
  private let store: SchedulerStore
  private let policy: DispatcherPolicy
  private let metrics: SchedulerMetrics
  private let logger: Logger
  /// Claimed polls that wait for a caller.
  private var polls: [DuePolls.Poll] = []

  init(store: SchedulerStore, policy: DispatcherPolicy, metrics: SchedulerMetrics, logger: Logger) {
    self.store = store
    self.policy = policy
    self.metrics = metrics
    self.logger = logger
  }

  var hasRoom: Bool { polls.count < policy.maxWaitingPolls }
  var hasWaitingPolls: Bool { !polls.isEmpty }

  /// - Parameter clockSetAt: when the wall clock was last set, if it was.
  mutating func runOnce(at now: Timestamp, clockSetAt: Timestamp?) throws(StoreError) {
    guard hasRoom else { return }
    let due = try claim(at: now, clockSetAt)
    metrics.staleJobs.add(due.stale.count)
    for job in due.stale { logger.log(.jobBecameStale(job)) }
    polls += due.polls
  }

  /// Assigns claimed polls to callers, as far as the rate limit allows.
  mutating func assignPolls(to callers: inout CallerPool) {
    while let poll = polls.last, callers.tryAssign(.poll(poll), at: MonotonicClock.now) { polls.removeLast() }
  }

  private func claim(at now: Timestamp, _ clockSetAt: Timestamp?) throws(StoreError) -> DuePolls {
    do throws(StoreError) {
      return try claim(at: now, clockSetAt, limit: policy.maxClaimedJobs)
    } catch {
      guard !error.concernsWholeStore else { throw error }
      return try claimEach(at: now, clockSetAt)
    }
  }

  /// Claims each job by itself, and skips faulty rows.
  private func claimEach(at now: Timestamp, _ clockSetAt: Timestamp?) throws(StoreError) -> DuePolls {
    var all = DuePolls()
    for _ in 0..<policy.maxClaimedJobs {
      do throws(StoreError) {
        let one = try claim(at: now, clockSetAt, limit: 1)
        all.stale += one.stale
        all.polls += one.polls
        guard one.hasMore else { break }
      } catch {
        let moment = try store.skipFaultyRow("job", at: now, error)
        try store.write { transaction throws(StoreError) in
          try transaction.deferFirstCheck(at: now, until: moment)
        }
      }
    }
    return all
  }

  private func claim(
    at now: Timestamp, _ clockSetAt: Timestamp?, limit: Int
  ) throws(StoreError) -> DuePolls {
    try store.write { transaction throws(StoreError) in
      try transaction.claimDuePolls(at: now, clockSetAt: clockSetAt, limit: limit) {
        Double.random(in: -1...1)
      }
    }
  }
}
