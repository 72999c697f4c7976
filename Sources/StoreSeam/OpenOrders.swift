package import Jobs
package import Time
package import Work

/// The orders of which a step waits or is being done.
package struct OpenOrders: Equatable, Sendable {
  /// By stage. ``OrderStage/submitted`` has those whose cancellation is requested.
  package private(set) var counts: [OrderStage: Int] = [:]
  /// When the oldest order was accepted whose prediction is not known yet. Nil without one.
  package private(set) var oldest: Timestamp?

  package init() {}

  /// The stages that it has.
  package static let stages: [OrderStage] = [.queued, .sending, .unanswered, .submitted]

  /// Adds the orders whose step is `kind`.
  ///
  /// - Parameters:
  ///   - isClaimed: whether a process has claimed these steps.
  ///   - moment: when the first of the orders was accepted; nil where its job was not created here.
  package mutating func add(_ count: Int, _ kind: WorkKind, isClaimed: Bool, oldest moment: Timestamp?) {
    let stage: OrderStage
    switch kind {
    case .create: stage = isClaimed ? .sending : .queued
    case .search: stage = .unanswered
    default: stage = .submitted
    }
    counts[stage, default: 0] += count
    if stage != .submitted, let moment { oldest = min(oldest ?? moment, moment) }
  }
}
