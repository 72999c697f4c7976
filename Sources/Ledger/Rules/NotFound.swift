package import StoreSeam
package import Jobs
package import Time

extension LedgerTransaction {
  /// Records a 404 that answered a poll or a cancel call.
  ///
  /// Ends the job after enough consecutive ones.
  ///
  /// - Returns: the job if it ended now.
  package func noteNotFound(
    _ number: Int64, of predictionID: String, from source: SnapshotSource, because verdict: JobError,
    at now: Timestamp
  ) throws(StorageError) -> Job? {
    guard let entry = try job(number: number), !entry.job.isSettled,
      entry.job.snapshot?.predictionID == predictionID
    else { return nil }
    try appendHistory(HistorySource(source), status: "", at: now, outcome: .notFound, to: entry)
    // A poll that finds the prediction unchanged leaves no row, but counts as activity.
    let answers = try notFoundAnswers(of: entry, after: entry.job.pollState.lastActivityAt)
    guard NotFoundPolicy.prediction.isMet(by: answers, at: now) else { return nil }
    return try end(number, of: predictionID, as: .failed, because: verdict, at: now)
  }

  /// Records a 404 that answered a create call, and schedules a retry.
  ///
  /// After enough consecutive ones it ends the job instead.
  ///
  /// - Returns: the job if it ended now.
  package func noteNotFound(
    creating order: StoredOrder, because verdict: JobError, at now: Timestamp
  ) throws(StorageError) -> Job? {
    guard try awaited(order) != nil, let entry = try job(number: order.number) else { return nil }
    try appendHistory(.answer, status: "", at: now, outcome: .notFound, to: entry)
    let answers = try notFoundAnswers(of: entry, after: Timestamp(milliseconds: .min))
    if NotFoundPolicy.creation.isMet(by: answers, at: now) {
      return try end(order.number, of: nil, as: .failed, because: verdict, at: now)
    }
    let pause = NotFoundPolicy.creationPause(afterAnswers: answers.count)
    try reschedule(order, until: now.advanced(byMilliseconds: pause), at: now)
    return nil
  }
}
