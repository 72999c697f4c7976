package import StoreSeam
package import Jobs
package import Time
internal import Work

extension LedgerTransaction {
  /// Checks up to `limit` due jobs, and claims the polls to make.
  ///
  /// See ``Job/check(at:policy:clockSetAt:timeout:jitter:)``. A held job ends at its deadline.
  package func claimDuePolls(
    at now: Timestamp, clockSetAt: Timestamp?, limit: Int, jitter: () -> Double
  ) throws(StorageError) -> DuePolls {
    var claimed = DuePolls()
    let due = try dueChecks(at: now, limit: limit)
    for item in due {
      guard let entry = try job(number: item.key.job) else {
        write(.delete(item.key))
        continue
      }
      guard !entry.job.isHeld else {
        try checkHeld(entry, at: now)
        continue
      }
      var job = entry.job
      let timeout = job.origin == nil ? nil : try order(ofJob: entry.number)?.timeout
      let check = job.check(
        at: now, policy: policy, clockSetAt: clockSetAt, timeout: timeout, jitter: jitter())
      update(entry, to: job)
      noteCheckChanged(entry)
      if check.becameStale { claimed.stale.append(job) }
      if check.needsPoll, let id = job.snapshot?.predictionID {
        claimed.polls.append(
          DuePolls.Poll(number: entry.number, predictionID: id, isCreatedHere: job.origin != nil))
      }
    }
    claimed.hasMore = due.count == limit
    return claimed
  }

  /// Spreads later checks over the next `spread` milliseconds, by their jobs' numbers.
  ///
  /// Call it where polling is on, at start and after the wall clock was set. It finds jobs that ended while
  /// the daemon was down, and resumes the checks of stale jobs that could not be polled before.
  package func spreadChecks(from now: Timestamp, within spread: Int64) {
    writes.sweeps.append(.spreadChecks(from: now, within: max(1, spread)))
    writes.sweeps.append(.resumeStaleChecks(from: now, within: max(1, spread)))
  }

  /// Moves the check that is due first to `moment`.
  ///
  /// Call it where that job cannot be read or written, so that it does not block the others.
  package func deferFirstCheck(at now: Timestamp, until moment: Timestamp) throws(StorageError) {
    try deferFirst(of: try dueChecks(at: now, limit: 1), until: moment)
  }

  /// Moves checks that are due after the timeout to its end.
  ///
  /// Call it at start where polling is off. A due time recorded while the clock was ahead then delays no
  /// check beyond the timeout.
  package func clampCheckTimes(from now: Timestamp) {
    writes.sweeps.append(.clampChecks(to: now.advanced(byMilliseconds: policy.timeout)))
  }

  /// Returns the key of that name, after storing `fresh` where there is none.
  package func key(_ name: String, orStore fresh: [UInt8]) throws(StorageError) -> [UInt8] {
    for case .put(name, let value) in writes.keys { return value }
    if let known = try rows.key(name) { return known }
    writes.keys.append(.put(name, fresh))
    return fresh
  }
}
