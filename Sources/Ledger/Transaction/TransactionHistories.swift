internal import StoreSeam
internal import Jobs
internal import Time

extension LedgerTransaction {
  func historyLength(of entry: JobEntry) throws(StorageError) -> Int64 {
    if let length = entry.historyLength { return length }
    let length = try rows.historyLength(ofJob: entry.number)
    entry.historyLength = length
    return length
  }

  /// The first delivery with that webhook id.
  func earlierDelivery(webhookID: String) throws(StorageError) -> EarlierDelivery? {
    if let known = deliveries[webhookID] { return current(known) }
    return try rows.delivery(webhookID: webhookID).flatMap(current)
  }

  /// An earlier delivery after the merges and deletions of this transaction.
  private func current(_ found: EarlierDelivery) -> EarlierDelivery? {
    guard var number = found.job else { return found }
    while let adopter = adopters[number] { number = adopter.number }
    switch deletion(of: number) {
    case nil: return EarlierDelivery(job: number, digest: found.digest)
    case .requested: return EarlierDelivery(job: nil, digest: nil)
    case .pruned, .merged: return nil
    }
  }

  /// Appends a row for a snapshot to a job's history.
  func appendHistory(
    _ polled: PolledSnapshot, webhookID: String?, isRepeat: Bool = false, outcome: DeliveryOutcome,
    to entry: JobEntry
  ) throws(StorageError) {
    let position = try nextPosition(of: entry)
    let digest = polled.snapshot.evidence.digest
    writes.history.append(
      HistoryRow(
        job: entry.number, position: position, webhookID: webhookID, source: HistorySource(polled.source),
        isRepeat: isRepeat, digest: digest, providerStatus: polled.snapshot.providerStatus,
        receivedAt: polled.receivedAt, outcome: outcome, phase: entry.job.phase,
        revision: entry.job.revision))
    if let webhookID, !isRepeat {
      deliveries[webhookID] = EarlierDelivery(job: entry.number, digest: digest)
    }
  }

  /// Appends a row without a snapshot to a job's history.
  func appendHistory(
    _ source: HistorySource, status: String, at moment: Timestamp, outcome: DeliveryOutcome,
    to entry: JobEntry
  ) throws(StorageError) {
    writes.history.append(
      HistoryRow(
        job: entry.number, position: try nextPosition(of: entry), webhookID: nil, source: source,
        isRepeat: false, digest: nil, providerStatus: status, receivedAt: moment, outcome: outcome,
        phase: entry.job.phase, revision: entry.job.revision))
  }

  private func nextPosition(of entry: JobEntry) throws(StorageError) -> Int64 {
    let position = try historyLength(of: entry) + 1
    entry.historyLength = position
    return position
  }

  /// Appends the history of one job to that of another.
  func moveHistory(of entry: JobEntry, to other: JobEntry) throws(StorageError) {
    let (moved, offset) = (try historyLength(of: entry), try historyLength(of: other))
    if entry.stored != nil {
      writes.movedHistories.append(MovedHistory(from: entry.number, to: other.number, offset: offset))
    }
    for index in writes.history.indices where writes.history[index].job == entry.number {
      writes.history[index].job = other.number
      writes.history[index].position += offset
    }
    adopters[entry.number] = other
    other.historyLength = offset + moved
  }

  /// The times of a job's latest consecutive 404s that are later than `moment`, newest first.
  func notFoundAnswers(of entry: JobEntry, after moment: Timestamp) throws(StorageError) -> [Timestamp] {
    let move = writes.movedHistories.last { $0.to == entry.number }
    let own = writes.history.filter { $0.job == entry.number && $0.position > move?.offset ?? 0 }
    var answers: [Timestamp] = []
    for row in own.sorted(by: { $0.position > $1.position }) {
      guard row.outcome == .notFound, moment < row.receivedAt else { return answers }
      answers.append(row.receivedAt)
    }
    // An adopted history begins with a delivery, which ends the 404s before it.
    if let move { return answers + (try rows.notFoundAnswers(ofJob: move.from, after: moment)) }
    guard entry.stored != nil else { return answers }
    return answers + (try rows.notFoundAnswers(ofJob: entry.number, after: moment))
  }

  /// The job that had this prediction in a past attempt.
  func job(ofPastPrediction id: String) throws(StorageError) -> Int64? {
    if let known = pastPredictions[id] { return unlessDeleted(known) }
    return try rows.job(ofPastPrediction: id).flatMap(unlessDeleted)
  }

  func noteRefusal(_ error: JobError, of entry: JobEntry, at now: Timestamp) {
    writes.refusals.append(RefusalWrite(job: entry.number, error: error, endedAt: now))
    noteShownAnew(entry)
  }

  func notePastAttempt(_ snapshot: Snapshot, of entry: JobEntry, at now: Timestamp) {
    pastPredictions[snapshot.predictionID] = entry.number
    writes.attempts.append(
      AttemptWrite(
        predictionID: snapshot.predictionID, job: entry.number, error: snapshot.error, endedAt: now))
  }
}
