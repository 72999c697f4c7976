internal import Ledger
internal import Jobs
internal import StoreSeam
internal import Time

/// Claims the due steps of orders, as far as the rate limit allows.
final class OrderSubmitter {
  private let store: SchedulerStore
  private let limit: RateLimit
  private let policy: SchedulerPolicy

  /// The number of steps of each kind.
  private struct Share {
    var creates = 0
    var cancels = 0
    var searches = 0

    var isEmpty: Bool { creates + cancels + searches == 0 }
  }

  init(store: SchedulerStore, limit: RateLimit, policy: SchedulerPolicy) {
    self.store = store
    self.limit = limit
    self.policy = policy
  }

  /// Claims what is due.
  ///
  /// - Returns: the calls to start.
  func runOnce(now: ClockReading, due: NextDue) async throws(StorageError) -> [ProviderCall] {
    let share = share(due, at: now)
    guard !share.isEmpty else { return [] }
    let steps = try await claim(
      at: now, creates: share.creates, cancels: share.cancels,
      finds: share.searches * policy.maxSearchedOrders)
    let lost = steps.filter { $0.call == nil }
    return (lost.isEmpty ? [] : [.search(lost)]) + steps.compactMap(\.call)
  }

  /// Divides the calls that may start. A long queue of orders leaves half to searches and cancels.
  private func share(_ due: NextDue, at now: ClockReading) -> Share {
    var share = Share()
    let available = limit.available
    guard available > 0 else { return share }
    let isDue = { (moment: Timestamp?) in moment.map { $0 <= now.wall } ?? false }
    let others = min(max(1, available / 2), limit.availableCalls(at: now.monotonic))
    if !limit.isSearching, isDue(due.find) { share.searches = min(1, others) }
    if isDue(due.cancel) { share.cancels = others - share.searches }
    if isDue(due.create) {
      share.creates = min(
        available - share.searches - share.cancels, limit.availableCreates(at: now.monotonic))
    }
    return share
  }

  private func claim(
    at now: ClockReading, creates: Int, cancels: Int, finds: Int
  ) async throws(StorageError) -> [OrderStep] {
    do throws(StorageError) {
      return try await claimTogether(at: now, creates: creates, cancels: cancels, finds: finds)
    } catch {
      guard !error.concernsWholeStore else { throw error }
      var steps = try await claimEach(of: .submitted, cancels, at: now)
      steps += try await claimEach(of: .unanswered, finds, at: now)
      return try await steps + claimEach(of: .queued, creates, at: now)
    }
  }

  /// Claims each step of a stage by itself, and skips faulty rows.
  private func claimEach(
    of stage: OrderStage, _ maxCount: Int, at now: ClockReading
  ) async throws(StorageError) -> [OrderStep] {
    var steps: [OrderStep] = []
    for _ in 0..<maxCount {
      do throws(StorageError) {
        let step = try await claimTogether(
          at: now, creates: stage == .queued ? 1 : 0, cancels: stage == .submitted ? 1 : 0,
          finds: stage == .unanswered ? 1 : 0)
        guard !step.isEmpty else { break }
        steps += step
      } catch {
        let moment = try store.skipFaultyRow("order", at: now.wall, error)
        try await store.write { transaction throws(StorageError) in
          try transaction.deferFirstStep(of: stage, at: now.wall, until: moment)
        }
      }
    }
    return steps
  }

  private func claimTogether(
    at now: ClockReading, creates: Int, cancels: Int, finds: Int
  ) async throws(StorageError) -> [OrderStep] {
    let (lease, rate, moment) = (policy.stepLeaseMilliseconds, policy.createRate, now.wall)
    let (steps, shared) = try await store.write { transaction throws(StorageError) in
      let limits = try transaction.sharedLimits(rate, at: moment)
      let mayCall = limits.callsPausedUntil == nil
      let steps = try transaction.claimOrderSteps(
        at: moment, creates: min(creates, limits.creates), cancels: mayCall ? cancels : 0,
        finds: mayCall ? finds : 0, lease: lease)
      try transaction.take(steps.count(where: \.isCreate), rate, at: moment)
      return (steps, try transaction.sharedLimits(rate, at: moment))
    }
    limit.note(shared, at: now)
    return steps
  }
}
