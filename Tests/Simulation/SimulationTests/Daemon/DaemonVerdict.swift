@testable import Daemon
import FaultyDisk
import Jobs
import Ledger
import Simulation
import StoreSeam
import Tables
import SQLiteStore
@testable import Time

/// The check of the store after the last end of the daemon.
///
/// Every job has the end that the provider last reported, or one that the rules of the daemon allow.
struct DaemonVerdict {
  private let simulation: DaemonSimulation
  private var account: Account { simulation.account }

  init(_ simulation: DaemonSimulation) {
    self.simulation = simulation
  }

  /// The first violation; nil if there is none.
  func problem() -> String? {
    do {
      // The writer first, as at every start, because opening it recovers the database.
      _ = try SQLiteStore(path: simulation.disk.path, busyTimeout: 0)
      let reader = try SQLiteReader(path: simulation.disk.path, busyTimeout: 0)
      if let damage = try reader.damage() { return "damaged: \(damage)" }
      let jobs = try reader.jobs(matching: JobFilter(), before: nil, limit: 1000).jobs
      if let reason = problem(of: jobs) { return reason }
      if simulation.holdsEnds, let reason = try wrongHold(reader, jobs) { return reason }
      if let reason = try lostDelivery(reader, jobs) { return reason }
      if let reason = try waitingWork(reader) { return reason }
      if let reason = wrongMirror(jobs) ?? wrongStream(jobs) { return reason }
      if let reason = try missingCallback(reader, jobs) { return reason }
      return try wrongUsage(reader, jobs) ?? wrongCounts(reader, jobs)
    } catch {
      return "the store cannot be read: \(error)"
    }
  }

  private func problem(of jobs: [Job]) -> String? {
    for order in simulation.orders where !order.isForgotten {
      guard let id = order.id, let job = jobs.first(where: { $0.id == id }) else {
        return "order \(order.number) is lost"
      }
      if let earlier = order.retried?.id, earlier == id {
        return "order \(order.number) is the job that it retries"
      }
      if let reason = problem(of: job, order) { return "order \(order.number): \(reason); it is \(job)" }
    }
    for prediction in account.predictions where prediction.order == nil && prediction.isKnown {
      guard !prediction.isDeletionRequested else {
        if jobs.contains(where: { $0.id == prediction.id }) {
          return "\(prediction.id) is deleted and stored"
        }
        continue
      }
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
    guard job.snapshot?.predictionID == last.id else {
      // After a restored backup, the attempts that it lacks are found in any order.
      let isAttempt = predictions.contains { $0.id == job.snapshot?.predictionID && $0.isInterrupted }
      return simulation.isRestored && isAttempt && last.isInterrupted ? nil : "its prediction is \(last.id)"
    }
    let used = predictions.count - 1
    if last.isInterrupted, used < order.retries, !order.isCancelRequested {
      return "\(last.id) was interrupted, and \(used) of \(order.retries) retries were made"
    }
    return isEnd(of: job, as: last, expectsURLs: order.expectsURLs)
      ? nil : "\(last.id) is \(last.status) with \(last.output ?? last.error ?? "nothing")"
  }

  /// Whether the job ended as the provider reported.
  private func isEnd(of job: Job, as prediction: RemotePrediction, expectsURLs: Bool = false) -> Bool {
    switch prediction.status {
    case "succeeded":
      let isUsable = !expectsURLs || prediction.hasUsableOutput
      if !isUsable, job.phase == .failed, job.error?.code == "invalid_output" { return true }
      let isHeld = job.phase == .failed && job.error?.code == HeldEnds.code && mayBeHeld(job)
      return (job.phase == .succeeded || isHeld) && (isUsable || prediction.wasShownErased)
    case "failed": return job.phase == .failed
    case "canceled": return job.phase == .canceled
    case "aborted": return job.phase == .canceled && job.error?.code == "aborted"
    default: return false
    }
  }

  private func mayBeHeld(_ job: Job) -> Bool {
    simulation.holdsEnds && job.snapshot.map(HeldEnds.holds) ?? false
  }

  /// A success that the gate holds was released, or is another end; and one that it does not was not.
  private func wrongHold(_ reader: SQLiteReader, _ jobs: [Job]) throws(StorageError) -> String? {
    for job in jobs where job.snapshot?.phase == .succeeded {
      let history = try reader.history(ofJob: job.id, after: 0, limit: 1000)
      let own = history?.entries.filter { $0.source == .daemon }.map(\.providerStatus) ?? []
      let isReleased = own.contains(LedgerTransaction.releaseCode)
      simulation.noteEnd(of: job, released: isReleased)
      // The simulation does not wait for jobs that a restored backup lacks.
      let now = simulation.kernel.wallTimeMilliseconds
      if job.isHeld, job.updatedAt.milliseconds + HeldEnds.hold + 60_000 < now {
        return "\(job.id) is held beyond its deadline"
      }
      if isReleased, !mayBeHeld(job) { return "\(job.id) was held, and may not be" }
      // A signed success that replaces an end of the daemon's own is not held.
      if job.phase == .succeeded, mayBeHeld(job), own.isEmpty { return "\(job.id) was not held" }
    }
    return nil
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
    case (.failed, "invalid_input"):
      account.finalRefusals.contains(order.number) || account.refusals[order.number] ?? 0 >= 10
    default: false
    }
  }

