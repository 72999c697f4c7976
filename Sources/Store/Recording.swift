package import Jobs
package import Time

/// What became of one snapshot.
package struct Recording: Equatable, Sendable {
  package let outcome: DeliveryOutcome
  /// What the job is found by.
  package let jobID: String
  package let state: JobState
  package let revision: Int64
  /// The delivery names a job that was created here, but is of another prediction than that job's: it is recorded as if it
  /// named none.
  package let isStray: Bool
  /// The job ended through this snapshot.
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

/// What the provider answered when it was asked about a job's prediction.
package struct News: Sendable {
  package let source: SnapshotSource
  package let receivedAt: Timestamp
  package let snapshot: Snapshot
  /// The answer's body, with the token in it masked.
  package let body: [UInt8]

  package init(source: SnapshotSource, receivedAt: Timestamp, snapshot: Snapshot, body: [UInt8]) {
    self.source = source
    self.receivedAt = receivedAt
    self.snapshot = snapshot
    self.body = body
  }

  fileprivate init(_ delivery: Delivery) {
    self.init(
      source: .webhook, receivedAt: delivery.receivedAt, snapshot: delivery.snapshot, body: delivery.body)
  }
}

// MARK: - Deliveries

extension StoreTransaction {
  /// Records a delivery, and lets it have its effect, unless its id was seen before.
  package func record(_ delivery: Delivery) throws(StoreError) -> Recording {
    if let earlier = try statements.findDelivery(webhookID: delivery.webhookID) {
      return try recordRepeat(delivery, of: earlier)
    }
    if let (number, job) = try statements.findJob(predictionID: delivery.snapshot.predictionID) {
      if job.origin == nil, let named = try unboundJob(namedIn: delivery) {
        guard let bound = try absorb((number, job), into: named.job, named.number) else {
          return try recordOfLeftAttempt(delivery, ofJob: named.number)
        }
        try notePlaced(named)
        return try apply(News(delivery), webhookID: delivery.webhookID, to: bound, named.number)
      }
      let isStray = delivery.namedJob.map { $0 != job.origin?.id } ?? false
      return try apply(News(delivery), webhookID: delivery.webhookID, to: job, number, isStray: isStray)
    }
    if let number = try attempts.jobThatLeft(predictionID: delivery.snapshot.predictionID) {
      return try recordOfLeftAttempt(delivery, ofJob: number)
    }
    guard let named = try unboundJob(namedIn: delivery) else {
      return try recordFirst(delivery, isStray: delivery.namedJob != nil)
    }
    try notePlaced(named)
    return try apply(News(delivery), webhookID: delivery.webhookID, to: named.job, named.number)
  }

  /// The job that the delivery names, if its prediction is not known yet. One that has ended, then by our own
  /// word, takes only the end that replaces it: until then the prediction is a job of its own, which is
  /// polled.
  private func unboundJob(namedIn delivery: Delivery) throws(StoreError) -> (number: Int64, job: Job)? {
    guard let name = delivery.namedJob, let found = try statements.findJob(id: name),
      found.job.snapshot == nil,
      !found.job.phase.isTerminal || delivery.snapshot.phase?.isTerminal == true
    else { return nil }
    return found
  }

  /// An order that has ended stays at its end.
  private func notePlaced(_ named: (number: Int64, job: Job)) throws(StoreError) {
    if !named.job.phase.isTerminal { try orders.notePlaced(named.number) }
  }

  /// The first that is heard of its job.
  private func recordFirst(_ delivery: Delivery, isStray: Bool) throws(StoreError) -> Recording {
    let snapshot = delivery.snapshot
    let job = Job(
      firstSeenIn: snapshot, receivedAt: delivery.receivedAt,
      firstLook: policy.firstLook(after: delivery.receivedAt, timeout: nil))
    let outcome: DeliveryOutcome = snapshot.phase == nil ? .unknownStatus : .applied
    let number = try statements.insertJob(job, body: delivery.body)
    try statements.insertDelivery(
      HistoryRow(
        job: number, position: 1, webhookID: delivery.webhookID, source: .webhook, isRepeat: false,
        snapshot: snapshot, receivedAt: delivery.receivedAt, outcome: outcome, after: job))
    if job.phase.isTerminal { usage.noteEnd(of: job, snapshot: snapshot) }
    return Recording(outcome: outcome, job: job, isStray: isStray, endsJob: job.phase.isTerminal)
  }

  /// The same id again. It has no effect; it is recorded beside the job of the first one, whatever job it names.
  private func recordRepeat(
    _ delivery: Delivery, of earlier: WriterStatements.EarlierDelivery
  ) throws(StoreError) -> Recording {
    let outcome = DeliveryOutcome.redelivery(of: earlier.digest, as: delivery.snapshot.evidence.digest)
    let job = try statements.job(number: earlier.job)
    try recordWithoutEffect(delivery, besides: job, earlier.job, outcome: outcome, isRepeat: true)
    return Recording(outcome: outcome, job: job)
  }

  /// News of a prediction that its job has left for another attempt.
  private func recordOfLeftAttempt(_ delivery: Delivery, ofJob number: Int64) throws(StoreError) -> Recording
  {
    let job = try statements.job(number: number)
    try recordWithoutEffect(delivery, besides: job, number, outcome: .late, isRepeat: false)
    return Recording(outcome: .late, job: job)
  }

  private func recordWithoutEffect(
    _ delivery: Delivery, besides job: Job, _ number: Int64, outcome: DeliveryOutcome, isRepeat: Bool
  ) throws(StoreError) {
    let position = try statements.lastPosition(ofJob: number) + 1
    guard position <= Self.longestHistory || !isRepeat else { return }
    try statements.insertDelivery(
      HistoryRow(
        job: number, position: position, webhookID: delivery.webhookID, source: .webhook, isRepeat: isRepeat,
        snapshot: delivery.snapshot, receivedAt: delivery.receivedAt, outcome: outcome, after: job))
  }
}

// MARK: - Answers of the provider

extension StoreTransaction {
  /// Records what the provider answered about the prediction of the job with that number.
  ///
  /// - Returns: nil where the job has left that prediction meanwhile, or was deleted.
  package func record(_ news: News, ofJob number: Int64) throws(StoreError) -> Recording? {
    guard var job = try statements.findJob(number: number) else { return nil }
    let id = news.snapshot.predictionID
    if let known = job.snapshot?.predictionID {
      guard known == id else { return nil }
    } else {
      // A question is about a prediction that its job has left, or that a deleted job of the same number had.
      guard news.source != .poll, !job.phase.isTerminal, try attempts.jobThatLeft(predictionID: id) == nil
      else { return nil }
      if let other = try statements.findJob(predictionID: id) {
        guard other.job.origin == nil, let bound = try absorb(other, into: job, number) else { return nil }
        job = bound
      }
      try orders.notePlaced(number)
    }
    return try apply(news, webhookID: nil, to: job, number)
  }

  /// A delivery that named no job has told of this job's prediction before: what was made of it becomes this job's.
  ///
  /// - Returns: nil where the job has left that prediction thereby.
  private func absorb(
    _ other: (number: Int64, job: Job), into stored: Job, _ number: Int64
  ) throws(StoreError) -> Job? {
    guard var snapshot = other.job.snapshot else { return stored }
    let body = try statements.body(ofJob: other.number)
    let isCancelRequested = try orders.order(ofJob: other.number)?.isCancelRequested ?? false
    try statements.moveDeliveries(ofJob: other.number, toJob: number)
    try orders.delete(other.number)
    try statements.deleteJob(other.number)
    if isCancelRequested { try orders.noteCancelRequested(number, due: nil) }
    if other.job.phase.isTerminal { usage.takeBackEnd(of: other.job) }
    let source: SnapshotSource = other.job.endedUnheard ? .poll : .webhook
    if !stored.phase.isTerminal, try leavesAttempt(snapshot, of: number) {
      _ = try beginAttempt(after: snapshot, from: source, at: other.job.updatedAt, of: stored, number)
      return nil
    }
    if snapshot.phase == .succeeded {
      snapshot.breach = judge(try orders.request(ofJob: number), body, other.job.verdict)
    }
    var job = stored
    let merge = job.merge(snapshot, from: source, receivedAt: other.job.updatedAt)
    // What is not signed as an end leaves a job that has ended as it is.
    guard merge.replacesSnapshot else { return job }
    try statements.updateJob(number, from: stored, to: job, body: body)
    count(merge, of: stored, job, snapshot)
    return job
  }

  /// Merges a snapshot into its job, and writes what that changed.
  private func apply(
    _ news: News, webhookID: String?, to stored: Job, _ number: Int64, isStray: Bool = false
  ) throws(StoreError) -> Recording {
    var job = stored
    var (snapshot, body) = (news.snapshot, news.body)
    let isOpen = !job.phase.isTerminal
    let mayChange = isOpen || job.isEndedByOurWord
    if job.origin != nil, mayChange {
      if isOpen, try leavesAttempt(snapshot, of: number) {
        return try leave(news, webhookID: webhookID, of: job, number)
      }
      if snapshot.phase == .succeeded {
        snapshot.breach = judge(try orders.request(ofJob: number), news.body, snapshot.breach)
      }
    }
    if snapshot.isDataRemoved, job.snapshot != nil, mayChange,
      let restored = restore(body, try statements.body(ofJob: number))
    {
      (body, snapshot.evidence) = restored
    }
    let wasUnheard = stored.endedUnheard
    let merge = job.merge(snapshot, from: news.source, receivedAt: news.receivedAt)
    if merge.changesJob {
      try statements.updateJob(number, from: stored, to: job, body: merge.replacesSnapshot ? body : nil)
    }
    count(merge, of: stored, job, snapshot)
    if wasUnheard, !job.endedUnheard { usage.noteHeardAfterAll(job) }
    try noteInHistory(news, webhookID: webhookID, of: job, number, merge)
    return Recording(outcome: merge.outcome, job: job, isStray: isStray, endsJob: merge.endsJob)
  }

  /// An end that replaces another takes the first back, on the day on which it was counted.
  private func count(_ merge: Job.Merge, of stored: Job, _ job: Job, _ snapshot: Snapshot) {
    if merge.replacesEnd { usage.takeBackEnd(of: stored) }
    if merge.endsJob { usage.noteEnd(of: job, snapshot: snapshot) }
  }

  private func noteInHistory(
    _ news: News, webhookID: String?, of job: Job, _ number: Int64, _ merge: Job.Merge
  ) throws(StoreError) {
    // A question whose answer told nothing leaves no row: there may be many.
    guard webhookID != nil || merge.replacesSnapshot || merge.endsJob else { return }
    try statements.insertDelivery(
      HistoryRow(
        job: number, position: try statements.lastPosition(ofJob: number) + 1, webhookID: webhookID,
        source: news.source, isRepeat: false, snapshot: news.snapshot, receivedAt: news.receivedAt,
        outcome: merge.outcome, after: job))
  }

  /// Whether a prediction that was interrupted is tried again.
  private func leavesAttempt(_ snapshot: Snapshot, of number: Int64) throws(StoreError) -> Bool {
    guard snapshot.phase == .failed, snapshot.error?.code == JobError.interrupted else { return false }
    return try orders.canRetry(number)
  }

  private func leave(
    _ news: News, webhookID: String?, of stored: Job, _ number: Int64
  ) throws(StoreError) -> Recording {
    let job = try beginAttempt(
      after: news.snapshot, from: news.source, at: news.receivedAt, of: stored, number)
    try statements.insertDelivery(
      HistoryRow(
        job: number, position: try statements.lastPosition(ofJob: number) + 1, webhookID: webhookID,
        source: news.source, isRepeat: false, snapshot: news.snapshot, receivedAt: news.receivedAt,
        outcome: .applied, after: job))
    return Recording(outcome: .applied, job: job)
  }

  private func beginAttempt(
    after snapshot: Snapshot, from source: SnapshotSource, at moment: Timestamp, of stored: Job,
    _ number: Int64
  ) throws(StoreError) -> Job {
    var job = stored
    job.beginAttempt(at: moment, afterNewsFrom: source)
    try attempts.noteLeft(snapshot, byJob: number, at: moment)
    try orders.noteLeft(number, at: moment)
    try statements.updateJob(number, from: stored, to: job, body: [])
    return job
  }
}
