internal import Jobs
internal import Store
internal import Time

/// Claims the due steps of orders, and assigns them to callers.
struct OrderSubmitter {
  private let store: SchedulerStore
  private let policy: DispatcherPolicy

  /// The number of steps of each kind.
  private struct Share {
    var creates = 0
    var cancels = 0
    var searches = 0

    var isEmpty: Bool { creates + cancels + searches == 0 }
  }

  init(store: SchedulerStore, policy: DispatcherPolicy) {
    self.store = store
    self.policy = policy
  }

  func runOnce(_ due: NextDue, at now: Timestamp, _ callers: inout CallerPool) throws(StoreError) {
    let monotonic = MonotonicClock.now
    let share = share(due, at: now, &callers, monotonic)
    guard !share.isEmpty else { return }
    let steps = try claim(
      at: now, creates: share.creates, cancels: share.cancels,
      finds: share.searches * policy.maxSearchedOrders)
    let lost = steps.filter { $0.call == nil }
    if !lost.isEmpty { callers.assign(.search(lost), at: monotonic) }
    for call in steps.compactMap(\.call) { callers.assign(call, at: monotonic) }
  }

  /// Divides the idle callers. A long queue of orders leaves half of them to searches and cancels.
  private func share(
    _ due: NextDue, at now: Timestamp, _ callers: inout CallerPool, _ monotonic: MonotonicTime
  ) -> Share {
    var share = Share()
    let available = callers.available
    guard available > 0 else { return share }
    let isDue = { (moment: Timestamp?) in moment.map { $0 <= now } ?? false }
    let others = min(max(1, available / 2), callers.availableCalls(at: monotonic))
    if !callers.isSearching, isDue(due.find) { share.searches = min(1, others) }
    if isDue(due.cancel) { share.cancels = others - share.searches }
    if isDue(due.create) {
      share.creates = min(
        available - share.searches - share.cancels, callers.availableCreates(at: monotonic))
    }
    return share
  }

  private func claim(
    at now: Timestamp, creates: Int, cancels: Int, finds: Int
  ) throws(StoreError) -> [OrderStep] {
    do throws(StoreError) {
      return try claimTogether(at: now, creates: creates, cancels: cancels, finds: finds)
    } catch {
      guard !error.concernsWholeStore else { throw error }
      return try claimEach(of: .submitted, cancels, at: now) + claimEach(of: .unanswered, finds, at: now)
        + claimEach(of: .queued, creates, at: now)
    }
  }

  /// Claims each step of a stage by itself, and skips faulty rows.
  private func claimEach(
    of stage: OrderStage, _ maxCount: Int, at now: Timestamp
  ) throws(StoreError) -> [OrderStep] {
    var steps: [OrderStep] = []
    for _ in 0..<maxCount {
      do throws(StoreError) {
        let step = try claimTogether(
          at: now, creates: stage == .queued ? 1 : 0, cancels: stage == .submitted ? 1 : 0,
          finds: stage == .unanswered ? 1 : 0)
        guard !step.isEmpty else { break }
        steps += step
      } catch {
        let moment = try store.skipFaultyRow("order", at: now, error)
        try store.write { transaction throws(StoreError) in
          try transaction.deferFirstStep(of: stage, at: now, until: moment)
        }
      }
    }
    return steps
  }

  private func claimTogether(
    at now: Timestamp, creates: Int, cancels: Int, finds: Int
  ) throws(StoreError) -> [OrderStep] {
    let lease = policy.stepLeaseMilliseconds
    return try store.write { transaction throws(StoreError) in
      try transaction.claimOrderSteps(
        at: now, creates: creates, cancels: cancels, finds: finds, lease: lease)
    }
  }
}
