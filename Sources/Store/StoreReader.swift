internal import CSQLite
package import Jobs

/// A connection that only reads, and sees what was committed when each question is asked. Used by one thread at a time.
package final class StoreReader {
  private let connection: Connection
  private let selectJob: Statement
  private let selectHistory: Statement
  private let countOutcomes: Statement

  /// Opens a database that a ``StoreWriter`` has made.
  package init(path: String, busyTimeout: Int32 = 1000) throws(StoreError) {
    connection = try Connection(path: path, access: .read, busyTimeout: busyTimeout)
    try Schema.requireCurrent(connection)
    selectJob = try Statement(
      "SELECT number, \(JobRow.columns), body FROM jobs WHERE prediction_id = ?", on: connection)
    selectHistory = try Statement(
      """
      SELECT webhook_id, received_at, provider_status, outcome, digest, position, phase, revision FROM deliveries
      WHERE job = ? AND position > ? ORDER BY position LIMIT ?
      """, on: connection)
    countOutcomes = try Statement(
      "SELECT outcome, count(*) FROM deliveries WHERE job = ? GROUP BY outcome", on: connection)
    try connection.rememberFiles()
  }

  /// The job of the prediction `id`, with the body that it rests on.
  package func job(_ id: String) throws(StoreError) -> StoredJob? {
    defer { selectJob.reset() }
    try selectJob.bind(1, id)
    guard try selectJob.step() else { return nil }
    return StoredJob(
      number: Int64(selectJob.integer(0)), job: try JobRow.read(from: selectJob, at: 1),
      body: selectJob.bytes(JobRow.columnCount + 1))
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
    let statement = try Statement(filter.sql, on: connection)
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

/// One delivery of a job, as it was recorded.
package struct HistoryEntry: Equatable, Sendable {
  /// From 1, within the job.
  package let position: Int64
  package let webhookID: String
  package let receivedAt: Timestamp
  package let providerStatus: String
  package let outcome: DeliveryOutcome
  package let digest: BodyDigest
  /// What the job was after this delivery.
  package let phase: Phase
  package let revision: Int64

  fileprivate init(_ statement: borrowing Statement) throws(StoreError) {
    guard let webhookID = statement.text(0), let status = statement.text(2),
      let outcome = statement.text(3).flatMap(DeliveryOutcome.init),
      let digest = BodyDigest(bytes: statement.bytes(4)),
      let phase = statement.text(6).flatMap(Phase.init)
    else { throw .corrupt("a row of deliveries holds what this program never writes") }
    position = Int64(statement.integer(5))
    self.webhookID = webhookID
    receivedAt = Timestamp(milliseconds: Int64(statement.integer(1)))
    providerStatus = status
    self.outcome = outcome
    self.digest = digest
    self.phase = phase
    revision = Int64(statement.integer(7))
  }
}
