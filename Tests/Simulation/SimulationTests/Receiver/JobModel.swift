import Jobs
@testable import Time

/// The state a job must have after its deliveries, in history order.
///
/// It is written from the documented guarantees, not from the code that keeps them.
struct JobModel {
  struct Row {
    let event: Event
    let receivedAt: Timestamp
  }

  private(set) var phase = Phase.pending
  private(set) var revision: Int64 = 0
  /// The newest snapshot, with erased members restored from earlier ones.
  private(set) var newest: Event?
  private(set) var updatedAt = Timestamp(milliseconds: 0)
  private var firstDigests: [String: BodyDigest] = [:]

  /// - Returns: the outcome of the delivery.
  mutating func add(_ row: Row) -> DeliveryOutcome {
    let event = row.event
    if let first = firstDigests[event.webhookID] { return first == event.digest ? .duplicate : .conflict }
    firstDigests[event.webhookID] = event.digest
    let claimed = Self.phases[event.status]
    guard let current = newest else {
      phase = claimed ?? .pending
      take(row, newest: event)
      return claimed == nil ? .unknownStatus : .applied
    }
    if Self.isEnd(phase) {
      guard let claimed else { return .unknownStatus }
      return Self.isEnd(claimed) && claimed != phase ? .conflict : .late
    }
    let kept = event.isDataRemoved ? event.restored(from: current) : event
    let isNewest = Self.order(current, kept)
    let advances = claimed.map { Self.progress($0) > Self.progress(phase) } ?? false
    if let claimed, advances { phase = claimed }
    if isNewest || advances { take(row, newest: isNewest ? kept : nil) }
    return claimed == nil ? .unknownStatus : isNewest || advances ? .applied : .late
  }

  private mutating func take(_ row: Row, newest event: Event?) {
    if let event { newest = event }
    revision += 1
    updatedAt = max(updatedAt, row.receivedAt)
  }

  private static let phases: [String: Phase] = [
    "starting": .pending, "processing": .running, "succeeded": .succeeded, "failed": .failed,
    "canceled": .canceled, "aborted": .canceled,
  ]

  private static func isEnd(_ phase: Phase) -> Bool { progress(phase) == 2 }

  private static func progress(_ phase: Phase) -> Int {
    switch phase {
    case .pending: 0
    case .running: 1
    case .succeeded, .failed, .canceled: 2
    }
  }

  /// Whether `right`, which came later, is newer than `left`.
  ///
  /// It is when it shows more progress, or as much in another body. An unknown status counts as running.
  private static func order(_ left: Event, _ right: Event) -> Bool {
    func measure(_ event: Event) -> [Int] {
      [phases[event.status].map(progress) ?? 1, event.logsSize, event.outputSize]
    }
    return left.body != right.body && !measure(right).lexicographicallyPrecedes(measure(left))
  }
}
