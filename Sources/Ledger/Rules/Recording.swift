package import StoreSeam
package import Jobs
internal import Time

/// The result of recording one snapshot.
package struct Recording: Equatable, Sendable {
  package let outcome: DeliveryOutcome
  /// The job's id in the API.
  package let jobID: String
  package let state: JobState
  package let revision: Int64
  /// The delivery names a job whose prediction is another one.
  ///
  /// It is recorded as if it named no job.
  package let isStray: Bool
  /// This snapshot ended the job.
  package let endsJob: Bool

  init(outcome: DeliveryOutcome, job: Job, isStray: Bool = false, endsJob: Bool = false) {
    self.outcome = outcome
    jobID = job.id
    state = job.state
    revision = job.revision
    self.isStray = isStray
    self.endsJob = endsJob
  }

  /// The result for a delivery of a job that was deleted: it is acknowledged and dropped.
  init(ofDeleted delivery: Delivery) {
    outcome = .late
    jobID = delivery.namedJob ?? delivery.snapshot.predictionID
    state = JobState(delivery.snapshot.claimedPhase ?? .pending)
    revision = 0
    isStray = false
    endsJob = false
  }
}

// MARK: - Deliveries

extension LedgerTransaction {
  /// Records a delivery, and applies it unless its webhook id is a repeat.
  package func record(_ delivery: Delivery) throws(StorageError) -> Recording {
    if let earlier = try earlierDelivery(webhookID: delivery.webhookID) {
      guard let number = earlier.job else { return Recording(ofDeleted: delivery) }
      return try recordRepeat(delivery, of: earlier.digest, inHistoryOf: number)
    }
    if let entry = try job(ofPrediction: delivery.snapshot.predictionID) {
      if entry.job.origin == nil, let named = try unboundJob(namedIn: delivery) {
        let isOpen = !named.job.phase.isTerminal
        guard try mergeOrphan(entry, into: named, at: delivery.receivedAt) else {
          return try recordOfPastAttempt(delivery, ofJob: named)
        }
        if isOpen { try noteSubmitted(named) }
        return try apply(PolledSnapshot(delivery), webhookID: delivery.webhookID, to: named)
      }
      let isStray = delivery.namedJob.map { $0 != entry.job.origin?.id } ?? false
      return try apply(
        PolledSnapshot(delivery), webhookID: delivery.webhookID, to: entry, isStray: isStray)
    }
    if let number = try job(ofPastPrediction: delivery.snapshot.predictionID) {
      return try recordOfPastAttempt(delivery, ofJob: try requiredJob(number: number))
    }
    guard let named = try unboundJob(namedIn: delivery) else {
      if try isOfDeletedJob(delivery) { return Recording(ofDeleted: delivery) }
      return try recordFirst(delivery, isStray: delivery.namedJob != nil)
    }
    if !named.job.phase.isTerminal { try noteSubmitted(named) }
    return try apply(PolledSnapshot(delivery), webhookID: delivery.webhookID, to: named)
  }

  /// The job that the delivery names, if it has no prediction yet.
  ///
  /// A named job that the daemon has ended accepts only the end that replaces its own. Until then the
  /// prediction is a job of its own, which is polled.
  private func unboundJob(namedIn delivery: Delivery) throws(StorageError) -> JobEntry? {
    guard let name = delivery.namedJob, let found = try job(id: name) else { return nil }
    try beginLostAttempt(delivery.snapshot, of: found, at: delivery.receivedAt)
    guard found.job.snapshot == nil,
      !found.job.phase.isTerminal || delivery.snapshot.phase?.isTerminal == true
    else { return nil }
    return found
  }

  /// Begins the attempt that a restored backup lacks, and whose prediction a delivery shows.
  ///
  /// An earlier daemon made it after the prediction that the backup has was interrupted.
  private func beginLostAttempt(
    _ snapshot: Snapshot, of entry: JobEntry, at now: Timestamp
  ) throws(StorageError) {
    guard !entry.job.isSettled, let known = entry.job.snapshot, let earlier = known.createdAt,
      let later = snapshot.createdAt, earlier < later, let order = try order(ofJob: entry.number),
      order.isRestored, order.canRetry
    else { return }
    try beginAttempt(after: known, from: .webhook, at: now, of: entry)
  }

