package import Jobs
internal import SQLite
package import Time

/// A read-only connection, used by one thread at a time.
///
/// Each query sees the latest commit.
package final class StoreReader {
  private let connection: Connection
  private let selectJob: Statement
  private let selectOrder: Statement
  private let selectUsage: Statement
  private let selectAttempts: Statement
  private let countQueuedBefore: Statement
  private let selectHistory: Statement
  private let countOutcomes: Statement

  /// Opens a database that a ``StoreWriter`` has created.
  package init(path: String, busyTimeout: Int32 = 1000) throws(StoreError) {
    connection = try Connection(path: path, access: .read, busyTimeout: busyTimeout)
    try Schema.migrations.requireCurrent(connection)
    // https://www.sqlite.org/lang_corefunc.html#coalesce: the second index is searched only if the first has
    // no match.
    selectJob = Statement(
      """
      SELECT number, \(JobRow.columns), body FROM jobs WHERE number = coalesce(
        (SELECT number FROM jobs WHERE id = ?1), (SELECT number FROM jobs WHERE prediction_id = ?1))
      """, on: connection)
    selectOrder = OrderStatements.selection(on: connection)
    selectUsage = Statement(
      "SELECT * FROM usage WHERE day BETWEEN ? AND ? ORDER BY day DESC, model", on: connection)
    selectAttempts = Statement(PastAttempt.selection, on: connection)
    countQueuedBefore = Statement(
      "SELECT count(*) FROM (SELECT 1 FROM orders WHERE stage = 'queued' AND due_at < ?1 LIMIT ?2)",
      on: connection)
    selectHistory = Statement(
      """
      SELECT webhook_id, received_at, provider_status, outcome, digest, position, phase, revision, source
        FROM deliveries
      WHERE job = ? AND position > ? ORDER BY position LIMIT ?
      """, on: connection)
    countOutcomes = Statement(
      "SELECT outcome, count(*) FROM deliveries WHERE job = ? GROUP BY outcome", on: connection)
    try connection.rememberFiles()
  }

  /// The job with that id, and the body of its snapshot.
  ///
  /// The id is the job's own or its prediction's.
  package func job(_ id: String) throws(StoreError) -> StoredJob? {
    defer { selectJob.reset() }
    try selectJob.bind(1, id)
    guard try selectJob.step() else { return nil }
    return StoredJob(
      number: Int64(selectJob.integer(0)), job: try JobRow.read(from: selectJob, at: 1),
      body: selectJob.bytes(JobRow.columnCount + 1))
  }

  /// The order of the job with that number. Nil where the job was not created here.
  package func order(ofJob number: Int64) throws(StoreError) -> StoredOrder? {
    defer { selectOrder.reset() }
    try selectOrder.bind(1, number)
    return try selectOrder.step() ? try OrderStatements.read(selectOrder) : nil
  }

  /// The past attempts of the job with that number, oldest first.
  package func attempts(ofJob number: Int64) throws(StoreError) -> [PastAttempt] {
    defer { selectAttempts.reset() }
    try selectAttempts.bind(1, number)
    var attempts: [PastAttempt] = []
    while try selectAttempts.step() { attempts.append(PastAttempt(selectAttempts)) }
    return attempts
  }

  /// The number of orders queued before `moment`, up to `limit`.
  package func queuedOrders(before moment: Timestamp, limit: Int) throws(StoreError) -> Int {
    defer { countQueuedBefore.reset() }
    try countQueuedBefore.bind(1, moment.milliseconds)
    try countQueuedBefore.bind(2, Int64(limit))
    return try countQueuedBefore.step() ? countQueuedBefore.integer(0) : 0
  }

  /// When the newest job last changed. Nil where there is none.
  package func newestUpdate() throws(StoreError) -> Timestamp? {
    try time("SELECT updated_at FROM jobs ORDER BY number DESC LIMIT 1")
  }

  /// The next due time of each kind of work.
  package func nextDue() throws(StoreError) -> NextDue {
    NextDue(
      check: try time("SELECT min(due_at) FROM jobs WHERE due_at IS NOT NULL"),
      create: try time("SELECT min(due_at) FROM orders WHERE stage = 'queued' AND due_at IS NOT NULL"),
      find: try time("SELECT min(due_at) FROM orders WHERE stage = 'unanswered' AND due_at IS NOT NULL"),
      cancel: try time("SELECT min(due_at) FROM orders WHERE stage = 'placed' AND due_at IS NOT NULL"))
  }

  private func time(_ sql: String) throws(StoreError) -> Timestamp? {
    try connection.optionalInteger(sql).map(Timestamp.init(milliseconds:))
  }

  /// The usage on `days`, counted from 1970-01-01, latest day first.
  package func usage(on days: ClosedRange<Int64>) throws(StoreError) -> [DailyUsage] {
    defer { selectUsage.reset() }
    try selectUsage.bind(1, days.lowerBound)
    try selectUsage.bind(2, days.upperBound)
    var rows: [DailyUsage] = []
    while try selectUsage.step() { rows.append(DailyUsage(selectUsage)) }
    return rows
  }

  /// The history of the job with that number after `position`, oldest first.
  package func history(
    ofJob number: Int64, after position: Int64, limit: Int
  ) throws(StoreError) -> [HistoryEntry] {
    defer { selectHistory.reset() }
    try selectHistory.bind(1, number)
    try selectHistory.bind(2, position)
    try selectHistory.bind(3, Int64(limit))
    var entries: [HistoryEntry] = []
    while try selectHistory.step() { entries.append(try HistoryEntry(selectHistory)) }
    return entries
  }

  /// The number of history rows per outcome of the job with that number.
  package func outcomeCounts(ofJob number: Int64) throws(StoreError) -> [DeliveryOutcome: Int] {
    defer { countOutcomes.reset() }
    try countOutcomes.bind(1, number)
    var counts: [DeliveryOutcome: Int] = [:]
    while try countOutcomes.step() {
      if let outcome = countOutcomes.text(0).flatMap(DeliveryOutcome.init) {
        counts[outcome] = countOutcomes.integer(1)
      }
    }
    return counts
  }

  /// A page of the jobs that match, newest first.
  ///
  /// - Parameters:
  ///   - before: the cursor, from ``JobPage/next``; nil for the first page.
  ///   - limit: the maximum number of jobs, at least one.
  package func jobs(matching filter: JobFilter, before: Int64?, limit: Int) throws(StoreError) -> JobPage {
    let statement = Statement(filter.sql, on: connection)
    try filter.bind(to: statement)
    try statement.bind(JobFilter.beforeParameter, before ?? .max)
    // One row more than requested shows whether there is a next page.
    try statement.bind(JobFilter.limitParameter, Int64(limit) + 1)
    var jobs: [(number: Int64, job: Job)] = []
    while try statement.step() {
      jobs.append((Int64(statement.integer(0)), try JobRow.read(from: statement, at: 1)))
    }
    let hasMore = jobs.count > limit
    if hasMore { jobs.removeLast() }
    return JobPage(jobs: jobs.map(\.job), next: hasMore ? jobs.last?.number : nil)
  }

  /// Throws unless the database is readable and still at its path.
  package func ping() throws(StoreError) {
    try connection.requireFilesInPlace()
    _ = try connection.integer("SELECT number FROM jobs LIMIT 1")
  }

  /// The first problem in the structure of the file. Nil for none. Reads the whole file.
  package func damage() throws(StoreError) -> String? {
    try connection.damage()
  }

  /// Counts the jobs whose body does not match its digest.
  ///
  /// Returns the first one's prediction, too.
  ///
  /// Reads every body. SQLite detects damage to its own structure, but has no checksums, so it does not
  /// notice zeros or flipped bits inside a body.
  ///
  /// - Parameter digest: SHA-256, as the digest stored in the row.
  package func damagedBodies(
    _ digest: (Span<UInt8>) -> [UInt8]
  ) throws(StoreError) -> (count: Int, first: String?) {
    let statement = Statement(
      "SELECT prediction_id, digest, body FROM jobs WHERE digest IS NOT NULL ORDER BY number", on: connection)
    var (count, first): (Int, String?) = (0, nil)
    while try statement.step() {
      guard digest(statement.bytes(2).span) != statement.bytes(1) else { continue }
      count += 1
      first = first ?? statement.text(0)
    }
    return (count, first)
  }

  /// The number of jobs. Reads a whole index.
  package func jobCount() throws(StoreError) -> Int {
    try connection.integer("SELECT count(*) FROM jobs")
  }
}

