internal import CSQLite
package import Jobs
package import Time

/// A connection that only reads, and sees what was committed when each question is asked. Used by one thread at a time.
package final class StoreReader {
  private let connection: Connection
  private let selectJob: Statement
  private let selectOrder: Statement
  private let selectUsage: Statement
  private let selectAttempts: Statement
  private let countQueuedBefore: Statement
  private let selectHistory: Statement
  private let countOutcomes: Statement

  /// Opens a database that a ``StoreWriter`` has made.
  package init(path: String, busyTimeout: Int32 = 1000) throws(StoreError) {
    connection = try Connection(path: path, access: .read, busyTimeout: busyTimeout)
    try Schema.requireCurrent(connection)
    // https://www.sqlite.org/lang_corefunc.html#coalesce: the second index is looked into where the first has nothing.
    selectJob = Statement(
      """
      SELECT number, \(JobRow.columns), body FROM jobs WHERE number = coalesce(
        (SELECT number FROM jobs WHERE id = ?1), (SELECT number FROM jobs WHERE prediction_id = ?1))
      """, on: connection)
    selectOrder = OrderStatements.selection(on: connection)
    selectUsage = Statement(
      "SELECT * FROM usage WHERE day BETWEEN ? AND ? ORDER BY day DESC, model", on: connection)
    selectAttempts = Statement(LeftAttempt.selection, on: connection)
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

  /// The job that goes by `id`, its own or its prediction's, with the body that it rests on.
  package func job(_ id: String) throws(StoreError) -> StoredJob? {
    defer { selectJob.reset() }
    try selectJob.bind(1, id)
    guard try selectJob.step() else { return nil }
    return StoredJob(
      number: Int64(selectJob.integer(0)), job: try JobRow.read(from: selectJob, at: 1),
      body: selectJob.bytes(JobRow.columnCount + 1))
  }

  /// What was asked for with the job of that number; nil where it was not created here.
  package func order(ofJob number: Int64) throws(StoreError) -> StoredOrder? {
    defer { selectOrder.reset() }
    try selectOrder.bind(1, number)
    return try selectOrder.step() ? try OrderStatements.read(selectOrder) : nil
  }

  /// What the job of that number has tried in vain, oldest first.
  package func attempts(ofJob number: Int64) throws(StoreError) -> [LeftAttempt] {
    defer { selectAttempts.reset() }
    try selectAttempts.bind(1, number)
    var attempts: [LeftAttempt] = []
    while try selectAttempts.step() { attempts.append(LeftAttempt(selectAttempts)) }
    return attempts
  }

  /// How many orders are queued before one that is due at `moment`, up to `limit`.
  package func queuedOrders(before moment: Timestamp, limit: Int) throws(StoreError) -> Int {
    defer { countQueuedBefore.reset() }
    try countQueuedBefore.bind(1, moment.milliseconds)
    try countQueuedBefore.bind(2, Int64(limit))
    return try countQueuedBefore.step() ? countQueuedBefore.integer(0) : 0
  }

  /// When the newest job last changed; nil where there is none.
  package func newestUpdate() throws(StoreError) -> Timestamp? {
    try time("SELECT updated_at FROM jobs ORDER BY number DESC LIMIT 1")
  }

  /// When something is next due.
  package func nextDue() throws(StoreError) -> NextDue {
    NextDue(
      look: try time("SELECT min(due_at) FROM jobs WHERE due_at IS NOT NULL"),
      create: try time("SELECT min(due_at) FROM orders WHERE stage = 'queued' AND due_at IS NOT NULL"),
      find: try time("SELECT min(due_at) FROM orders WHERE stage = 'unanswered' AND due_at IS NOT NULL"),
      cancel: try time("SELECT min(due_at) FROM orders WHERE stage = 'placed' AND due_at IS NOT NULL"))
  }

  private func time(_ sql: String) throws(StoreError) -> Timestamp? {
    try connection.optionalInteger(sql).map(Timestamp.init)
  }

  /// What ended on the days `days`, counted from 1970-01-01: the latest day first.
  package func usage(on days: ClosedRange<Int64>) throws(StoreError) -> [DailyUsage] {
    defer { selectUsage.reset() }
    try selectUsage.bind(1, days.lowerBound)
    try selectUsage.bind(2, days.upperBound)
    var rows: [DailyUsage] = []
    while try selectUsage.step() { rows.append(DailyUsage(selectUsage)) }
    return rows
  }

  /// The deliveries of the job with that number, oldest first, after `position`.
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

  /// How many deliveries of the job with that number had which outcome.
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

  /// Jobs that match, newest first.
  ///
  /// - Parameters:
  ///   - before: the number to go on from; nil for the newest.
  ///   - limit: at most so many, at least one.
  package func jobs(matching filter: JobFilter, before: Int64?, limit: Int) throws(StoreError) -> JobPage {
    let statement = Statement(filter.sql, on: connection)
    try filter.bind(to: statement)
    try statement.bind(JobFilter.beforeParameter, before ?? .max)
    // One more than asked for tells whether there is a next page.
    try statement.bind(JobFilter.limitParameter, Int64(limit) + 1)
    var jobs: [(number: Int64, job: Job)] = []
    while try statement.step() {
      jobs.append((Int64(statement.integer(0)), try JobRow.read(from: statement, at: 1)))
    }
    let hasMore = jobs.count > limit
    if hasMore { jobs.removeLast() }
    return JobPage(jobs: jobs.map(\.job), next: hasMore ? jobs.last?.number : nil)
  }

  /// Asks the database something, to learn whether reading works, and whether what is read is what the path names.
  package func ping() throws(StoreError) {
    try connection.requireFilesInPlace()
    _ = try connection.integer("SELECT number FROM jobs LIMIT 1")
  }

  /// What `PRAGMA quick_check` finds wrong; nil where nothing is. Reads the whole file.
  package func damage() throws(StoreError) -> String? {
    let verdict = try connection.text("PRAGMA quick_check(1)")
    // It is a text of several lines.
    return verdict == "ok" ? nil : verdict.split(separator: "\n").joined(separator: " ")
  }

  /// How many jobs rest on a body that is not what was stored, and the first of their predictions. Reads every body.
  ///
  /// SQLite finds what damages its own structure, and knows no sums: zeros or flipped bits inside a body are a body to it.
  ///
  /// - Parameter digest: SHA-256; the digest in a row is of what is stored beside it.
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

  /// How many jobs there are. Reads an index from end to end.
  package func jobCount() throws(StoreError) -> Int {
    try connection.integer("SELECT count(*) FROM jobs")
  }
}

/// A job and the exact text of the snapshot that it rests on.
package struct StoredJob: Sendable {
  /// The job's place in the order of first sight.
  package let number: Int64
  package let job: Job
  package let body: [UInt8]
}

/// Jobs in the order of a list, and where the next page begins; nil on the last.
package struct JobPage: Sendable {
  package let jobs: [Job]
  package let next: Int64?
}

/// When what is next due; nil where nothing is.
package struct NextDue: Equatable, Sendable {
  /// A look at an open job.
  package let look: Timestamp?
  /// An order whose prediction is to be created.
  package let create: Timestamp?
  /// An order whose prediction may exist or not, and is to be looked for.
  package let find: Timestamp?
  /// An order whose prediction is to be canceled.
  package let cancel: Timestamp?
}

/// What ended on one day with one model.
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

/// One snapshot of a job, a 404 in place of one, or the job's end by the daemon's own word, as it was
/// recorded.
package struct HistoryEntry: Equatable, Sendable {
  /// From 1, within the job.
  package let position: Int64
  /// Nil where the snapshot was asked for.
  package let webhookID: String?
  package let source: HistorySource
  package let receivedAt: Timestamp
  /// What the provider said, or the code of an end that is the daemon's own; empty for a 404.
  package let providerStatus: String
  package let outcome: DeliveryOutcome
  /// Nil where there is no body that was kept.
  package let digest: BodyDigest?
  /// What the job was after this delivery.
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
