package import Jobs
package import StoreSeam
package import Time

/// Holds back successes until a capability has done its work for them.
///
/// A held job is shown as `running`, with the prediction's status and output. It is neither polled nor stale,
/// and what the provider reports further counts as after an end.
package protocol EndGate: Sendable {
  /// Why a job fails whose end is held until the deadline.
  var failure: JobError { get }

  /// Until when the success of a job is held. Nil for a success that is not held.
  ///
  /// It is pure. It is called again when the job is checked: at that time, or earlier after a start.
  ///
  /// - Parameters:
  ///   - end: the snapshot that reports the success, whose output keeps the rules.
  ///   - job: as it would have ended, or as it is held.
  ///   - rows: the rows as commands have left them; hooks write theirs after all commands.
  func hold(
    _ end: Snapshot, of job: Job, number: Int64, reading rows: HookRows
  ) throws(StorageError) -> Timestamp?
}

/// How a held job ends.
package enum HeldEnd: Equatable, Sendable {
  case succeeded
  case failed(JobError)
}

extension LedgerTransaction {
  /// The code of a held success in a job's history.
  package static let releaseCode = "released"

  /// Holds the success with which `job` has just ended, if the gate wants that.
  ///
  /// - Returns: whether the job is held.
  func hold(_ job: inout Job, by end: Snapshot, number: Int64) throws(StorageError) -> Bool {
    guard let gate = rules.endGate, job.phase == .succeeded,
      let deadline = try gate.hold(end, of: job, number: number, reading: HookRows(self))
    else { return false }
    job.hold(until: deadline)
    return true
  }

  /// Ends a held job, as any end: hooks see it, and the history has it.
  ///
  /// - Returns: the job; nil where it is not held, or was deleted.
  @discardableResult
  package func release(
    _ number: Int64, as end: HeldEnd, at now: Timestamp
  ) throws(StorageError) -> Job? {
    guard let entry = try job(number: number), entry.job.isHeld else { return nil }
    var job = entry.job
    var verdict: JobError?
    if case .failed(let error) = end { verdict = error }
    job.release(because: verdict, at: now)
    update(entry, to: job, snapshot: entry.job.snapshot, at: now)
    try appendHistory(
      .daemon, status: verdict?.code ?? Self.releaseCode, at: now, outcome: .applied, to: entry)
    return job
  }

  /// Ends a held job whose deadline has passed, or which no gate holds any more.
  func checkHeld(_ entry: JobEntry, at now: Timestamp) throws(StorageError) {
    guard let gate = rules.endGate, let end = entry.job.snapshot,
      let deadline = try gate.hold(end, of: entry.job, number: entry.number, reading: HookRows(self))
    else {
      try release(entry.number, as: .succeeded, at: now)
      return
    }
    guard now < deadline else {
      try release(entry.number, as: .failed(gate.failure), at: now)
      return
    }
    var job = entry.job
    job.hold(until: deadline)
    update(entry, to: job)
    noteCheckChanged(entry)
  }
}