/// A job and the exact body of its snapshot.
package struct StoredJob: Sendable {
  /// The job's number, in order of creation.
  package let number: Int64
  package let job: Job
  package let body: [UInt8]
}

/// A page of a list, with the cursor of the next page. Nil on the last.
package struct JobPage: Sendable {
  package let jobs: [Job]
  package let next: Int64?
}

/// The next due time of each kind of work. Nil where none is due.
package struct NextDue: Equatable, Sendable {
  /// The check of an open job.
  package let check: Timestamp?
  /// The create call of an order.
  package let create: Timestamp?
  /// The search for the prediction of an unanswered order.
  package let find: Timestamp?
  /// The cancel call of an order.
  package let cancel: Timestamp?
}

/// The usage of one model on one day.
package struct DailyUsage: Equatable, Sendable {
  /// Counted from 1970-01-01, UTC.
  package let day: Int64
  /// Empty where it is not known.
  package let model: String
  package let usage: Usage

  fileprivate init(_ statement: Statement) {
    day = Int64(statement.integer(0))
    model = statement.text(1) ?? ""
    usage = Usage(
      succeeded: Int64(statement.integer(2)), failed: Int64(statement.integer(3)),
      canceled: Int64(statement.integer(4)), lostWebhooks: Int64(statement.integer(5)),
      predictMilliseconds: Int64(statement.integer(6)), queueMilliseconds: Int64(statement.integer(7)),
      runMilliseconds: Int64(statement.integer(8)))
  }
}

/// A row of a job's history.
///
/// It is a snapshot, a 404, or an end that the daemon decided.
package struct HistoryEntry: Equatable, Sendable {
  /// From 1, within the job.
  package let position: Int64
  /// Nil for a row that is not a delivery.
  package let webhookID: String?
  package let source: HistorySource
  package let receivedAt: Timestamp
  /// The provider's status, or the code of an end that the daemon decided. Empty for a 404.
  package let providerStatus: String
  package let outcome: DeliveryOutcome
  /// Nil without a body.
  package let digest: BodyDigest?
  /// The job's phase after the row's event.
  package let phase: Phase
  package let revision: Int64

  fileprivate init(_ statement: Statement) throws(StoreError) {
    guard let status = statement.text(2), let source = statement.text(8).flatMap(HistorySource.init),
      let outcome = statement.text(3).flatMap(DeliveryOutcome.init),
      let phase = statement.text(6).flatMap(Phase.init)
    else { throw .corrupt("a row of deliveries holds what this program never writes") }
    position = Int64(statement.integer(5))
    webhookID = statement.text(0)
    self.source = source
    receivedAt = Timestamp(milliseconds: Int64(statement.integer(1)))
    providerStatus = status
    self.outcome = outcome
    digest = BodyDigest(bytes: statement.bytes(4))
    self.phase = phase
    revision = Int64(statement.integer(7))
  }
}
