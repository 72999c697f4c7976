import EventLoop
import Jobs

/// What was sent and answered.
///
/// The required state of the store follows from it.
struct DeliveryLedger {
  /// One body under one id.
  struct Key: Hashable {
    let webhookID: String
    let digest: BodyDigest

    /// Few ids have two bodies.
    func hash(into hasher: inout Hasher) { hasher.combine(webhookID) }
  }

  struct Promise {
    /// How many answers were 2xx.
    var acknowledgements = 0
    /// How many of them marked the delivery as new.
    var firsts = 0
  }

  private(set) var events: [Key: Event] = [:]
  private(set) var promises: [Key: Promise] = [:]
  private(set) var acknowledgedPredictions: Set<String> = []
  /// The furthest observation of each job.
  private var shown: [String: Observation] = [:]

  struct Observation: Equatable {
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

  func observation(of predictionID: String) -> Observation? { shown[predictionID] }

  /// - Parameter earlier: the furthest observation when the request was sent.
  /// - Returns: the violation; nil if there is none.
  mutating func show(_ observation: Observation, of predictionID: String, after earlier: Observation?)
    -> String?
  {
    if let earlier {
      let isBack =
        observation.revision < earlier.revision || earlier.isTerminal && observation.state != earlier.state
        || observation.revision == earlier.revision && observation != earlier
        || earlier.state == "running" && observation.state == "pending"
      if isBack { return "\(predictionID) went back from \(earlier) to \(observation)" }
    }
    if observation.revision >= shown[predictionID]?.revision ?? 0 { shown[predictionID] = observation }
    return nil
  }
}
