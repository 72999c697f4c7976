package import Jobs
internal import SQLite
package import Time

/// The prepared statement that counts 404s.
final class NotFoundStatements {
  private let select: Statement

  init(_ connection: Connection) {
    select = Statement(
      "SELECT outcome, received_at FROM deliveries WHERE job = ? ORDER BY position DESC", on: connection)
  }

  /// The times of a job's latest consecutive 404s, none older than `moment`.
  ///
  /// They are read from the history, so any other row resets the count. A poll that finds the prediction
  /// unchanged leaves no row; `moment` accounts for it.
  func answers(ofJob number: Int64, after moment: Timestamp) throws(StoreError) -> [Timestamp] {
    defer { select.reset() }
    try select.bind(1, number)
    var moments: [Timestamp] = []
    while try select.step(), select.text(0) == DeliveryOutcome.notFound.rawValue,
      let received = select.time(1), moment < received
    {
      moments.append(received)
    }
    return moments
  }
}

extension StoreTransaction {
  /// Records a 404 that answered a poll or a cancel call.
  ///
  /// Ends the job after enough consecutive ones.
  ///
  /// - Returns: the job if it ended now.
  package func noteNotFound(
    _ number: Int64, of predictionID: String, from source: SnapshotSource, because verdict: JobError,
    at now: Timestamp
  ) throws(StoreError) -> Job? {
    guard let job = try statements.findJob(number: number), !job.phase.isTerminal,
      job.snapshot?.predictionID == predictionID
    else { return nil }
    try insertNotFound(of: job, number, from: source, at: now)
    let answers = try notFound.answers(ofJob: number, after: job.pollState.lastActivityAt)
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
  ) throws(StoreError) -> Job? {
    guard try awaited(order) != nil, let job = try statements.findJob(number: order.number) else {
      return nil
    }
    try insertNotFound(of: job, order.number, from: .answer, at: now)
    let answers = try notFound.answers(ofJob: order.number, after: Timestamp(milliseconds: .min))
    if NotFoundPolicy.creation.isMet(by: answers, at: now) {
      return try end(order.number, of: nil, as: .failed, because: verdict, at: now)
    }
    let pause = NotFoundPolicy.creationPause(afterAnswers: answers.count)
    try reschedule(order, until: now.advanced(byMilliseconds: pause), at: now)
    return nil
  }

  private func insertNotFound(
    of job: Job, _ number: Int64, from source: SnapshotSource, at now: Timestamp
  ) throws(StoreError) {
    try statements.insertDelivery(
      HistoryRow(
        job: number, position: try statements.lastPosition(ofJob: number) + 1, source: HistorySource(source),
        status: "", at: now, outcome: .notFound, after: job))
  }
}
