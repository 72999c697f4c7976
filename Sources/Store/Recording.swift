package import Jobs
internal import SQLite
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
}

// MARK: - Deliveries

extension StoreTransaction {
  /// Records a delivery, and applies it unless its webhook id is a repeat.
  package func record(_ delivery: Delivery) throws(StoreError) -> Recording {
    if let earlier = try statements.findDelivery(webhookID: delivery.webhookID) {
      return try recordRepeat(delivery, of: earlier)
    }
    if let (number, job) = try statements.findJob(predictionID: delivery.snapshot.predictionID) {
      if job.origin == nil, let named = try unboundJob(namedIn: delivery) {
        guard let bound = try mergeOrphan((number, job), into: named) else {
          return try recordOfPastAttempt(delivery, ofJob: named.number)
        }
        try noteSubmitted(named)
        return try apply(PolledSnapshot(delivery), webhookID: delivery.webhookID, to: bound, named.number)
      }
      let isStray = delivery.namedJob.map { $0 != job.origin?.id } ?? false
      return try apply(
        PolledSnapshot(delivery), webhookID: delivery.webhookID, to: job, number, isStray: isStray)
    }
    if let number = try attempts.job(ofPastPrediction: delivery.snapshot.predictionID) {
      return try recordOfPastAttempt(delivery, ofJob: number)
    }
    guard let named = try unboundJob(namedIn: delivery) else {
      return try recordFirst(delivery, isStray: delivery.namedJob != nil)
    }
    try noteSubmitted(named)
    return try apply(PolledSnapshot(delivery), webhookID: delivery.webhookID, to: named.job, named.number)
  }

  /// The job that the delivery names, if it has no prediction yet.
  ///
  /// A named job that the daemon has ended accepts only the end that replaces its own. Until then the
  /// prediction is a job of its own, which is polled.
  private func unboundJob(namedIn delivery: Delivery) throws(StoreError) -> (number: Int64, job: Job)? {
    guard let name = delivery.namedJob, let found = try statements.findJob(id: name),
      found.job.snapshot == nil,
      !found.job.phase.isTerminal || delivery.snapshot.phase?.isTerminal == true
    else { return nil }
    return found
  }

  /// Marks the job's order as submitted, unless the job has ended.
  private func noteSubmitted(_ named: (number: Int64, job: Job)) throws(StoreError) {
    if !named.job.phase.isTerminal { try orders.noteSubmitted(named.number) }
  }

  /// Records the first delivery of a prediction, which creates a job.
  private func recordFirst(_ delivery: Delivery, isStray: Bool) throws(StoreError) -> Recording {
    let snapshot = delivery.snapshot
    let job = Job(
      firstSeenIn: snapshot, receivedAt: delivery.receivedAt,
      firstCheck: policy.firstCheck(after: delivery.receivedAt, timeout: nil))
    let outcome: DeliveryOutcome = snapshot.phase == nil ? .unknownStatus : .applied
    let number = try statements.insertJob(job, body: delivery.body)
    try statements.insertDelivery(
      HistoryRow(
        job: number, position: 1, webhookID: delivery.webhookID, source: .webhook, isRepeat: false,
        snapshot: snapshot, receivedAt: delivery.receivedAt, outcome: outcome, after: job))
    if job.phase.isTerminal { usage.noteEnd(of: job, snapshot: snapshot) }
    return Recording(outcome: outcome, job: job, isStray: isStray, endsJob: job.phase.isTerminal)
  }

  /// Records a repeated webhook id, without effect.
  ///
  /// The row goes to the history of the first delivery's job.
  ///
  /// The job that the repeat names does not matter.
  private func recordRepeat(
    _ delivery: Delivery, of earlier: WriterStatements.EarlierDelivery
  ) throws(StoreError) -> Recording {
    let outcome = DeliveryOutcome.redelivery(of: earlier.digest, as: delivery.snapshot.evidence.digest)
    let job = try statements.job(number: earlier.job)
    try recordWithoutEffect(delivery, besides: job, earlier.job, outcome: outcome, isRepeat: true)
    return Recording(outcome: outcome, job: job)
  }

