internal import Jobs
internal import Ledger
internal import StoreSeam
internal import Time
internal import Work

/// What the processes that share a store may do together now.
struct SharedLimits: Equatable, Sendable {
  /// The create calls that may be claimed.
  var creates = Int.max
  /// When the next one may be claimed. Nil where nothing limits them.
  var nextCreate: Timestamp?
  /// Why none is claimed before.
  var reason = OrderReason.throttled
  /// Until when no other call may be made. Nil where they are not paused.
  var callsPausedUntil: Timestamp?

  /// The rows of the budgets.
  fileprivate static let (createBudget, callBudget) = ("creates", "calls")
  /// Tokens of other calls are each process's own: only a pause concerns them all.
  fileprivate static let callRate = Budget.Rate(perMinute: 1, burst: 0)
}

extension LedgerTransaction {
  /// - Parameter rate: that of the create calls of all processes together.
  func sharedLimits(_ rate: Budget.Rate, at now: Timestamp) throws(StorageError) -> SharedLimits {
    var limits = SharedLimits()
    guard isShared else { return limits }
    let budget = try budget(SharedLimits.createBudget, rate, at: now)
    var bucket = budget.bucket(rate, at: now)
    limits.creates = bucket.available(at: now)
    limits.nextCreate = now.advanced(by: bucket.delay(at: now))
    if bucket.isPaused(at: now), let reason = budget.pauseReason.flatMap(OrderReason.init) {
      limits.reason = reason
    }
    limits.callsPausedUntil = try sharedPauseOfCalls(at: now)
    return limits
  }

  /// Until when no call but creates may be made. Nil where they are not paused.
  func sharedPauseOfCalls(at now: Timestamp) throws(StorageError) -> Timestamp? {
    guard isShared else { return nil }
    let rate = SharedLimits.callRate
    let bucket = try budget(SharedLimits.callBudget, rate, at: now).bucket(rate, at: now)
    return bucket.isPaused(at: now) ? bucket.pausedUntil : nil
  }

  /// Takes the tokens of create calls that were claimed.
  func take(_ count: Int, _ rate: Budget.Rate, at now: Timestamp) throws(StorageError) {
    guard isShared, count > 0 else { return }
    try change(SharedLimits.createBudget, rate, at: now) { $0.take(count, at: now) }
  }

  /// Makes a pause that concerns the account hold for all processes.
  func share(_ pause: ProviderPause, _ rate: Budget.Rate, at now: Timestamp) throws(StorageError) {
    guard isShared else { return }
    let duration = Duration.seconds(pause.seconds)
    try change(SharedLimits.createBudget, rate, at: now, because: pause.reason) {
      $0.pause(for: duration, at: now)
    }
    guard !pause.affectsOnlyCreates else { return }
    try change(SharedLimits.callBudget, SharedLimits.callRate, at: now, because: pause.reason) {
      $0.pause(for: duration, at: now)
    }
  }

  private func change(
    _ name: String, _ rate: Budget.Rate, at now: Timestamp, because reason: OrderReason? = nil,
    _ body: (inout TokenBucket<Timestamp>) -> Void
  ) throws(StorageError) {
    var budget = try budget(name, rate, at: now)
    var bucket = budget.bucket(rate, at: now)
    body(&bucket)
    budget.note(bucket)
    budget.pauseReason = reason?.rawValue ?? budget.pauseReason
    put(budget)
  }
}
