package import Jobs
package import Ledger
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
      let statement = Statement(
        filter.sql(parts, driver: driver, hasFloor: floor != nil), on: connection)
      try filter.bind(to: statement)
      try statement.bind(JobFilter.beforeParameter, before)
      // One row more than requested shows whether there is a next page.
      try statement.bind(JobFilter.limitParameter, Int64(limit) + 1)
      try statement.bind(JobFilter.floorParameter, floor)
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

  /// The member whose jobs are searched through, and the job at which that ends early.
  ///
  /// A member of few jobs is the best one. Where each has many, a page may end before it is full.
  private func driver(
    of filter: JobFilter, before: Int64
  ) throws(DatabaseError) -> (member: Int?, floor: Int64?) {
    guard filter.needsFloor else { return (nil, nil) }
    var first: Int64?
    for member in filter.metadata.indices {
      let statement = Statement(JobFilter.floorSQL(member), on: connection)
      try filter.bind(member, to: statement)
      try statement.bind(JobFilter.beforeParameter, before)
      try statement.bind(JobFilter.limitParameter, Int64(maxExamined - 1))
      guard try statement.step() else { return (member, nil) }
      first = first ?? Int64(statement.integer(0))
    }
    return (0, first)
  }

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