  /// Marks the order of an open job as submitted.
  private func noteSubmitted(_ entry: JobEntry) throws(StorageError) {
    try updateOrder(ofJob: entry.number) { $0.noteSubmitted() }
  }

  /// Records the first delivery of a prediction, which creates a job.
  private func recordFirst(_ delivery: Delivery, isStray: Bool) throws(StorageError) -> Recording {
    let snapshot = delivery.snapshot
    let outcome: DeliveryOutcome = snapshot.phase == nil ? .unknownStatus : .applied
    var job = Job(
      firstSeenIn: snapshot, receivedAt: delivery.receivedAt,
      firstCheck: policy.firstCheck(after: delivery.receivedAt, timeout: nil))
    let number = try rows.nextJobNumber()
    if job.phase == .succeeded { _ = try hold(&job, by: snapshot, number: number) }
    let entry = insertJob(job, number: number, body: delivery.body, snapshot: snapshot)
    try appendHistory(
      PolledSnapshot(delivery), webhookID: delivery.webhookID, outcome: outcome, to: entry)
    return Recording(
      outcome: outcome, job: entry.job, isStray: isStray, endsJob: entry.job.phase.isTerminal)
  }

  /// Records a repeated webhook id, without effect.
  ///
  /// The row goes to the history of the first delivery's job.
  ///
  /// The job that the repeat names does not matter.
  private func recordRepeat(
    _ delivery: Delivery, of digest: BodyDigest?, inHistoryOf number: Int64
  ) throws(StorageError) -> Recording {
    guard let digest else { throw .corrupt("a row of deliveries has no digest") }
    let outcome = DeliveryOutcome.redelivery(of: digest, as: delivery.snapshot.evidence.digest)
    let entry = try requiredJob(number: number)
    if try historyLength(of: entry) < Self.maxHistoryRows {
      try appendHistory(
        PolledSnapshot(delivery), webhookID: delivery.webhookID, isRepeat: true, outcome: outcome, to: entry)
    }
    return Recording(outcome: outcome, job: entry.job)
  }

  /// Records a delivery about the prediction of a past attempt, without effect.
  private func recordOfPastAttempt(
    _ delivery: Delivery, ofJob entry: JobEntry
  ) throws(StorageError) -> Recording {
    try appendHistory(PolledSnapshot(delivery), webhookID: delivery.webhookID, outcome: .late, to: entry)
    return Recording(outcome: .late, job: entry.job)
  }
}

// MARK: - Polled snapshots

extension LedgerTransaction {
  /// Records and applies a polled snapshot of the job with that number.
  ///
  /// - Returns: nil where the job has another prediction by now, or was deleted.
  package func record(_ polled: PolledSnapshot, ofJob number: Int64) throws(StorageError) -> Recording? {
    guard let entry = try job(number: number) else { return nil }
    let id = polled.snapshot.predictionID
    if let known = entry.job.snapshot?.predictionID {
      guard known == id else { return nil }
    } else {
      // A poll result for a job without a prediction is about a past attempt, or about a deleted job whose
      // number was reused.
      guard polled.source != .poll, !entry.job.phase.isTerminal, try job(ofPastPrediction: id) == nil
      else { return nil }
      if let other = try job(ofPrediction: id) {
        guard other.job.origin == nil, try mergeOrphan(other, into: entry, at: polled.receivedAt) else {
          return nil
        }
      }
      try noteSubmitted(entry)
    }
    return try apply(polled, webhookID: nil, to: entry)
  }

