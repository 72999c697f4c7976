/// One prediction or training, as the app may trust it.
///
/// A job is its newest snapshot, how far it has come, and our own bookkeeping. It changes only through
/// ``merge(_:receivedAt:)``, so its history alone decides what it is.
package struct Job: Hashable, Sendable {
  package private(set) var phase: Phase
  /// The snapshot that the job rests on. Its body is kept beside the job.
  package private(set) var snapshot: Snapshot
  /// Counts the changes, from 1.
  package private(set) var revision: Int64
  package private(set) var updatedAt: Timestamp
  /// When the last delivery that changed the job was received.
  package private(set) var lastDeliveryAt: Timestamp
  /// Since when a job that has not ended is overdue for news; nil while it is not.
  package private(set) var staleAt: Timestamp?

  /// A job as it was stored.
  package init(
    phase: Phase, snapshot: Snapshot, revision: Int64, updatedAt: Timestamp, lastDeliveryAt: Timestamp,
    staleAt: Timestamp?
  ) {
    self.phase = phase
    self.snapshot = snapshot
    self.revision = revision
    self.updatedAt = updatedAt
    self.lastDeliveryAt = lastDeliveryAt
    self.staleAt = staleAt
  }

  /// A job that is first heard of through `snapshot`.
  package init(firstSeenIn snapshot: Snapshot, receivedAt: Timestamp) {
    self.init(
      phase: snapshot.phase ?? .pending, snapshot: snapshot, revision: 1, updatedAt: receivedAt,
      lastDeliveryAt: receivedAt, staleAt: nil)
  }

  package var state: JobState {
    staleAt == nil || phase.isTerminal ? JobState(phase) : .stale
  }
}

extension Job {
  /// What became of a snapshot that was offered to a job.
  package struct Merge: Equatable, Sendable {
    package let outcome: DeliveryOutcome
    /// The job differs from what it was: store it.
    package let changesJob: Bool
    /// The job now rests on the offered snapshot: store its body too.
    package let replacesSnapshot: Bool

    static func ignored(_ outcome: DeliveryOutcome) -> Merge {
      Merge(outcome: outcome, changesJob: false, replacesSnapshot: false)
    }
  }

  /// The only place a job changes. Snapshots may repeat and may arrive in any order.
  ///
  /// Two things are kept, each the greatest of all that was offered, so that order cannot matter: the phase, and
  /// the newest snapshot. The first terminal snapshot takes both, and nothing follows it.
  package mutating func merge(_ offered: Snapshot, receivedAt: Timestamp) -> Merge {
    guard !phase.isTerminal else {
      guard let claimed = offered.phase else { return .ignored(.unknownStatus) }
      return .ignored(claimed.isTerminal && claimed != phase ? .conflict : .late)
    }
    let advances = offered.phase.map { $0.isTerminal || $0.rank > phase.rank } ?? false
    let isNewer = offered.isNewer(than: snapshot)
    if advances || isNewer {
      if let next = offered.phase, advances { phase = next }
      if isNewer { snapshot = offered }
      revision += 1
      updatedAt = max(updatedAt, receivedAt)
      lastDeliveryAt = max(lastDeliveryAt, receivedAt)
      staleAt = nil
    }
    let outcome: DeliveryOutcome =
      offered.phase == nil ? .unknownStatus : advances || isNewer ? .applied : .late
    return Merge(outcome: outcome, changesJob: advances || isNewer, replacesSnapshot: isNewer)
  }
}

extension Snapshot {
  /// A total order of the snapshots of one prediction that has not ended.
  ///
  /// An unknown status ranks with `running`: a status that is added later lies somewhere on the way, and hiding it
  /// behind `starting` would keep it from the user.
  fileprivate func isNewer(than other: Snapshot) -> Bool {
    let (left, right) = (phase?.rank ?? Phase.running.rank, other.phase?.rank ?? Phase.running.rank)
    return left == right ? evidence > other.evidence : left > right
  }
}

extension Phase {
  /// Progress as a number. All ends rank alike: none of them can follow another.
  fileprivate var rank: Int {
    switch self {
    case .pending: 0
    case .running: 1
    case .succeeded, .failed, .canceled: 2
    }
  }
}