  /// Records a delivery about the prediction of a past attempt, without effect.
  private func recordOfPastAttempt(_ delivery: Delivery, ofJob number: Int64) throws(StoreError) -> Recording
  {
    let job = try statements.job(number: number)
    try recordWithoutEffect(delivery, besides: job, number, outcome: .late, isRepeat: false)
    return Recording(outcome: .late, job: job)
  }

  private func recordWithoutEffect(
    _ delivery: Delivery, besides job: Job, _ number: Int64, outcome: DeliveryOutcome, isRepeat: Bool
  ) throws(StoreError) {
    let position = try statements.lastPosition(ofJob: number) + 1
    guard position <= Self.maxHistoryRows || !isRepeat else { return }
    try statements.insertDelivery(
      HistoryRow(
        job: number, position: position, webhookID: delivery.webhookID, source: .webhook, isRepeat: isRepeat,
        snapshot: delivery.snapshot, receivedAt: delivery.receivedAt, outcome: outcome, after: job))
  }
}

// MARK: - Polled snapshots

extension StoreTransaction {
  /// Records and applies a polled snapshot of the job with that number.
  ///
  /// - Returns: nil where the job has another prediction by now, or was deleted.
  package func record(_ polled: PolledSnapshot, ofJob number: Int64) throws(StoreError) -> Recording? {
    guard var job = try statements.findJob(number: number) else { return nil }
    let id = polled.snapshot.predictionID
    if let known = job.snapshot?.predictionID {
      guard known == id else { return nil }
    } else {
      // A poll result for a job without a prediction is about a past attempt, or about a deleted job whose
      // number was reused.
      guard polled.source != .poll, !job.phase.isTerminal, try attempts.job(ofPastPrediction: id) == nil
      else { return nil }
      if let other = try statements.findJob(predictionID: id) {
        guard other.job.origin == nil, let bound = try mergeOrphan(other, into: (number, job)) else {
          return nil
        }
        job = bound
      }
      try orders.noteSubmitted(number)
    }
    return try apply(polled, webhookID: nil, to: job, number)
  }

  /// Adopts the job row created from an unbound delivery.
  ///
  /// The orphan's history, cancel request and snapshot become those of the job, and its row is deleted.
  ///
  /// - Returns: nil where the snapshot ends an attempt, so that the job has begun another.
  private func mergeOrphan(
    _ other: (number: Int64, job: Job), into target: (number: Int64, job: Job)
  ) throws(StoreError) -> Job? {
    let (number, stored) = target
    guard var snapshot = other.job.snapshot else { return stored }
    let body = try statements.body(ofJob: other.number)
    let isCancelRequested = try orders.order(ofJob: other.number)?.isCancelRequested ?? false
    try statements.moveDeliveries(ofJob: other.number, toJob: number)
    try orders.delete(other.number)
    try statements.deleteJob(other.number)
    if isCancelRequested { try orders.noteCancelRequested(number, due: nil) }
    if other.job.phase.isTerminal { usage.reverseEnd(of: other.job) }
    let source: SnapshotSource = other.job.endFoundByPolling ? .poll : .webhook
    if !stored.phase.isTerminal, try endsAttempt(snapshot, of: number) {
      _ = try beginAttempt(after: snapshot, from: source, at: other.job.updatedAt, of: stored, number)
      return nil
    }
    if snapshot.phase == .succeeded {
      snapshot.ruleViolation = validateOutput(try orders.request(ofJob: number), body, other.job.verdict)
    }
    var job = stored
    let merge = job.merge(snapshot, from: source, receivedAt: other.job.updatedAt)
    // A job that has ended accepts only a signed end.
    guard merge.replacesSnapshot else { return job }
    try statements.updateJob(number, from: stored, to: job, body: body)
    count(merge, of: stored, job, snapshot)
    return job
  }

