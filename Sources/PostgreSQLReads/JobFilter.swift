internal import Jobs
internal import StoreSeam
internal import PostgreSQL
internal import PostgreSQLSchema

/// What a list searches through: jobs in the order of their numbers, by one index.
///
/// Each query has an order that only that index has. Statistics mislead the planner, which would look for the
/// jobs of a model that is no longer used among all of the newest jobs.
enum ListDriver: Equatable, Sendable {
  case all
  case open
  case unsuccessful
  case model
  /// The position of the member in the filter.
  case member(Int)
  case ids

  /// The order of the rows of ``FilterQuery/numbers(_:before:)``, so that nothing is sorted.
  var order: String {
    switch self {
    case .unsuccessful, .model: "driver.value DESC, driver.job DESC"
    case .all, .open, .member, .ids: "driver.job DESC"
    }
  }
}

extension JobFilter {
  /// The condition with the fewest jobs, as far as the filter alone shows it.
  var driver: ListDriver {
    if ids != nil { return .ids }
    if !metadata.isEmpty { return .member(0) }
    switch state {
    case .pending, .running, .stale: return .open
    case .failed, .canceled: return .unsuccessful
    case .succeeded, nil: return model == nil ? .all : .model
    }
  }

  /// Whether the driver's jobs may fail another condition, so that a long search may find none.
  func needsFloor(_ driver: ListDriver) -> Bool {
    switch driver {
    case .ids: false
    case .open: true
    case .all: state != nil || endedBy != nil
    case .unsuccessful: model != nil || endedBy != nil
    case .model: state != nil || endedBy != nil
    case .member: metadata.count > 1 || state != nil || model != nil || endedBy != nil
    }
  }
}

/// A query over the jobs of a filter, which is put together with its parameters.
struct FilterQuery {
  private let filter: JobFilter
  var parameters = ParameterList()

  init(_ filter: JobFilter) { self.filter = filter }

  /// The numbers of the driver's jobs before `before`, newest first: see ``ListDriver/order``.
  mutating func numbers(_ driver: ListDriver, before: Int64) -> String {
    let before = parameters.add(.integer(before))
    let min = filter.minNumber.map { parameters.add(.integer($0)) }
    func isWithin(_ column: String) -> String {
      "\(column) < \(before)" + (min.map { " AND \(column) >= \($0)" } ?? "")
    }
    switch driver {
    case .all: return "SELECT number AS job FROM jobs WHERE \(isWithin("number")) ORDER BY number DESC"
    case .open: return "SELECT job FROM open_jobs WHERE \(isWithin("job")) ORDER BY job DESC"
    case .unsuccessful:
      let phase = parameters.add(.text(filter.state?.rawValue ?? ""))
      return Self.numbers(in: "unsuccessful", of: phase, before, min)
    case .model:
      let model = parameters.add(.bytes(filter.model?.bytes ?? []))
      return Self.numbers(
        in: Self.modelPrefix, of: "substring(\(model), 1, 200)", before, min, "AND model = \(model)")
    case .member(let index):
      let key = parameters.add(.bytes(filter.metadata[index].key.bytes))
      let value = parameters.add(.bytes(filter.metadata[index].value.bytes))
      return """
        SELECT job FROM metadata_members WHERE key = \(key) AND value = \(value) AND \(isWithin("job"))
        ORDER BY job DESC
        """
    case .ids:
      let ids = parameters.add(.texts((filter.ids ?? []).filter(PostgreSQLReader.isStorable)))
      return """
        SELECT job FROM (
          SELECT number AS job FROM jobs WHERE id = ANY(\(ids))
          UNION SELECT number FROM jobs WHERE prediction_id = ANY(\(ids)) OFFSET 0) AS named
        WHERE \(isWithin("job")) ORDER BY job DESC
        """
    }
  }

  private static let modelPrefix = "substring(model, 1, 200)"

  /// The jobs with one value of an indexed column.
  ///
  /// An equation would let the planner drop the column from the order, and then use another index. A
  /// comparison of the column alone proves that it is not NULL, which a partial index requires.
  private static func numbers(
    in column: String, of value: String, _ before: String, _ min: String?, _ condition: String = ""
  ) -> String {
    """
    SELECT number AS job, \(column) AS value FROM jobs
    WHERE (\(column), number) < (\(value), \(before)) AND \(column) >= \(value)
      AND (\(column), number) >= (\(value), \(min ?? "0")) \(condition)
    ORDER BY \(column) DESC, number DESC
    """
  }

