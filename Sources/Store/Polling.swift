package import Jobs
internal import SQLite
package import Time

/// The result of checking the open jobs that were due.
package struct DuePolls: Sendable {
  /// The jobs that became stale.
  package var stale: [Job] = []
  package var polls: [Poll] = []
  /// More jobs are due than were checked.
  package var hasMore = false

  package init() {}

  /// A prediction to poll.
  package struct Poll: Sendable {
    /// The job's number.
    package let number: Int64
    package let predictionID: String
    /// Whether the job was created here; otherwise it may be a training.
    package let isCreatedHere: Bool
  }
}

/// The prepared statements for checks, and for the table of keys.
final class PollStatements {
  private let selectDue: Statement
  private let spread: Statement
  private let resume: Statement
  private let selectKey: Statement
  private let insertKey: Statement
  private let deleteKey: Statement
  private let clamp: Statement
  private let deferFirst: Statement

  init(_ connection: Connection) {
    selectDue = Statement(
      "SELECT number, \(JobRow.columns) FROM jobs WHERE due_at <= ?1 ORDER BY due_at LIMIT ?2", on: connection
    )
    // Multiplicative hashing (Knuth, volume 3, 6.4) spreads numbers that follow each other.
    spread = Statement(
      """
      UPDATE jobs SET due_at = ?1 + number * 2654435761 % ?2
      WHERE due_at > ?1 + ?2 AND prediction_id IS NOT NULL
      """, on: connection)
    // Found through the index on the phase; the rows read are the stale jobs.
    resume = Statement(
      """
      UPDATE jobs SET due_at = ?1 + number * 2654435761 % ?2
      WHERE phase IN ('pending', 'running') AND phase <> 'succeeded' AND stale_at IS NOT NULL
        AND due_at IS NULL AND prediction_id IS NOT NULL
      """, on: connection)
    selectKey = Statement("SELECT value FROM keys WHERE name = ?", on: connection)
    insertKey = Statement("INSERT OR IGNORE INTO keys VALUES (?, ?)", on: connection)
    deleteKey = Statement("DELETE FROM keys WHERE name = ? RETURNING value", on: connection)
    deferFirst = Statement(
      """
      UPDATE jobs SET due_at = ?2
      WHERE number = (SELECT number FROM jobs WHERE due_at <= ?1 ORDER BY due_at LIMIT 1)
      """, on: connection)
    clamp = Statement("UPDATE jobs SET due_at = ?1 WHERE due_at > ?1", on: connection)
  }

  func due(at now: Timestamp, limit: Int) throws(StoreError) -> [(number: Int64, job: Job)] {
    defer { selectDue.reset() }
    try selectDue.bind(1, now.milliseconds)
    try selectDue.bind(2, Int64(limit))
    var jobs: [(number: Int64, job: Job)] = []
    while try selectDue.step() {
      jobs.append((Int64(selectDue.integer(0)), try JobRow.read(from: selectDue, at: 1)))
    }
    return jobs
  }

  func spread(from now: Timestamp, within window: Int64) throws(StoreError) {
    try spread.bind(1, now.milliseconds)
    try spread.bind(2, max(1, window))
    try spread.run()
    try resume.bind(1, now.milliseconds)
    try resume.bind(2, max(1, window))
    try resume.run()
  }

  /// Moves later checks to `moment`.
  func clamp(to moment: Timestamp) throws(StoreError) {
    try clamp.bind(1, moment.milliseconds)
    try clamp.run()
  }

  func deferFirst(at now: Timestamp, until moment: Timestamp) throws(StoreError) {
    try deferFirst.bind(1, now.milliseconds)
    try deferFirst.bind(2, moment.milliseconds)
    try deferFirst.run()
  }

  /// Deletes the key of that name, and returns its value.
  func takeKey(_ name: String) throws(StoreError) -> [UInt8]? {
    defer { deleteKey.reset() }
    try deleteKey.bind(1, name)
    return try deleteKey.step() ? deleteKey.bytes(0) : nil
  }

  func key(_ name: String, orStore fresh: [UInt8]) throws(StoreError) -> [UInt8] {
    try insertKey.bind(1, name)
    try insertKey.bind(2, copying: fresh)
    try insertKey.run()
    defer { selectKey.reset() }
    try selectKey.bind(1, name)
    return try selectKey.step() ? selectKey.bytes(0) : fresh
  }
}

extension StoreTransaction {
  /// Checks up to `limit` due jobs, and claims the polls to make.
  ///
  /// See ``Job/check(at:policy:clockSetAt:timeout:jitter:)``.
  package func claimDuePolls(
    at now: Timestamp, clockSetAt: Timestamp?, limit: Int, jitter: () -> Double
  ) throws(StoreError) -> DuePolls {
    var claimed = DuePolls()
    let due = try pollStatements.due(at: now, limit: limit)
    for (number, stored) in due {
      var job = stored
      let timeout = job.origin == nil ? nil : try orders.order(ofJob: number)?.timeout
      let check = job.check(
        at: now, policy: policy, clockSetAt: clockSetAt, timeout: timeout, jitter: jitter())
      try statements.updateJob(number, from: stored, to: job, body: nil)
      if check.becameStale { claimed.stale.append(job) }
      if check.needsPoll, let id = job.snapshot?.predictionID {
        claimed.polls.append(
          DuePolls.Poll(number: number, predictionID: id, isCreatedHere: job.origin != nil))
      }
    }
    claimed.hasMore = due.count == limit
    return claimed
  }

  /// Spreads later checks over the next `spread` milliseconds, by their jobs' numbers.
  ///
  /// Call it where polling is on, at start and after the wall clock was set. It finds jobs that ended while
  /// the daemon was down, and resumes the checks of stale jobs that could not be polled before.
  package func spreadChecks(from now: Timestamp, within spread: Int64) throws(StoreError) {
    try pollStatements.spread(from: now, within: spread)
  }

  /// Moves the check that is due first to `moment`.
  ///
  /// Call it where that job cannot be read or written, so that it does not block the others.
  package func deferFirstCheck(at now: Timestamp, until moment: Timestamp) throws(StoreError) {
    try pollStatements.deferFirst(at: now, until: moment)
  }

  /// Moves checks that are due after the timeout to its end.
  ///
  /// Call it at start where polling is off. A due time recorded while the clock was ahead then delays no
  /// check beyond the timeout.
  package func clampCheckTimes(from now: Timestamp) throws(StoreError) {
    try pollStatements.clamp(to: now.advanced(byMilliseconds: policy.timeout))
  }

  /// Returns the key of that name, after storing `fresh` where there is none.
  package func key(_ name: String, orStore fresh: [UInt8]) throws(StoreError) -> [UInt8] {
    try pollStatements.key(name, orStore: fresh)
  }
}
