package import Jobs
package import StoreSeam
internal import SQLite
package import Time

/// The lists of a reader.
extension SQLiteReader {
  package func jobs(
    matching filter: JobFilter, before: Int64?, limit: Int, including parts: JobParts = []
  ) throws(StorageError) -> JobPage {
    try converting { () throws(DatabaseError) in
      let before = before ?? .max
      let (driver, floor) = try driver(of: filter, before: before)
      let statement = Statement(filter.sql(parts, driver), on: connection)
      try filter.bind(to: statement)
      try statement.bind(JobFilter.beforeParameter, before)
      // One row more than requested shows whether there is a next page.
      try statement.bind(JobFilter.limitParameter, Int64(limit) + 1)
      if let floor { try statement.bind(JobFilter.floorParameter, floor) }
      var page = PageBuilder()
      while try statement.step() {
        let row = try JobRow.listed(statement, parts)
        guard page.rows.count < limit, page.add(row) else {
          return JobPage(rows: page.rows, next: page.rows.last?.number)
        }
      }
      return JobPage(rows: page.rows, next: floor)
    }
  }

  /// What is searched through, and the job at which that ends early.
  ///
  /// Few jobs are the best. Where there are many, a page may end before it is full.
  private func driver(
    of filter: JobFilter, before: Int64
  ) throws(DatabaseError) -> (driver: ListDriver, floor: Int64?) {
    let drivers = filter.drivers
    guard let first = drivers.first else { return (.all, nil) }
    guard filter.needsFloor(first) else { return (first, nil) }
    var best: (driver: ListDriver, floor: Int64)?
    for driver in drivers {
      let statement = Statement(JobFilter.floorSQL(driver), on: connection)
      try filter.bind(driver, to: statement)
      try statement.bind(JobFilter.beforeParameter, before)
      try statement.bind(JobFilter.limitParameter, Int64(maxExamined - 1))
      guard try statement.step() else { return (driver, nil) }
      let floor = Int64(statement.integer(0))
      if best.map({ floor < $0.floor }) ?? true { best = (driver, floor) }
    }
    return (best?.driver ?? first, best?.floor)
  }

  package func firstNumber(recordedAt moment: Timestamp) throws(StorageError) -> Int64 {
    try converting { () throws(DatabaseError) in
      let probe = Statement(Self.recordedAtOrAfter, on: connection)
      var low: Int64 = 1
      var high = Int64(try connection.integer("SELECT coalesce(max(number), 0) + 1 FROM jobs"))
      // Each pass halves what is between the two. All jobs before `low` are earlier, none from `high` on is.
      while low < high {
        defer { probe.reset() }
        let middle = low + (high - low) / 2
        try probe.bind(1, middle)
        if try probe.step(), Int64(probe.integer(0)) < high, Int64(probe.integer(1)) < moment.milliseconds {
          low = Int64(probe.integer(0)) + 1
        } else {
          high = middle
        }
      }
      return low
    }
  }

  /// The first job from a number on, and when it was recorded.
  static let recordedAtOrAfter = """
    SELECT number, coalesce(ordered_at,
      (SELECT received_at FROM deliveries WHERE job = number AND position = 1), updated_at)
    FROM jobs WHERE number >= ?1 ORDER BY number LIMIT 1
    """

  package func jobs(
    withMember key: String, after position: MemberPosition, limit: Int, times: Range<Timestamp>
  ) throws(StorageError) -> [MemberRow] {
    try converting { () throws(DatabaseError) in
      let statement = Statement(JobRow.selectMembers, on: connection)
      try statement.bind(1, key)
      try statement.bind(2, position.value)
      try statement.bind(3, position.number)
      try statement.bind(4, Int64(limit))
      try statement.bind(5, times.lowerBound.milliseconds)
      try statement.bind(6, times.upperBound.milliseconds)
      var rows: [MemberRow] = []
      while try statement.step() {
        let (number, job) = try JobRow.read(statement, hasBilledTime: true)
        let value = statement.text(JobRow.valueColumn) ?? ""
        rows.append(MemberRow(position: MemberPosition(value: value, number: number), job: job))
      }
      return rows
    }
  }

  package func changes(
    after cursor: Int64, limit: Int, matching filter: JobFilter, including parts: JobParts
  ) throws(StorageError) -> FeedSlice {
    try converting { () throws(DatabaseError) in
      let changes = selectChanges
      defer { changes.reset() }
      try changes.bind(1, cursor)
      try changes.bind(2, Int64(limit))
      let select = changedJob(filter.sqlOfOne(parts))
      var page = PageBuilder()
      var (entries, last, examined): ([FeedEntry], Int64, Int) = ([], cursor, 0)
      while try changes.step() {
        let row = Row(changes, ChangeColumn.self)
        let change = row.int64(.change)
        if let number = row.optionalInteger(.job) {
          defer { select.reset() }
          try filter.bind(to: select)
          try select.bind(JobFilter.beforeParameter, number)
          if try select.step() {
            let job = try JobRow.listed(select, parts)
            guard page.add(job) else { return FeedSlice(entries: entries, last: last, hasMore: true) }
            entries.append(FeedEntry(change: change, id: job.job.id, row: job))
          } else if filter == JobFilter() {
            throw .foreignRow
          }
        } else {
          entries.append(FeedEntry(change: change, id: row.text(.id) ?? "", row: nil))
        }
        (last, examined) = (change, examined + 1)
      }
      return FeedSlice(entries: entries, last: last, hasMore: examined >= limit)
    }
  }

  private func changedJob(_ sql: String) -> Statement {
    if let selectChangedJob, selectChangedJob.sql == sql { return selectChangedJob.statement }
    let statement = Statement(sql, on: connection)
    selectChangedJob = (sql, statement)
    return statement
  }

  package func changes(after cursor: Int64, limit: Int) throws(StorageError) -> [FeedEntry] {
    try changes(after: cursor, limit: limit, matching: JobFilter(), including: []).entries
  }
}

/// The rows of a page, whose size is bounded.
private struct PageBuilder {
  private(set) var rows: [ListedJob] = []
  private var byteCount = 0

  /// - Returns: false where the row does not fit. The first one always does.
  mutating func add(_ row: ListedJob) -> Bool {
    byteCount += (row.metadata?.count ?? 0) + (row.body?.count ?? 0) + (row.request?.count ?? 0)
    guard rows.isEmpty || byteCount <= JobPage.maxBytes else { return false }
    rows.append(row)
    return true
  }
}

/// The columns of the feed: a job, or the id of a deleted one.
private enum ChangeColumn: Int32, ColumnSet {
  case change, job, id

  var name: String {
    switch self {
    case .change: "change"
    case .job: "job"
    case .id: "id"
    }
  }
}
