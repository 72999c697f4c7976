@testable import Crypto
import FaultyDisk
import Jobs
import StandardWebhooks
import StoreSeam
import SQLiteStore

/// The check of the store after the last end of the daemon.
enum Verdict {
  /// The first violation; nil if there is none.
  static func problem(
    with disk: MemoryDisk, after ledger: DeliveryLedger, sha256: borrowing SHA256
  ) -> String? {
    do {
      // The writer first, as at every start, because opening it recovers the database.
      _ = try SQLiteStore(path: disk.path, busyTimeout: 0)
      let reader = try SQLiteReader(path: disk.path, busyTimeout: 0)
      if let damage = try reader.damage() { return "damaged: \(damage)" }
      var rows: [DeliveryLedger.Key: [DeliveryOutcome]] = [:]
      for job in try reader.jobs(matching: JobFilter(), before: nil, limit: 1000).jobs {
        let id = job.id
        guard let stored = try reader.job(id) else { return "\(id) is in the list and not by itself" }
        let history = try reader.history(ofJob: id, after: 0, limit: 1000)?.entries ?? []
        if let reason = problem(with: stored, history, ledger, &rows) { return "\(id): \(reason)" }
        let body = stored.body
        let digest = BodyDigest(bytes: sha256.digest(of: body.span))
        guard stored.job.snapshot?.evidence.digest == digest else { return "\(id) has another body's digest" }
      }
      return lostDelivery(of: ledger, rows)
    } catch {
      return "the store cannot be read: \(error)"
    }
  }

  /// Replays the history of one job.
  private static func problem(
    with stored: JobRecord, _ history: [HistoryEntry], _ ledger: DeliveryLedger,
    _ rows: inout [DeliveryLedger.Key: [DeliveryOutcome]]
  ) -> String? {
    var model = JobModel()
    for (index, entry) in history.enumerated() {
      let key = entry.digest.map { DeliveryLedger.Key(webhookID: entry.webhookID ?? "", digest: $0) }
      guard let key, let event = ledger.events[key], event.predictionID == stored.job.id else {
        return "\(entry.webhookID ?? "") was never sent like this"
      }
      let outcome = model.add(JobModel.Row(event: event, receivedAt: entry.receivedAt))
      rows[key, default: []].append(outcome)
      guard entry.position == index + 1, entry.providerStatus == event.status, entry.outcome == outcome,
        entry.phase == model.phase, entry.revision == model.revision
      else {
        return "row \(index + 1) is \(entry), and should be \(outcome) in \(model.phase) at \(model.revision)"
      }
    }
    let job = stored.job
    guard let newest = model.newest else { return "it has no history" }
    let isEqual =
      job.phase == model.phase && job.revision == model.revision && job.updatedAt == model.updatedAt
      && job.lastDeliveryAt == model.updatedAt && job.pollState.staleAt == nil && stored.body == newest.body
      && job.snapshot?.providerStatus == newest.status
    return isEqual ? nil : "it is \(job), and should be \(model)"
  }

  private static func lostDelivery(of ledger: DeliveryLedger, _ rows: [DeliveryLedger.Key: [DeliveryOutcome]])
    -> String?
  {
    let lost = ledger.promises.filter { key, promise in
      let outcomes = rows[key] ?? []
      return outcomes.count < promise.acknowledgements
        || outcomes.filter { $0 != .duplicate }.count < promise.firsts
    }
    guard let first = lost.keys.min(by: { $0.webhookID < $1.webhookID }) else { return nil }
    return "\(first.webhookID) was acknowledged and is not stored; \(lost.count) in all"
  }
}