  /// The conditions on a row of `jobs`, except the driver's.
  mutating func conditions(without driver: ListDriver? = nil) -> [String] {
    var conditions: [String] = []
    if driver == nil, let min = filter.minNumber {
      conditions.append("number >= \(parameters.add(.integer(min)))")
    }
    switch filter.state {
    case nil: break
    case .succeeded: conditions.append("phase = 'succeeded'")
    case .failed: if driver != .unsuccessful { conditions.append("unsuccessful = 'failed'") }
    case .canceled: if driver != .unsuccessful { conditions.append("unsuccessful = 'canceled'") }
    case .pending: conditions.append("phase = 'pending' AND stale_at IS NULL")
    case .running: conditions.append("phase = 'running' AND stale_at IS NULL")
    // Only a job that has not ended can be stale.
    case .stale: conditions.append("phase IN ('pending', 'running') AND stale_at IS NOT NULL")
    }
    if let model = filter.model, driver != .model {
      conditions.append("model = \(parameters.add(.bytes(model.bytes)))")
    }
    if let source = filter.endedBy { conditions.append(Self.condition(source)) }
    conditions += membersCondition(without: driver)
    if let ids = filter.ids, driver != .ids {
      let ids = parameters.add(.texts(ids.filter(PostgreSQLReader.isStorable)))
      conditions.append("(jobs.id = ANY(\(ids)) OR prediction_id = ANY(\(ids)))")
    }
    return conditions
  }

  /// The condition on a job that ended so. An earlier version stores no source, but whether it was polling.
  private static func condition(_ source: EndSource) -> String {
    let ends = "('succeeded', 'failed', 'canceled')"
    let isReported = "phase IN \(ends) AND snapshot_phase IN \(ends)"
    return switch source {
    case .daemon: "phase IN \(ends) AND coalesce(snapshot_phase, '') NOT IN \(ends)"
    case .poll: "\(isReported) AND (ended_by = \(source.number) OR ended_unheard AND ended_by IS NULL)"
    case .webhook, .answer: "\(isReported) AND ended_by = \(source.number)"
    }
  }

  /// Counts the members that match, because a subquery that returns a value is not made into a join.
  private mutating func membersCondition(without driver: ListDriver?) -> [String] {
    let members = filter.metadata.enumerated().filter { .member($0.offset) != driver }.map(\.element)
    guard !members.isEmpty else { return [] }
    let keys = parameters.add(.byteArrays(members.map(\.key.bytes)))
    let values = parameters.add(.byteArrays(members.map(\.value.bytes)))
    return [
      """
      cardinality(\(keys)) = (
        SELECT count(*) FROM metadata_members AS member
          JOIN unnest(\(keys), \(values)) AS wanted (key, value)
            ON member.key = wanted.key AND member.value = wanted.value
        WHERE member.job = jobs.number)
      """
    ]
  }
}

/// The columns of a list: those of a job, its metadata, and the parts that its rows include.
///
/// The server stops where the parts exceed a page, so that no more than a page is received.
enum ListColumns {
  private static let metadata = JobColumn.count
  private static let fits = JobColumn.count + 1
  private static let body = JobColumn.count + 2
  private static let request = JobColumn.count + 3
  /// The number of columns before those that a query adds.
  static let count = JobColumn.count + 4

  /// What is selected from `jobs`.
  static func source(_ parts: JobParts) -> String {
    """
    \(JobRow.shown), (SELECT text FROM metadata WHERE metadata.job = number) AS metadata,
    \(parts.isEmpty ? "NULL::bytea" : "body") AS body
    """
  }

  /// The rows of `source`, in the order of `order`, with what fits into a page.
  ///
  /// Where the provider has erased the input, or not reported yet, the request has it. Sizes are read without
  /// the values (https://www.postgresql.org/docs/current/storage-toast.html), so a body that does not
  /// fit is not searched.
  ///
  /// - Parameter added: further columns of `source`.
  static func page(of source: String, by order: String, _ parts: JobParts, adding added: [String] = [])
    -> String
  {
    let request = """
      CASE WHEN bodies - octet_length(body) <= \(JobPage.maxBytes) AND (provider_status IS NULL
          OR position('"data_removed"'::bytea IN body) > 0)
        THEN (SELECT request FROM orders WHERE orders.job = number) END
      """
    let columns = JobColumn.list + added.map { ", \($0)" }.joined()
    return """
      SELECT \(JobColumn.list), CASE WHEN fits THEN metadata END, fits, CASE WHEN fits THEN body END,
        CASE WHEN fits THEN request END\(added.map { ", \($0)" }.joined())
      FROM (
        SELECT *, count(number) OVER page = 1 OR sum(coalesce(octet_length(metadata), 0)
          + coalesce(octet_length(body), 0) + coalesce(octet_length(request), 0)) OVER page
          <= \(JobPage.maxBytes) AS fits
        FROM (
          SELECT \(columns), metadata, body,
            \(parts.contains(.input) ? request : "NULL::bytea") AS request
          FROM (
            SELECT *, sum(octet_length(body)) OVER (ORDER BY \(order)) AS bodies FROM (\(source)) AS found
          ) AS measured
        ) AS complete WINDOW page AS (ORDER BY \(order))
      ) AS bounded ORDER BY \(order)
      """
  }

  /// A row of ``page(of:by:_:adding:)``. Nil where it does not fit.
  static func read(_ rows: Rows, _ row: Int, _ parts: JobParts) throws(StorageError) -> ListedJob? {
    guard rows.boolean(row, fits) else { return nil }
    let (number, job) = try JobRow.read(rows, row)
    return ListedJob(
      number: number, job: job, metadata: rows.optionalBytes(row, metadata),
      body: parts.isEmpty ? nil : rows.bytes(row, body), request: rows.optionalBytes(row, request))
  }
}
