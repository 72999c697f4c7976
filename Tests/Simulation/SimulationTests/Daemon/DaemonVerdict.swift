import FaultyDisk
import Jobs
import Simulation
import Store
@testable import Time

/// The check of the store after the last end of the daemon.
///
/// Every job ends as the provider's last word says, and the rules of the design allow no other end.
struct DaemonVerdict {
  private let simulation: DaemonSimulation
  private var account: Account { simulation.account }

  init(_ simulation: DaemonSimulation) {
    self.simulation = simulation
  }

  /// The first violation; nil if there is none.
  func problem() -> String? {
    do throws(StoreError) {
      // The writer first, as at every start, because opening it recovers the database.
      _ = try StoreWriter(path: simulation.disk.path, busyTimeout: 0)
      let reader = try StoreReader(path: simulation.disk.path, busyTimeout: 0)
      if let damage = try reader.damage() { return "damaged: \(damage)" }
      let jobs = try reader.jobs(matching: JobFilter(), before: nil, limit: 1000).jobs
      if let reason = problem(of: jobs) { return reason }
      if let reason = try lostDelivery(reader, jobs) { return reason }
      if let reason = try waitingWork(reader) { return reason }
      return try wrongUsage(reader, jobs)
    } catch {
      return "the store cannot be read: \(error)"
    }
  }

  private func problem(of jobs: [Job]) -> String? {
    for order in simulation.orders {
      guard let id = order.id, let job = jobs.first(where: { $0.id == id }) else {
        return "order \(order.number) is lost"
      }
      if let reason = problem(of: job, order) { return "order \(order.number): \(reason); it is \(job)" }
    }
    for prediction in account.predictions where prediction.order == nil && prediction.isKnown {
      guard let job = jobs.first(where: { $0.id == prediction.id }) else {
        return "\(prediction.id) was acknowledged and is not stored"
      }
      if !isEnd(of: job, as: prediction) && !isGone(job, prediction) {
        return "\(prediction.id) is \(prediction.status), and its job is \(job)"
      }
    }
    return nil
  }
}

// MARK: - Ends

extension DaemonVerdict {
  private func problem(of job: Job, _ order: AppOrder) -> String? {
    guard job.phase.isTerminal else { return "it has not ended" }
    let predictions = account.predictions(of: order.number)
    if job.snapshot == nil || job.isEndedByDaemon, let last = predictions.last,
      isOwnEnd(job, order, after: last)
    {
      return nil
    }
    guard let last = predictions.last else {
      return isEndWithoutPrediction(job, order) ? nil : "it has no prediction"
    }
    guard job.snapshot?.predictionID == last.id else { return "its prediction is \(last.id)" }
    let used = predictions.count - 1
    if last.isInterrupted, used < order.retries, !order.isCancelRequested {
      return "\(last.id) was interrupted, and \(used) of \(order.retries) retries were made"
    }
    return isEnd(of: job, as: last, expectsURLs: order.expectsURLs)
      ? nil : "\(last.id) is \(last.status) with \(last.output ?? last.error ?? "nothing")"
  }

  /// Whether the job ended as the provider says.
  private func isEnd(of job: Job, as prediction: RemotePrediction, expectsURLs: Bool = false) -> Bool {
    switch prediction.status {
    case "succeeded":
      let isUsable = !expectsURLs || prediction.hasUsableOutput
      if !isUsable, job.phase == .failed, job.error?.code == "invalid_output" { return true }
      return job.phase == .succeeded && (isUsable || prediction.wasShownErased)
    case "failed": return job.phase == .failed
    case "canceled": return job.phase == .canceled
    case "aborted": return job.phase == .canceled && job.error?.code == "aborted"
    default: return false
    }
  }

  /// Whether the daemon was right to end the job by its own word, though it had a prediction.
  private func isOwnEnd(_ job: Job, _ order: AppOrder, after last: RemotePrediction) -> Bool {
    if isGone(job, last) { return true }
    // Its next attempt was refused or canceled before it was made.
    if last.isInterrupted, isEndWithoutPrediction(job, order) { return true }
    return job.error?.code == "answer_lost" && !last.isEndAcknowledged && mayLoseAnswers
  }

  private func isGone(_ job: Job, _ prediction: RemotePrediction) -> Bool {
    prediction.isGone && job.phase == .failed && job.error?.code == "gone"
  }

  private func isEndWithoutPrediction(_ job: Job, _ order: AppOrder) -> Bool {
    switch (job.phase, job.error?.code) {
    case (.canceled, "canceled"): order.isCancelRequested
    case (.failed, "answer_lost"): mayLoseAnswers
    case (.failed, "invalid_input"), (.failed, "insufficient_credit"):
      account.finalRefusals.contains(order.number) || account.refusals[order.number] ?? 0 >= 10
    default: false
    }
  }

  /// Whether nothing shows which prediction an unanswered call has created.
  private var mayLoseAnswers: Bool { simulation.plan.provider.hidesWebhooks || !simulation.plan.hasPublicURL }
}

// MARK: - Deliveries, work and sums

extension DaemonVerdict {
  private func lostDelivery(_ reader: StoreReader, _ jobs: [Job]) throws(StoreError) -> String? {
    var stored: Set<String> = []
    for job in jobs {
      guard let number = try reader.job(job.id)?.number else { return "\(job.id) cannot be read" }
      for entry in try reader.history(ofJob: number, after: 0, limit: 1000) {
        if let id = entry.webhookID { stored.insert(id) }
      }
    }
    return simulation.acknowledged.subtracting(stored).min().map {
      "\($0) was acknowledged and is not stored"
    }
  }

  private func waitingWork(_ reader: StoreReader) throws(StoreError) -> String? {
    let due = try reader.nextDue()
    let all = [("check", due.check), ("create", due.create), ("find", due.find)]
    if let kind = all.first(where: { $0.1 != nil })?.0 { return "a \(kind) is still due" }
    // A cancel of a job that has ended is discarded when it is due.
    let now = simulation.kernel.wallTimeMilliseconds
    if let cancel = due.cancel?.milliseconds, cancel + 60_000 < now { return "a cancel is overdue" }
    return nil
  }

  /// The sums of ends are those of the jobs.
  private func wrongUsage(_ reader: StoreReader, _ jobs: [Job]) throws(StoreError) -> String? {
    var sums: [Phase: Int64] = [:]
    for row in try reader.usage(on: 0...100_000) {
      sums[.succeeded, default: 0] += row.usage.succeeded
      sums[.failed, default: 0] += row.usage.failed
      sums[.canceled, default: 0] += row.usage.canceled
    }
    for phase in [Phase.succeeded, .failed, .canceled] {
      let count = jobs.count { $0.phase == phase }
      if sums[phase] ?? 0 != Int64(count) { return "\(sums[phase] ?? 0) of \(count) jobs count as \(phase)" }
    }
    return nil
  }
}
