import Jobs
import StoreSeam
import SQLiteStore
@testable import Time

/// The expected content of a store: ``Job/merge(_:receivedAt:)`` replayed in memory.
///
/// Deliveries are identified by the time of their receipt.
struct Model {
  struct Stored: Equatable {
    var job: Job
    /// The body as text. Bodies here are ASCII, and a debug build compares texts faster than arrays.
    var body: String
    var history: [Entry] = []
  }

  struct Entry: Equatable {
    let webhookID: String
    let receivedAt: Timestamp
    let providerStatus: String
    let outcome: DeliveryOutcome
    let digest: BodyDigest?
    let phase: Phase
    let revision: Int64
  }

  /// The default policy.
  private static let policy = PollPolicy(timeout: 900_000, firstPoll: nil)

  private(set) var jobs: [String: Stored] = [:]
  private var firstDeliveries: [String: (predictionID: String, digest: BodyDigest)] = [:]

  init(_ deliveries: some Sequence<Delivery>) {
    for delivery in deliveries { record(delivery) }
  }

  private mutating func record(_ delivery: Delivery) {
    let snapshot = delivery.snapshot
    if let first = firstDeliveries[delivery.webhookID] {
      let outcome = DeliveryOutcome.redelivery(of: first.digest, as: snapshot.evidence.digest)
      return note(delivery, of: first.predictionID, outcome)
    }
    firstDeliveries[delivery.webhookID] = (snapshot.predictionID, snapshot.evidence.digest)
    guard var stored = jobs[snapshot.predictionID] else {
      jobs[snapshot.predictionID] = Stored(
        job: Job(
          firstSeenIn: snapshot, receivedAt: delivery.receivedAt,
          firstCheck: Self.policy.firstCheck(after: delivery.receivedAt, timeout: nil)),
        body: Self.text(delivery.body))
      return note(delivery, of: snapshot.predictionID, snapshot.phase == nil ? .unknownStatus : .applied)
    }
    let merge = stored.job.merge(snapshot, receivedAt: delivery.receivedAt)
    if merge.replacesSnapshot { stored.body = Self.text(delivery.body) }
    jobs[snapshot.predictionID] = stored
    note(delivery, of: snapshot.predictionID, merge.outcome)
  }

  private mutating func note(_ delivery: Delivery, of predictionID: String, _ outcome: DeliveryOutcome) {
    guard var stored = jobs[predictionID] else { return }
    stored.history.append(
      Entry(
        webhookID: delivery.webhookID, receivedAt: delivery.receivedAt,
        providerStatus: delivery.snapshot.providerStatus, outcome: outcome,
        digest: delivery.snapshot.evidence.digest, phase: stored.job.phase, revision: stored.job.revision))
    jobs[predictionID] = stored
  }
}

extension Model {
  /// Reads the model of a stored database.
  init(_ reader: SQLiteReader) throws {
    self.init(EmptyCollection())
    let page = try reader.jobs(matching: JobFilter(), before: nil, limit: 1_000_000)
    for id in page.jobs.map(\.id) {
      guard let stored = try reader.job(id) else { continue }
      let history = try reader.history(ofJob: id, after: 0, limit: 1_000_000)?.entries ?? []
      jobs[id] = Stored(
        job: stored.job, body: Self.text(stored.body),
        history: history.map {
          Entry(
            webhookID: $0.webhookID ?? "", receivedAt: $0.receivedAt, providerStatus: $0.providerStatus,
            outcome: $0.outcome, digest: $0.digest, phase: $0.phase, revision: $0.revision)
        })
    }
  }

  private static func text(_ body: [UInt8]) -> String { String(decoding: body, as: UTF8.self) }

  /// The number of repeated webhook ids that took effect again.
  var appliedTwice: Int {
    let firsts = jobs.values.flatMap(\.history).filter {
      $0.outcome == .applied || $0.outcome == .unknownStatus
    }
    return firsts.count - Set(firsts.map(\.webhookID)).count
  }

  /// All deliveries, by the time of their receipt.
  var deliveries: Set<Timestamp> { Set(jobs.values.flatMap { $0.history.map(\.receivedAt) }) }
}