  /// Whether nothing shows which prediction an unanswered call has created.
  ///
  /// A prediction that is listed without its webhook and deleted may be any.
  private var mayLoseAnswers: Bool {
    let provider = simulation.plan.provider
    return provider.hidesWebhooks || !simulation.plan.hasPublicURL
      || provider.deletesOnceIn > 0 && !provider.showsWebhooksInLists
  }
}

// MARK: - Deliveries, work and sums

extension DaemonVerdict {
  private func lostDelivery(_ reader: SQLiteReader, _ jobs: [Job]) throws(StorageError) -> String? {
    var stored: Set<String> = []
    for job in jobs {
      guard let history = try reader.history(ofJob: job.id, after: 0, limit: 1000) else {
        return "\(job.id) cannot be read"
      }
      for entry in history.entries {
        if let id = entry.webhookID { stored.insert(id) }
      }
    }
    let deleted = account.predictions.filter(\.isDeletionRequested).map { "w\($0.number)-" }
    return simulation.acknowledged.subtracting(stored).filter { id in !deleted.contains { id.hasPrefix($0) } }
      .min().map { "\($0) was acknowledged and is not stored" }
  }

  private func waitingWork(_ reader: SQLiteReader) throws(StorageError) -> String? {
    let due = try reader.nextDue()
    // The app may have given up an order that a restored backup has.
    let hasAll = !simulation.orders.contains(where: \.isForgotten)
    if hasAll, due.create != nil || due.find != nil { return "an order is still due" }
    // A job that a backup has forgotten may be polled for longer. A cancel of a job that has ended is
    // discarded when calls are next made.
    let now = simulation.kernel.wallTimeMilliseconds
    if let check = due.check?.milliseconds, check + 60_000 < now { return "a check is overdue" }
    return nil
  }

  /// The reader of `/events` has every job with its newest state, and no other.
  private func wrongMirror(_ jobs: [Job]) -> String? {
    let shown = simulation.mirror.jobs
    for job in jobs {
      guard let copy = shown[job.id] else { return "/events has not shown \(job.id)" }
      let newest = ShownJob(state: job.state.rawValue, revision: Int(job.revision))
      if copy != newest { return "/events has shown \(job.id) as \(copy), and it is \(newest)" }
    }
    let ids = Set(jobs.map(\.id))
    return shown.keys.filter { !ids.contains($0) }.min().map { "/events has not shown that \($0) is deleted" }
  }

  /// A stream that came to its end has shown an end of its job, and the newest one but for a replaced end.
  private func wrongStream(_ jobs: [Job]) -> String? {
    for stream in simulation.jobStreams where !stream.order.isForgotten {
      guard let job = jobs.first(where: { $0.id == stream.order.id }), let shown = stream.shown else {
        continue
      }
      let newest = ShownJob(state: job.state.rawValue, revision: Int(job.revision))
      let isEnd = ["succeeded", "failed", "canceled"].contains(shown.state)
      if !isEnd || shown.revision > newest.revision || shown.revision == newest.revision && shown != newest {
        return "the stream of \(job.id) has ended with \(shown), and it is \(newest)"
      }
    }
    return nil
  }

  /// Every end was accepted at least once, in order, with one id.
  private func missingCallback(_ reader: SQLiteReader, _ jobs: [Job]) throws(StorageError) -> String? {
    guard let table = Capabilities.tables.first(where: { $0.name == "callbacks" }) else { return nil }
    let rows = try reader.rows(TableQuery(table, limit: 10_000))
    let pending = Set(rows.filter { $0.text("state") == "pending" }.compactMap { $0.text("job_id") })
    for job in jobs where job.phase.isTerminal && !pending.contains(job.id) {
      let end = simulation.callbacks.lastEnd(ofJob: job.id)
      if end != "job.\(job.phase.rawValue)" {
        return "\(job.id) is \(job.phase), and its last callback is \(end ?? "missing")"
      }
    }
    // A restored backup repeats what has happened, perhaps otherwise.
    return simulation.isRestored ? nil : simulation.callbacks.violation()
  }

  /// The sums of ends are those of the jobs.
  private func wrongUsage(_ reader: SQLiteReader, _ jobs: [Job]) throws(StorageError) -> String? {
    guard let table = Capabilities.tables.first(where: { $0.name == "usage" }) else { return nil }
    var sums: [Phase: Int64] = [:]
    for row in try reader.rows(TableQuery(table, limit: 1000)) {
      for phase in [Phase.succeeded, .failed, .canceled] {
        sums[phase, default: 0] += row.integer(phase.rawValue)
      }
    }
    // The sums keep what was deleted.
    let deleted = account.predictions.filter(\.isDeletionRequested).compactMap(\.shownState)
    for phase in [Phase.succeeded, .failed, .canceled] {
      let count = jobs.count { $0.phase == phase } + deleted.count { $0 == phase.rawValue }
      if sums[phase] ?? 0 != Int64(count) { return "\(sums[phase] ?? 0) of \(count) jobs count as \(phase)" }
    }
    return nil
  }

  private func wrongCounts(_ reader: SQLiteReader, _ jobs: [Job]) throws(StorageError) -> String? {
    guard let table = Capabilities.tables.first(where: { $0.seed == .jobsByState }) else { return nil }
    let row = try reader.rows(TableQuery(table, limit: 1)).first
    for state in JobState.allCases {
      let (counted, count) = (row?.integer(state.rawValue) ?? 0, jobs.count { $0.state == state })
      if counted != Int64(count) { return "\(counted) of \(count) jobs are counted as \(state)" }
    }
    return nil
  }
}
