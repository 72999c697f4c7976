package import Jobs
package import Time

/// What a look at the open jobs that were due has found.
package struct Sweep: Sendable {
  /// Jobs that became stale.
  package var stale: [Job] = []
  package var questions: [Question] = []
  /// More jobs are due than were looked at.
  package var hasMore = false

  package init() {}

  /// A prediction to ask the provider about.
  package struct Question: Sendable {
    /// The job's.
    package let number: Int64
    package let predictionID: String
    /// Else it may be a training.
    package let isCreatedHere: Bool
  }
}

/// The statements of the sweeper.
final class WatchStatements {
  private let selectDue: Statement
  private let hasten: Statement
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
    hasten = Statement(
      """
      UPDATE jobs SET due_at = ?1 + abs(random() % ?2) WHERE due_at > ?1 + ?2 AND prediction_id IS NOT NULL
      """, on: connection)
    // Only an index on the phase finds them; there are as many as are stale.
    resume = Statement(
      """
      UPDATE jobs SET due_at = ?1 + abs(random() % ?2) WHERE phase IN ('pending', 'running')
        AND phase <> 'succeeded' AND stale_at IS NOT NULL AND due_at IS NULL AND prediction_id IS NOT NULL
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

  func hasten(from now: Timestamp, within spread: Int64) throws(StoreError) {
    try hasten.bind(1, now.milliseconds)
    try hasten.bind(2, max(1, spread))
    try hasten.run()
    try resume.bind(1, now.milliseconds)
    try resume.bind(2, max(1, spread))
    try resume.run()
  }

  /// Lets no look be due later than that.
  func clamp(to moment: Timestamp) throws(StoreError) {
    try clamp.bind(1, moment.milliseconds)
    try clamp.run()
  }

  func deferFirst(at now: Timestamp, until moment: Timestamp) throws(StoreError) {
    try deferFirst.bind(1, now.milliseconds)
    try deferFirst.bind(2, moment.milliseconds)
    try deferFirst.run()
  }

  /// Removes the key of that name, and returns what it held.
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
  /// Looks at up to `limit` open jobs whose time has come: see ``Job/look(at:policy:clockSetAt:timeout:jitter:)``.
  package func lookAfterJobs(
    at now: Timestamp, clockSetAt: Timestamp?, limit: Int, jitter: () -> Double
  ) throws(StoreError) -> Sweep {
    var sweep = Sweep()
    let due = try watchStatements.due(at: now, limit: limit)
    for (number, stored) in due {
      var job = stored
      let timeout = job.origin == nil ? nil : try orders.order(ofJob: number)?.timeout
      let look = job.look(
        at: now, policy: policy, clockSetAt: clockSetAt, timeout: timeout, jitter: jitter())
      try statements.updateJob(number, from: stored, to: job, body: nil)
      if look.becameStale { sweep.stale.append(job) }
      if look.asks, let id = job.snapshot?.predictionID {
        sweep.questions.append(
          Sweep.Question(number: number, predictionID: id, isCreatedHere: job.origin != nil))
      }
    }
    sweep.hasMore = due.count == limit
    return sweep
  }

  /// Call it at start, where the provider can be asked, and when the wall clock was set: what ended while nobody listened is asked for within `spread`
  /// milliseconds, and so are stale jobs of which nobody could be asked before.
  package func hastenLooks(from now: Timestamp, within spread: Int64) throws(StoreError) {
    try watchStatements.hasten(from: now, within: spread)
  }

  /// Call it where the job that is due first cannot be read or written: it is looked at then, and others before.
  package func deferFirstLook(at now: Timestamp, until moment: Timestamp) throws(StoreError) {
    try watchStatements.deferFirst(at: now, until: moment)
  }

  /// Call it at start, where the provider cannot be asked: a time that was noted while the clock was ahead delays no look for
  /// longer than the window for news.
  package func clampLooks(from now: Timestamp) throws(StoreError) {
    try watchStatements.clamp(to: now.advanced(byMilliseconds: policy.timeout))
  }

  /// The key of that name, which is `fresh` where the database has none yet.
  package func key(_ name: String, orStore fresh: [UInt8]) throws(StoreError) -> [UInt8] {
    try watchStatements.key(name, orStore: fresh)
  }
}
