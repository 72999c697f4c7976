package import Jobs
package import StoreSeam
internal import PostgreSQL
internal import PostgreSQLSchema
package import Time

/// The lists of a reader.
extension PostgreSQLReader {
  package func jobs(
    matching filter: JobFilter, before: Int64?, limit: Int, including parts: JobParts
  ) async throws(StorageError) -> JobPage {
    let (before, maxExamined) = (before ?? .max, maxExamined)
    return try await read { (session) throws(PostgreSQLError) in
      let driver = try JobList.bestDriver(of: filter, before, maxExamined, in: session)
      let needsFloor = filter.needsFloor(driver)
      let list = JobList.page(filter, driver, before, limit, parts, maxExamined)
      let rows = try session.read(isLast: !needsFloor) { $0.add(list.query, list.parameters) }[0]
      let page = try Self.decoding { () throws(StorageError) in
        try JobList.page(of: rows, limit: limit, parts)
      }
      guard needsFloor else { return page }
      let floor = JobList.floor(filter, driver, before, maxExamined)
      let last = try session.read { if page.next == nil { $0.add(floor.query, floor.parameters) } }
      guard page.next == nil else { return page }
      return JobPage(rows: page.rows, next: last[0].optionalInteger(0, 0))
    }
  }

  package func firstNumber(recordedAt moment: Timestamp) async throws(StorageError) -> Int64 {
    try await read { (session) throws(PostgreSQLError) in
      let query = JobList.firstNumber
      return try session.read { $0.add(query, [.integer(moment.milliseconds)]) }[0].integer(0, 0)
    }
  }

  package func jobs(
    withMember key: String, after position: MemberPosition, limit: Int, times: Range<Timestamp>
  ) async throws(StorageError) -> [MemberRow] {
    let parameters: [Parameter] = [
      .bytes(key.bytes), .bytes(position.value.bytes), .integer(position.number), .integer(Int64(limit)),
      .integer(times.lowerBound.milliseconds), .integer(times.upperBound.milliseconds),
    ]
    return try await read { (session) throws(PostgreSQLError) in
      let rows = try session.read { $0.add(JobList.members, parameters) }[0]
      return try Self.decoding { () throws(StorageError) in
        try (0..<rows.count).map { (row) throws(StorageError) in
          let (number, job) = try JobRow.read(rows, row)
          let value = String(decoding: rows.bytes(row, JobColumn.count), as: UTF8.self)
          return MemberRow(position: MemberPosition(value: value, number: number), job: job)
        }
      }
    }
  }
}

/// The queries of lists.
enum JobList {
  typealias Statement = (query: Query, parameters: [Parameter])

  /// The driver with the fewest jobs, if there are several members: the first one that few jobs have.
  static func bestDriver(
    of filter: JobFilter, _ before: Int64, _ maxExamined: Int, in session: ReadSession
  ) throws(PostgreSQLError) -> ListDriver {
    guard filter.metadata.count > 1, case .member = filter.driver else { return filter.driver }
    let floors = try session.read(isLast: false) { queries in
      for member in filter.metadata.indices {
        let floor = floor(filter, .member(member), before, maxExamined)
        queries.add(floor.query, floor.parameters)
      }
    }
    return .member(floors.firstIndex { $0.count == 0 } ?? 0)
  }

  /// The job at which a page ends early. None where the driver has fewer jobs.
  static func floor(
    _ filter: JobFilter, _ driver: ListDriver, _ before: Int64, _ maxExamined: Int
  ) -> Statement {
    var query = FilterQuery(filter)
    let numbers = query.numbers(driver, before: before)
    let offset = query.parameters.add(.integer(Int64(maxExamined) - 1))
    return (Query("\(numbers) LIMIT 1 OFFSET \(offset)"), query.parameters.values)
  }

  /// A page: each job is found by its number, and the search ends with the page.
  ///
  /// The `LIMIT 1` makes sure of both: without it the planner may join all jobs first.
  static func page(
    _ filter: JobFilter, _ driver: ListDriver, _ before: Int64, _ limit: Int, _ parts: JobParts,
    _ maxExamined: Int
  ) -> Statement {
    var query = FilterQuery(filter)
    let numbers = query.numbers(driver, before: before)
    let examined = query.parameters.add(.integer(filter.needsFloor(driver) ? Int64(maxExamined) : .max))
    // One row more than requested shows whether there is a next page.
    let rows = query.parameters.add(.integer(Int64(limit) + 1))
    let conditions = ["number = driver.job"] + query.conditions(without: driver)
    let source = """
      SELECT jobs.* FROM (\(numbers) LIMIT \(examined)) AS driver CROSS JOIN LATERAL (
        SELECT \(ListColumns.source(parts)) FROM jobs WHERE \(conditions.joined(separator: " AND ")) LIMIT 1
      ) AS jobs ORDER BY \(driver.order) LIMIT \(rows)
      """
    return (Query(ListColumns.page(of: source, by: "number DESC", parts)), query.parameters.values)
  }

  static func page(of rows: Rows, limit: Int, _ parts: JobParts) throws(StorageError) -> JobPage {
    var listed: [ListedJob] = []
    listed.reserveCapacity(min(limit, rows.count))
    for row in 0..<rows.count {
      guard listed.count < limit, let job = try ListColumns.read(rows, row, parts) else {
        return JobPage(rows: listed, next: listed.last?.number)
      }
      listed.append(job)
    }
    return JobPage(rows: listed, next: nil)
  }

  /// Searches for a time by halves: jobs before `low` are earlier, and none from `high` on is.
  static let firstNumber = Query(
    """
    WITH RECURSIVE search (low, high) AS (
      SELECT 1::bigint, coalesce((SELECT max(number) FROM jobs), 0) + 1
      UNION ALL
      SELECT CASE WHEN is_earlier THEN number + 1 ELSE low END, CASE WHEN is_earlier THEN high ELSE middle END
      FROM (SELECT low, high, low + (high - low) / 2 AS middle FROM search WHERE low < high) AS halves
        LEFT JOIN LATERAL (
          SELECT number, number < high AND coalesce(ordered_at,
            (SELECT received_at FROM deliveries WHERE job = number AND position = 1), updated_at) < $1
            AS is_earlier
          FROM jobs WHERE number >= middle ORDER BY number LIMIT 1
        ) AS probe ON true)
    SELECT low FROM search WHERE low >= high
    """)

  /// The jobs with one member. The billed time is read only where it is needed.
  static let members = Query(
    """
    SELECT jobs.*, driver.value FROM (
      SELECT value, job FROM metadata_members WHERE key = $1 AND (value, job) > ($2, $3)
      ORDER BY value, job LIMIT $4
    ) AS driver CROSS JOIN LATERAL (
      SELECT \(JobRow.shown(billedTime: billedTime)) FROM jobs WHERE number = driver.job LIMIT 1
    ) AS jobs ORDER BY driver.value, driver.job
    """)
  private static let billedTime =
    "CASE WHEN updated_at >= $5 AND updated_at < $6 THEN predict_milliseconds END"
}
