internal import Jobs
internal import StoreSeam
internal import PostgreSQL
internal import PostgreSQLSchema
internal import Time
internal import Work

/// Orders and work.
extension PostgreSQLRows {
  func order(ofJob number: Int64) throws(StorageError) -> StoredOrder? {
    if let known = orders[number] { return known }
    guard !newNumbers.contains(number) else { return nil }
    try load(.jobs([number]))
    return orders[number] ?? nil
  }

  private static let selectRequest = Query("SELECT request FROM orders WHERE job = $1")

  func request(ofJob number: Int64) throws(StorageError) -> [UInt8] {
    guard try order(ofJob: number) != nil else { return [] }
    if let known = requests[number] { return known }
    let request = try run(Self.selectRequest, [.integer(number)]).bytes(0, 0)
    requests[number] = request
    return request
  }

  func job(ofIdempotencyKey key: String) throws(StorageError) -> Int64? {
    guard key.isStorable else { return nil }
    if jobsByKey[key] == nil {
      var keys = LedgerKeys()
      keys.idempotencyKeys = [key]
      try load(keys)
    }
    return jobsByKey[key] ?? nil
  }

  private static let selectWorkOfJobs = Query("SELECT \(WorkColumn.list) FROM work WHERE job = ANY($1)")

  func work(ofJob number: Int64) throws(StorageError) -> [WorkItem] {
    if let known = workOfJobs[number] { return known }
    guard try isLocked(number) else { return [] }
    // Where the work of one job is needed, that of the others is.
    let locked = lockedSubjects + jobs.compactMap { $0.value == nil ? nil : $0.key }
    let numbers = locked.filter { workOfJobs[$0] == nil }
    let rows = try run(Self.selectWorkOfJobs, [.integers(numbers.sorted())])
    for number in numbers { workOfJobs[number] = [] }
    for item in items(rows) { workOfJobs[item.key.job]?.append(item) }
    return workOfJobs[number] ?? []
  }

  /// Items that no other transaction has locked, nor their jobs. Both are locked.
  ///
  /// All locks are of the kind that does not wait. No more rows are locked than are returned, because what is
  /// skipped does not count: several processes claim beside each other. An item without a job is a subject's,
  /// or one that its job has left behind; it is found once it is among the first.
  ///
  /// - Parameters: `$1` is the kind, `$2` a local time, `$3` the same in the server's time, `$4` the maximum.
  private static func selectWork(_ condition: String) -> Query {
    Query(
      """
      WITH free AS MATERIALIZED (
        SELECT work.* FROM work JOIN jobs ON jobs.number = work.job WHERE kind = $1 AND \(condition)
        ORDER BY work.due_at, job LIMIT $4 FOR NO KEY UPDATE OF work, jobs SKIP LOCKED),
      stray AS MATERIALIZED (
        SELECT work.* FROM work WHERE (job, kind, key) IN (
          SELECT job, kind, key FROM (
            SELECT job, kind, key FROM work WHERE kind = $1 AND \(condition) ORDER BY due_at, job LIMIT $4
          ) AS first WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE number = first.job)
            AND (job >= 0 OR pg_try_advisory_xact_lock(job)))
          AND \(condition)
        FOR NO KEY UPDATE SKIP LOCKED)
      SELECT \(WorkColumn.list) FROM (SELECT * FROM free UNION ALL SELECT * FROM stray) AS work
      ORDER BY due_at, job LIMIT $4
      """)
  }

  /// The first condition is one for the index.
  private static let selectDueWork = selectWork(
    "work.due_at <= greatest($2, $3) AND work.due_at <= CASE WHEN owner IS NULL THEN $2 ELSE $3 END")
  private static let selectLaterWork = selectWork(
    "work.due_at > least($2, $3) AND work.due_at > CASE WHEN owner IS NULL THEN $2 ELSE $3 END")
  private static let selectClaimedWork = selectWork(
    "owner IS NOT NULL AND lease_until <= $3 AND $2 IS NOT NULL")

  private static let maxItems = 100_000

  func work(_ kind: WorkKind, dueAt moment: Timestamp, limit: Int) throws(StorageError) -> [WorkItem] {
    try items(Self.selectDueWork, kind, moment, limit)
  }

  func work(_ kind: WorkKind, dueAfter moment: Timestamp) throws(StorageError) -> [WorkItem] {
    try items(Self.selectLaterWork, kind, moment, Self.maxItems)
  }

  func claimedWork(_ kind: WorkKind, endingUntil moment: Timestamp) throws(StorageError) -> [WorkItem] {
    try items(Self.selectClaimedWork, kind, moment, Self.maxItems)
  }

  private func items(
    _ query: Query, _ kind: WorkKind, _ moment: Timestamp, _ limit: Int
  ) throws(StorageError) -> [WorkItem] {
    let limit = min(max(0, limit), Self.maxItems)
    let rows = try run(
      query,
      [
        .text(kind.rawValue), .integer(moment.milliseconds), .integer(clock.server(moment).milliseconds),
        .integer(Int64(limit)),
      ])
    let items = items(rows)
    noteLocked(items.map(\.key.job).filter { $0 < 0 })
    let numbers = Set(items.map(\.key.job)).filter { $0 >= 0 && jobs[$0] == nil }
    if !numbers.isEmpty { try load(.jobs(numbers.sorted())) }
    return items
  }

  /// The times of a claimed item are stored in the server's time.
  private func items(_ rows: Rows) -> [WorkItem] {
    (0..<rows.count).map { index in
      var item = WorkColumn.read(rows, index)
      if item.owner != nil {
        item.dueAt = clock.local(item.dueAt)
        item.leaseEnd = item.leaseEnd.map(clock.local)
      }
      return item
    }
  }

  private static let countUnclaimed = Query(
    """
    SELECT count(*) FROM (SELECT 1 FROM work WHERE kind = $1 AND owner IS NULL LIMIT 10000000) AS unclaimed
    """)

  func unclaimedCount(of kind: WorkKind) throws(StorageError) -> Int {
    let now = MonotonicClock.now
    if kind == .create, let known = memory.queuedCount(at: now) { return known }
    let count = Int(try run(Self.countUnclaimed, [.text(kind.rawValue)]).integer(0, 0))
    if kind == .create { memory.noteQueued(count, at: now) }
    return count
  }
}
