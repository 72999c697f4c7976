package import StoreSeam
package import Jobs
package import Time
internal import Work

extension LedgerTransaction {
  /// Ends up to `limit` jobs that are still queued at the end of their `start_before`.
  ///
  /// An order whose call may have been made is not ended: if it is queued again, it ends then.
  ///
  /// - Returns: the jobs that ended.
  package func endUnstarted(at now: Timestamp, limit: Int) throws(StorageError) -> [Job] {
    var ended: [Job] = []
    for item in try dueSteps(.startDeadline, at: now, limit: limit) {
      write(.delete(item.key))
      if let job = try endUnstarted(item.key.job, at: now) { ended.append(job) }
    }
    return ended
  }

  /// Ends a job whose first attempt is queued although its `start_before` is over.
  func endUnstarted(_ number: Int64, at now: Timestamp) throws(StorageError) -> Job? {
    guard let order = try order(ofJob: number), order.stage == .queued, let deadline = order.startBefore,
      deadline <= now, try job(number: number)?.job.attempt == 1
    else { return nil }
    let verdict = JobError(code: "not_started", message: "not sent to the provider within `start_before`")
    return try end(number, of: nil, as: .canceled, because: verdict, at: now)
  }
}
