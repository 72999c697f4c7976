import Jobs
import Ledger
import StoreSeam
import Simulation
import StoreFixture
import Testing
import Time

/// Random deliveries of one prediction: states, progress and ends that may contradict each other.
func randomLife(of prediction: String, _ random: inout SeededGenerator) -> [Delivery] {
  let steps: [(String, Phase?)] = [
    ("starting", .pending), ("processing", .running), ("processing", .running), ("hibernating", nil),
    ("succeeded", .succeeded), ("failed", .failed), ("canceled", .canceled),
  ]
  return (0..<Int.random(in: 1...6, using: &random)).map { index in
    let (status, phase) = steps[Int.random(in: 0..<steps.count, using: &random)]
    return Sample.delivery(
      "\(prediction)-\(index)", of: prediction, status, phase,
      logs: Int.random(in: 0...3, using: &random) * 10,
      at: 1_000_000 + Int64(index) * 100)
  }
}

/// What one receiver makes of the same deliveries in the order of each job's history.
///
/// It is the store in a file, so that the two implementations check each other.
struct OneReceiver {
  private let deliveries: [String: Delivery]

  init(_ deliveries: [Delivery]) {
    self.deliveries = Dictionary(deliveries.map { ($0.webhookID, $0) }) { first, _ in first }
  }

  /// The differences of the stored jobs from those of one receiver.
  func differences(in reader: any StoreReader, predictions: [String]) async throws -> [String] {
    let backend = try SQLiteBackend(isInMemory: true)
    let ledger = Ledger(
      store: try backend.open(tables: []),
      rules: LedgerRules(polling: PollPolicy(timeout: 900_000, firstPoll: 30_000)))
    let reference = try backend.openReader()
    var (differences, rows): ([String], [String: [HistoryEntry]]) = ([], [:])
    for id in predictions {
      let history = try #require(try await reader.history(ofJob: id, after: 0, limit: 10_000), "no job \(id)")
      rows[id] = history.entries
      _ = try ledger.commit(history.entries.compactMap { $0.webhookID.flatMap { deliveries[$0] } })
    }
    for id in predictions {
      let (shared, alone) = (try await reader.job(id), try await reference.job(id))
      if shared.map(ShownJob.init) != alone.map(ShownJob.init) {
        differences.append("\(id): \(shared.map { "\($0.job)" } ?? "none")\n  alone: \(alone?.job as Any)")
      }
      let expected = try await reference.history(ofJob: id, after: 0, limit: 10_000)?.entries
      if rows[id] != expected {
        differences.append("history of \(id): \(rows[id] as Any)\n  alone: \(expected as Any)")
      }
    }
    return differences
  }
}
