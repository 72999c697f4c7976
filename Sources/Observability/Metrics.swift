internal import Routing
internal import HTTPServer
internal import Jobs
internal import Synchronization

/// What the daemon counts. Every member is an atomic: loops and the writer add, `/metrics` reads.
package final class Metrics: Sendable {
  /// Deliveries that were verified, decoded and committed, by outcome.
  package let deliveries = LabeledCounters(
    DeliveryOutcome.allCases.filter { $0 != .notFound }.map(\.rawValue))
  /// Deliveries whose URL names a job that they were not bound to, by why.
  package let unboundDeliveries = LabeledCounters(UnboundReason.allCases.map(\.rawValue))
  /// Jobs that were created through the API.
  package let createdJobs = Counter()
  /// Requests that were refused, by the `code` of their problem document.
  package let refusals = LabeledCounters(ProblemCode.allCases.map(\.rawValue))
  /// Deliveries accepted by each configured secret, by position from 1: an old one that stays still can be retired.
  package let acceptedBySecret: LabeledCounters
  /// When each secret last accepted, in seconds since 1970; 0 for never.
  package let lastAcceptanceBySecret: LabeledCounters
  package let commits = Counter()
  package let commitFailures = Counter()
  package let commitDuration = DurationHistogram()
  package let checkpoints = Counter()
  package let bodyBytes = Counter()
  package let openConnections = Counter()
  /// Connections that were closed to make room for others.
  package let displacedConnections = Counter()
  /// When the certificate that is shown ends, in seconds since 1970; 0 without TLS.
  package let certificateExpiry = Counter()
  /// Connections that ended before their first request.
  package let connectionFailures = LabeledCounters(ConnectionFailureReason.allCases.map(\.rawValue))
  /// Periods of ten seconds in which descriptors or memory ran out.
  package let acceptErrors = Counter()
  /// Calls to the provider, by what came of them.
  package let providerCalls = LabeledCounters(
    ["answered", "rate_limited", "refused", "unsent", "unanswered"])
  /// Callers that wait for a store that cannot be written.
  package let blockedCallers = Counter()
  /// Answers of the provider that the store refused for themselves.
  package let droppedAnswers = Counter()
  /// Ends that were found by asking.
  package let lostWebhooks = Counter()
  package let staleJobs = Counter()
  /// Jobs that were deleted after their retention.
  package let prunedJobs = Counter()

  package init(secretCount: Int) {
    let positions = (1...max(1, secretCount)).map(String.init)
    acceptedBySecret = LabeledCounters(positions)
    lastAcceptanceBySecret = LabeledCounters(positions)
  }

  /// A signature held: which secret it was, when (in seconds since 1970), and how much was signed.
  package func accepted(bySecretAt position: Int, at seconds: Int64, bodyBytes count: Int) {
    let label = "\(position)"
    acceptedBySecret[label]?.add()
    lastAcceptanceBySecret[label]?.set(Int(seconds))
    bodyBytes.add(count)
  }
}

/// Why a delivery whose URL names a job was not bound to it.
package enum UnboundReason: String, CaseIterable {
  /// What the URL says of a job is not what this daemon has written.
  case badToken = "bad_token"
  /// The job has another prediction, or is not known any more.
  case otherPrediction = "other_prediction"
}

/// A number that any thread may change.
package final class Counter: Sendable {
  private let storage = Atomic<Int>(0)

  package init() {}

  package var value: Int { storage.load(ordering: .relaxed) }

  package func add(_ amount: Int = 1) {
    storage.add(amount, ordering: .relaxed)
  }

  package func set(_ value: Int) {
    storage.store(value, ordering: .relaxed)
  }
}

/// One counter a label, all known from the start, so that a rate exists before the first event.
package final class LabeledCounters: Sendable {
  package let labels: [String]
  private let counters: [Counter]

  package init(_ labels: [String]) {
    self.labels = labels
    counters = labels.map { _ in Counter() }
  }

  /// Nil for a label that was not announced.
  package subscript(label: String) -> Counter? {
    // They are few: looking at each takes less than a hash.
    labels.firstIndex(of: label).map { counters[$0] }
  }
}

/// How long something took, in buckets that suit a disk: 100 µs to 10 s.
package final class DurationHistogram: Sendable {
  /// Upper bounds, in microseconds.
  static let bounds = [
    100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000, 10_000_000,
  ]
  private let buckets = (0...bounds.count).map { _ in Counter() }
  private let totalMicroseconds = Counter()

  package init() {}

  package func record(_ duration: Duration) {
    let (seconds, attoseconds) = duration.components
    let microseconds = Int(seconds) * 1_000_000 + Int(attoseconds / 1_000_000_000_000)
    let bucket = Self.bounds.firstIndex { microseconds <= $0 } ?? Self.bounds.count
    buckets[bucket].add()
    totalMicroseconds.add(microseconds)
  }

  /// Counts of everything up to each bound, then of everything.
  var cumulativeCounts: [Int] {
    var sum = 0
    return buckets.map { bucket in
      sum += bucket.value
      return sum
    }
  }

  var totalSeconds: Double { Double(totalMicroseconds.value) / 1_000_000 }
}
