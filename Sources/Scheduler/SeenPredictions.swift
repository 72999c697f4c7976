internal import Synchronization

/// Predictions that were looked at one by one, and what came of it: no search asks for one of them again.
final class SeenPredictions: Sendable {
  enum Finding: Sendable {
    /// Its webhook names no job of this daemon.
    case foreign
    /// Its webhook names this job, which may not have been searched for yet.
    case job(String)
    /// Even the answer about it alone shows no webhook: it may be anybody's.
    case unmarked
  }

  private let findings = Mutex<[String: Finding]>([:])
  /// About 1 MB. Beyond it everything is forgotten, and asked for again where it matters.
  private static let maxFindings = 10_000

  subscript(id: String) -> Finding? { findings.withLock { $0[id] } }

  func note(_ finding: Finding, of id: String) {
    findings.withLock { findings in
      if findings.count >= Self.maxFindings { findings.removeAll() }
      findings[id] = finding
    }
  }
}