  /// Adopts the job row created from an unbound delivery.
  ///
  /// The orphan's history, cancel request and snapshot become those of the job, and its row is deleted.
  ///
  /// - Returns: false where the snapshot ends an attempt, so that the job has begun another.
  private func mergeOrphan(
    _ orphan: JobEntry, into target: JobEntry, at now: Timestamp
  ) throws(StorageError) -> Bool {
    guard var snapshot = orphan.job.snapshot else { return true }
    let body = try body(of: orphan)
    let isCancelRequested = try order(ofJob: orphan.number)?.isCancelRequested ?? false
    try moveHistory(of: orphan, to: target)
    delete(orphan, .merged(expiresAt: now.advanced(byMilliseconds: Self.tombstoneTime)))
    if isCancelRequested {
      try updateOrder(ofJob: target.number) { order in
        order.isCancelRequested = true
        order.dueAt = nil
      }
    }
    let source: SnapshotSource = orphan.job.endFoundByPolling ? .poll : .webhook
    if !target.job.phase.isTerminal, try endsAttempt(snapshot, of: target) {
      try beginAttempt(after: snapshot, from: source, at: orphan.job.updatedAt, of: target)
      return false
    }
    if snapshot.phase == .succeeded {
      snapshot.ruleViolation = rules.validateOutput(
        try request(ofJob: target.number), body, orphan.job.verdict)
    }
    var job = target.job
    let merge = job.merge(snapshot, from: source, receivedAt: orphan.job.updatedAt)
    // A job that has ended accepts only a signed end.
    guard merge.replacesSnapshot else { return true }
    if merge.endsJob, !merge.replacesEnd { _ = try hold(&job, by: snapshot, number: target.number) }
    update(target, to: job, body: body, snapshot: snapshot, cause: Self.cause(of: merge), at: now)
    return true
  }

  /// Merges a snapshot into its job, and writes the changes.
  private func apply(
    _ polled: PolledSnapshot, webhookID: String?, to entry: JobEntry, isStray: Bool = false
  ) throws(StorageError) -> Recording {
    var job = entry.job
    var (snapshot, body) = (polled.snapshot, polled.body)
    let isOpen = !job.isSettled
    let mayChange = isOpen || job.isEndedByDaemon
    if job.origin != nil, mayChange {
      if isOpen, try endsAttempt(snapshot, of: entry) {
        return try retry(polled, webhookID: webhookID, of: entry)
      }
      if snapshot.phase == .succeeded {
        snapshot.ruleViolation = rules.validateOutput(
          try request(ofJob: entry.number), polled.body, snapshot.ruleViolation)
      }
    }
    if snapshot.isDataRemoved, job.snapshot != nil, mayChange,
      let restored = rules.restore(body, try self.body(of: entry))
    {
      (body, snapshot.evidence) = restored
      // The logs are those of the stored body, too.
      snapshot.progress = snapshot.progress ?? job.snapshot?.progress
    }
    var merge = job.merge(snapshot, from: polled.source, receivedAt: polled.receivedAt)
    if merge.endsJob, !merge.replacesEnd, try hold(&job, by: snapshot, number: entry.number) {
      merge.endsJob = false
    }
    if merge.changesJob {
      update(
        entry, to: job, body: merge.replacesSnapshot ? body : nil, snapshot: snapshot,
        cause: Self.cause(of: merge), at: polled.receivedAt)
    }
    // A poll without changes leaves no row, because there may be many.
    if webhookID != nil || merge.replacesSnapshot || merge.endsJob {
      try appendHistory(polled, webhookID: webhookID, outcome: merge.outcome, to: entry)
    }
    return Recording(outcome: merge.outcome, job: job, isStray: isStray, endsJob: merge.endsJob)
  }

  private static func cause(of merge: Job.Merge) -> JobTransition.Cause {
    merge.replacesEnd ? .replacedEnd : .recorded
  }

  /// Whether the snapshot ends the attempt, and a retry follows.
  private func endsAttempt(_ snapshot: Snapshot, of entry: JobEntry) throws(StorageError) -> Bool {
    guard snapshot.phase == .failed, snapshot.error?.code == JobError.interrupted else { return false }
    return try order(ofJob: entry.number)?.canRetry ?? false
  }

  private func retry(
    _ polled: PolledSnapshot, webhookID: String?, of entry: JobEntry
  ) throws(StorageError) -> Recording {
    try beginAttempt(after: polled.snapshot, from: polled.source, at: polled.receivedAt, of: entry)
    try appendHistory(polled, webhookID: webhookID, outcome: .applied, to: entry)
    return Recording(outcome: .applied, job: entry.job)
  }

  private func beginAttempt(
    after snapshot: Snapshot, from source: SnapshotSource, at moment: Timestamp, of entry: JobEntry
  ) throws(StorageError) {
    var job = entry.job
    job.beginAttempt(at: moment, endReportedBy: source)
    notePastAttempt(snapshot, of: entry, at: moment)
    try updateOrder(ofJob: entry.number) { $0.queueNextAttempt(at: moment) }
    update(entry, to: job, body: [])
  }
}
