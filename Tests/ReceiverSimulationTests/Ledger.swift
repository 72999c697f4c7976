import EventLoop
import Jobs

/// What was sent, and what the daemon has said of it: all that may be expected of the store rests on this.
struct Ledger {
  /// One body under one id.
  struct Key: Hashable {
    let webhookID: String
    let digest: BodyDigest

    /// Few ids have two bodies.
    func hash(into hasher: inout Hasher) { hasher.combine(webhookID) }
  }

  struct Promise {
    /// Answers of 2xx.
    var acknowledgements = 0
    /// Those of them that said that it was the first of its id.
    var firsts = 0
  }

  private(set) var events: [Key: Event] = [:]
  private(set) var promises: [Key: Promise] = [:]
  private(set) var acknowledgedPredictions: Set<String> = []
  /// What readers were shown of each job, the furthest.
  private var shown: [String: Sight] = [:]

  struct Sight: Equatable {
    let revision: Int
    let state: String

    var isTerminal: Bool { ["succeeded", "failed", "canceled"].contains(state) }
  }

  mutating func announce(_ event: Event) {
    events[Key(webhookID: event.webhookID, digest: event.digest)] = event
  }

  mutating func acknowledge(_ event: Event, isDuplicate: Bool) {
    let key = Key(webhookID: event.webhookID, digest: event.digest)
    promises[key, default: Promise()].acknowledgements += 1
    if !isDuplicate { promises[key, default: Promise()].firsts += 1 }
    acknowledgedPredictions.insert(event.predictionID)
  }

  func sight(of predictionID: String) -> Sight? { shown[predictionID] }

  /// - Parameter earlier: what had been shown when the question was asked.
  /// - Returns: what is wrong; nil where nothing is.
  mutating func show(_ sight: Sight, of predictionID: String, after earlier: Sight?) -> String? {
    if let earlier {
      let isBack =
        sight.revision < earlier.revision || earlier.isTerminal && sight.state != earlier.state
        || sight.revision == earlier.revision && sight != earlier
        || earlier.state == "running" && sight.state == "pending"
      if isBack { return "\(predictionID) went back from \(earlier) to \(sight)" }
    }
    if sight.revision >= shown[predictionID]?.revision ?? 0 { shown[predictionID] = sight }
    return nil
  }
}
