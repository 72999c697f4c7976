internal import Replicate
internal import Synchronization
internal import System

/// Ids that only the route of trainings knows, found by this process.
///
/// The cache only saves calls: a missing id costs one more.
final class KnownTrainings: Sendable {
  private static let maxCount = 10_000

  private let ids = Lock(Set<String>())

  /// The order in which to call the two routes.
  func routes(for id: String) -> [ReplicateClient.Kind] {
    ids.withLock { $0.contains(id) } ? [.trainings, .predictions] : [.predictions, .trainings]
  }

  func insert(_ id: String) {
    ids.withLock { ids in
      if ids.count >= Self.maxCount { ids.removeAll() }
      ids.insert(id)
    }
  }
}

/// The results of predictions that searches fetched one by one.
///
/// No search fetches one of them again.
final class FetchedPredictions: Sendable {
  enum Finding: Sendable {
    /// Its webhook names no job of this daemon.
    case foreign
    /// Its webhook names this job, whose prediction may be searched for later.
    case job(String)
    /// The prediction itself shows no webhook, so it may be anybody's.
    case unattributed
  }

  private let findings = Mutex<[String: Finding]>([:])
  /// About 1 MB. At the limit, all are dropped and fetched again where needed.
  private static let maxFindings = 10_000

  subscript(id: String) -> Finding? { findings.withLock { $0[id] } }

  func note(_ finding: Finding, of id: String) {
    findings.withLock { findings in
      if findings.count >= Self.maxFindings { findings.removeAll() }
      findings[id] = finding
    }
  }
}
