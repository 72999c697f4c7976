internal import Replicate

/// Ids that only the route of trainings knows, found by this process.
///
/// The cache only saves calls: a missing id costs one more.
struct KnownTrainings {
  private static let maxCount = 10_000

  private var ids: Set<String> = []

  /// The order in which to call the two routes.
  func routes(for id: String) -> [ReplicateClient.Kind] {
    ids.contains(id) ? [.trainings, .predictions] : [.predictions, .trainings]
  }

  mutating func insert(_ id: String) {
    if ids.count >= Self.maxCount { ids.removeAll() }
    ids.insert(id)
  }
}

/// The results of predictions that searches fetched one by one.
///
/// No search fetches one of them again.
struct FetchedPredictions {
  enum Finding {
    /// Its webhook names no job of this daemon.
    case foreign
    /// Its webhook names this job, whose prediction may be searched for later.
    case job(String)
    /// The prediction itself shows no webhook, so it may be anybody's.
    case unattributed
  }

  private var findings: [String: Finding] = [:]
  /// About 1 MB. At the limit, all are dropped and fetched again where needed.
  private static let maxFindings = 10_000

  subscript(id: String) -> Finding? { findings[id] }

  mutating func note(_ finding: Finding, of id: String) {
    if findings.count >= Self.maxFindings { findings.removeAll() }
    findings[id] = finding
  }
}