  /// Merges a snapshot into its job, and writes the changes.
  private func apply(
    _ polled: PolledSnapshot, webhookID: String?, to stored: Job, _ number: Int64, isStray: Bool = false
  ) throws(StoreError) -> Recording {
    var job = stored
    var (snapshot, body) = (polled.snapshot, polled.body)
    let isOpen = !job.phase.isTerminal
    let mayChange = isOpen || job.isEndedByDaemon
    if job.origin != nil, mayChange {
      if isOpen, try endsAttempt(snapshot, of: number) {
        return try retry(polled, webhookID: webhookID, of: job, number)
      }
      if snapshot.phase == .succeeded {
        snapshot.ruleViolation = validateOutput(
          try orders.request(ofJob: number), polled.body, snapshot.ruleViolation)
      }
    }
    if snapshot.isDataRemoved, job.snapshot != nil, mayChange,
      let restored = restore(body, try statements.body(ofJob: number))
    {
      (body, snapshot.evidence) = restored
    }
    let wasFoundByPolling = stored.endFoundByPolling
    let merge = job.merge(snapshot, from: polled.source, receivedAt: polled.receivedAt)
    if merge.changesJob {
      try statements.updateJob(number, from: stored, to: job, body: merge.replacesSnapshot ? body : nil)
    }
    count(merge, of: stored, job, snapshot)
    if wasFoundByPolling, !job.endFoundByPolling { usage.reclassifyAsDelivered(job) }
    try noteInHistory(polled, webhookID: webhookID, of: job, number, merge)
    return Recording(outcome: merge.outcome, job: job, isStray: isStray, endsJob: merge.endsJob)
  }

  /// Counts an end.
  ///
  /// One that replaces another reverses the first, on the day that counted it.
  private func count(_ merge: Job.Merge, of stored: Job, _ job: Job, _ snapshot: Snapshot) {
    if merge.replacesEnd { usage.reverseEnd(of: stored) }
    if merge.endsJob { usage.noteEnd(of: job, snapshot: snapshot) }
  }

  private func noteInHistory(
    _ polled: PolledSnapshot, webhookID: String?, of job: Job, _ number: Int64, _ merge: Job.Merge
  ) throws(StoreError) {
    // A poll without changes leaves no row, because there may be many.
    guard webhookID != nil || merge.replacesSnapshot || merge.endsJob else { return }
    try statements.insertDelivery(
      HistoryRow(
        job: number, position: try statements.lastPosition(ofJob: number) + 1, webhookID: webhookID,
        source: polled.source, isRepeat: false, snapshot: polled.snapshot, receivedAt: polled.receivedAt,
        outcome: merge.outcome, after: job))
  }

  /// Whether the snapshot ends the attempt, and a retry follows.
  private func endsAttempt(_ snapshot: Snapshot, of number: Int64) throws(StoreError) -> Bool {
    guard snapshot.phase == .failed, snapshot.error?.code == JobError.interrupted else { return false }
    return try orders.canRetry(number)
  }

  private func retry(
    _ polled: PolledSnapshot, webhookID: String?, of stored: Job, _ number: Int64
  ) throws(StoreError) -> Recording {
    let job = try beginAttempt(
      after: polled.snapshot, from: polled.source, at: polled.receivedAt, of: stored, number)
    try statements.insertDelivery(
      HistoryRow(
        job: number, position: try statements.lastPosition(ofJob: number) + 1, webhookID: webhookID,
        source: polled.source, isRepeat: false, snapshot: polled.snapshot, receivedAt: polled.receivedAt,
        outcome: .applied, after: job))
    return Recording(outcome: .applied, job: job)
  }

  private func beginAttempt(
    after snapshot: Snapshot, from source: SnapshotSource, at moment: Timestamp, of stored: Job,
    _ number: Int64
  ) throws(StoreError) -> Job {
    var job = stored
    job.beginAttempt(at: moment, endReportedBy: source)
    try attempts.notePastAttempt(snapshot, byJob: number, at: moment)
    try orders.queueNextAttempt(number, at: moment)
    try statements.updateJob(number, from: stored, to: job, body: [])
    return job
  }
}
