package import StoreSeam
package import Jobs
internal import Time
internal import Work

extension LedgerTransaction {
  func job(number: Int64) throws(StorageError) -> JobEntry? {
    if let known = jobs[number] { return known.flatMap { $0.isDeleted ? nil : $0 } }
    return load(try rows.job(number: number), number: number)
  }

  func job(id: String) throws(StorageError) -> JobEntry? {
    if let known = jobsByID[id] { return known }
    return adopt(try rows.job(id: id)).flatMap { $0.job.origin?.id == id ? $0 : nil }
  }

  func job(ofPrediction id: String) throws(StorageError) -> JobEntry? {
    if let known = jobsByPrediction[id] { return known }
    // A job that was loaded under another name may have lost this prediction meanwhile.
    return adopt(try rows.job(ofPrediction: id)).flatMap {
      $0.job.snapshot?.predictionID == id ? $0 : nil
    }
  }

  /// Finds a job by its own id or its prediction's.
  func job(named name: String) throws(StorageError) -> JobEntry? {
    if let found = try job(id: name) { return found }
    return try job(ofPrediction: name)
  }

  /// A job that a row of another table names.
  func requiredJob(number: Int64) throws(StorageError) -> JobEntry {
    guard let entry = try job(number: number) else { throw .corrupt("a row belongs to no job") }
    return entry
  }

  func adopt(_ row: StoredRow?) -> JobEntry? {
    guard let row else { return nil }
    if let known = jobs[row.number] { return known.flatMap { $0.isDeleted ? nil : $0 } }
    return load(row, number: row.number)
  }

  func load(_ row: StoredRow?, number: Int64) -> JobEntry? {
    let entry = row.map { JobEntry($0) }
    jobs[number] = .some(entry)
    return entry
  }

  func insertJob(
    _ job: consuming Job, number: Int64, body: [UInt8], snapshot: Snapshot?, order: Order? = nil
  ) -> JobEntry {
    job.dropUnstored()
    let version = JobVersion(job)
    let entry = JobEntry(new: version, number: number, body: body)
    jobs[entry.number] = .some(entry)
    if let id = version.job.origin?.id { jobsByID[id] = .some(entry) }
    if let id = version.job.snapshot?.predictionID { jobsByPrediction[id] = .some(entry) }
    note(
      JobTransition(
        number: entry.number, before: nil, after: entry.version, snapshot: snapshot, order: order,
        cause: .recorded, at: version.job.updatedAt))
    return entry
  }

  /// Changes a job.
  ///
  /// - Parameters:
  ///   - body: the body of a new snapshot; nil where the snapshot is unchanged.
  ///   - snapshot: the snapshot that causes the change.
  ///   - moment: when it happened. Nil for the job's own time.
  func update(
    _ entry: JobEntry, to job: Job, body: [UInt8]? = nil, snapshot: Snapshot? = nil,
    cause: JobTransition.Cause = .recorded, at moment: Timestamp? = nil
  ) {
    let before = entry.version
    assert(before.job.mayBecome(job), "a job goes backwards, or changes without a revision")
    // Later commands of this transaction find what those of a later one would.
    var kept = job
    kept.dropUnstored()
    entry.version = JobVersion(kept)
    entry.isChanged = true
    entry.hasRowChanges = true
    if let body { entry.body = body }
    if before.job.pollState.dueAt != job.pollState.dueAt { noteCheckChanged(entry) }
    let (old, new) = (before.job.snapshot?.predictionID, job.snapshot?.predictionID)
    if old != new {
      if let old { jobsByPrediction[old] = .some(nil) }
      if let new { jobsByPrediction[new] = .some(entry) }
    }
    note(
      JobTransition(
        number: entry.number, before: before, after: entry.version, snapshot: snapshot, cause: cause,
        at: moment ?? job.updatedAt))
  }

  /// Notes that the check was claimed or moved: an earlier write of its work item is obsolete.
  func noteCheckChanged(_ entry: JobEntry) {
    entry.isCheckChanged = true
    entry.isChanged = true
    work[WorkKey(.poll, job: entry.number)] = nil
  }

  /// Notes that what a capability adds to a job's document has changed.
  ///
  /// The job gets a new revision and change number. Hooks do not see it, because its state is the same.
  package func touch(_ number: Int64) throws(StorageError) {
    guard let entry = try job(number: number) else { return }
    var job = entry.job
    job.touch()
    entry.version = JobVersion(job)
    (entry.isChanged, entry.hasRowChanges) = (true, true)
  }

  func noteShownAnew(_ entry: JobEntry) {
    entry.isShownAnew = true
    entry.isChanged = true
  }

