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