  func note(_ transition: JobTransition) {
    if rules.hasHooks { transitions.append(transition) }
  }

  /// The job with that id of its own. Nil for none.
  package func job(withID id: String) throws(StorageError) -> Job? { try job(id: id)?.job }

  package func job(withNumber number: Int64) throws(StorageError) -> Job? { try job(number: number)?.job }

  /// The body of a job's newest snapshot. Empty where there is none.
  package func body(ofJob number: Int64) throws(StorageError) -> [UInt8] {
    guard case let entry?? = jobs[number] else { return try rows.body(ofJob: number) }
    return try body(of: entry)
  }

  func body(of entry: JobEntry) throws(StorageError) -> [UInt8] {
    if let body = entry.body { return body }
    return try rows.body(ofJob: entry.number)
  }

  /// Deletes a job and all that belongs to it.
  func delete(_ entry: JobEntry, _ reason: DeletedJob.Reason) {
    entry.deletion = reason
    if let id = entry.job.origin?.id { jobsByID[id] = .some(nil) }
    if let id = entry.job.snapshot?.predictionID { jobsByPrediction[id] = .some(nil) }
    orders[entry.number] = .some(nil)
    for key in work.keys where key.job == entry.number { work[key] = nil }
    let keys = discardWrites(of: entry)
    note(
      JobTransition(
        number: entry.number, before: entry.version, after: nil, snapshot: nil,
        cause: JobTransition.Cause(reason), at: entry.job.updatedAt))
    var isRequested = false
    if case .requested = reason { isRequested = true }
    if isRequested { tombstoneKeys.formUnion(keys) }
    // No reader has seen an orphan that this transaction made.
    guard entry.stored != nil || isRequested else { return }
    writes.deletedJobs.append(
      DeletedJob(
        number: entry.number, reason: reason, id: entry.job.id, lastChange: entry.lastChange,
        keys: isRequested ? keys : []))
  }

  /// Discards the rows that this transaction would write for a job beside the job's own.
  ///
  /// - Returns: what identifies deliveries of the job, as far as this transaction knows it.
  private func discardWrites(of entry: JobEntry) -> [TombstoneKey] {
    var keys: [TombstoneKey] = []
    if let id = entry.job.origin?.id { keys.append(.job(id)) }
    if let id = entry.job.snapshot?.predictionID { keys.append(.prediction(id)) }
    for row in writes.history where row.job == entry.number && !row.isRepeat {
      if let id = row.webhookID { keys.append(.webhook(id)) }
    }
    for attempt in writes.attempts where attempt.job == entry.number {
      keys.append(.prediction(attempt.predictionID))
    }
    writes.history.removeAll { $0.job == entry.number }
    writes.attempts.removeAll { $0.job == entry.number }
    writes.refusals.removeAll { $0.job == entry.number }
    return keys
  }

  /// The reason for which this transaction has deleted the job. Nil where it has not.
  func deletion(of number: Int64) -> DeletedJob.Reason? { jobs[number].flatMap { $0?.deletion } }

  func unlessDeleted(_ number: Int64) -> Int64? { deletion(of: number) == nil ? number : nil }

  /// Whether an app has deleted the delivery's job, so that the delivery is dropped.
  func isOfDeletedJob(_ delivery: Delivery) throws(StorageError) -> Bool {
    let prediction = delivery.snapshot.predictionID
    if tombstoneKeys.contains(.prediction(prediction)) { return true }
    if let number = try rows.job(ofPastPrediction: prediction), deletion(of: number) != nil { return true }
    if try rows.isDeleted(prediction: prediction) { return true }
    guard let name = delivery.namedJob, try job(id: name) == nil else { return false }
    if tombstoneKeys.contains(.job(name)) { return true }
    return try rows.isDeleted(job: name)
  }

  /// Whether this transaction changes the job or its history.
  func isTouched(_ number: Int64) -> Bool {
    jobs[number].flatMap { $0 }.map { $0.isChanged || $0.isDeleted } ?? false
      || writes.history.contains { $0.job == number }
  }
}

extension JobTransition.Cause {
  fileprivate init(_ reason: DeletedJob.Reason) {
    switch reason {
    case .merged: self = .merged
    case .pruned: self = .pruned
    case .requested: self = .deleted
    }
  }
}

extension Job {
  /// Whether `next` may follow: no revision goes backwards, and no ended job is open again.
  func mayBecome(_ next: Job) -> Bool {
    next.revision >= revision && next.updatedAt >= updatedAt
      && (next.phase == phase && next.verdict == verdict || next.revision > revision)
      && (next.phase.isTerminal || !phase.isTerminal)
  }
}
