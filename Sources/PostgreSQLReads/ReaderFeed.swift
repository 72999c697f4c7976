package import Jobs
package import StoreSeam
internal import PostgreSQL
internal import PostgreSQLSchema

/// The change feed of a reader.
extension PostgreSQLReader {
  package func feedPosition() async throws(StorageError) -> FeedPosition {
    try await read { (session) throws(PostgreSQLError) in
      let rows = try session.read { $0.add(FeedQueries.position) }[0]
      guard rows.count == 1 else { throw .unexpected("the database has no epoch: it is not complete") }
      return FeedPosition(
        epoch: rows.bytes(0, 0).hexadecimal, lastChange: rows.integer(0, 1), oldestChange: rows.integer(0, 2))
    }
  }

  package func changes(
    after cursor: Int64, limit: Int, matching filter: JobFilter, including parts: JobParts
  ) async throws(StorageError) -> FeedSlice {
    let slice = FeedQueries.slice(after: cursor, limit: limit, filter, parts)
    let isUnfiltered = filter == JobFilter()
    return try await read { (session) throws(PostgreSQLError) in
      let rows = try session.read { $0.add(slice.query, slice.parameters) }[0]
      return try Self.decoding { () throws(StorageError) in
        try FeedQueries.slice(of: rows, after: cursor, limit: limit, isUnfiltered: isUnfiltered, parts)
      }
    }
  }
}

/// The queries of the change feed.
enum FeedQueries {
  /// The number up to which the feed is complete for the present snapshot.
  ///
  /// A change number begins with the number of its transaction. All transactions before the snapshot's `xmin`
  /// have ended, so no smaller number can appear later:
  /// https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-PG-SNAPSHOT
  static let bound = """
    (SELECT (pg_snapshot_xmin(pg_current_snapshot())::text::bigint << \(ChangeNumber.indexBits)) - 1 + shift
      FROM feed WHERE id = 1)
    """

  /// The greatest number of a change that is visible.
  private static let newest = """
    greatest(coalesce((SELECT change FROM changes ORDER BY change DESC LIMIT 1), 0),
      coalesce((SELECT change FROM tombstones ORDER BY change DESC LIMIT 1), 0))
    """

  /// The last change is the greatest committed number, as far as the feed is complete.
  ///
  /// The bound alone is no cursor. It may exceed the numbers that a standby has, which are given again after
  /// its promotion: an aborted transaction is not replicated. A committed one is, and so is all before it.
  /// The newest tombstone is never deleted, so the result never goes backwards.
  static let position = Query(
    """
    SELECT epoch, least(\(bound), \(newest)), oldest_change FROM feed WHERE id = 1
    """)

  /// The bound, and the newest change, which may lie beyond it.
  static let state = Query("SELECT \(bound), \(newest)")

  /// The visible changes after `$1`, at most `$2`.
  static let changed = Query(
    """
    (SELECT change, job, false AS is_deleted FROM changes WHERE change > $1 ORDER BY change LIMIT $2)
    UNION ALL
    (SELECT change, job, true FROM tombstones WHERE change > $1 ORDER BY change LIMIT $2)
    ORDER BY change LIMIT $2
    """)

  /// The ids are not read: no subscriber uses them.
  static func changes(of rows: Rows) -> [CommittedChange] {
    (0..<rows.count).map { row in
      CommittedChange(
        number: rows.integer(row, 1), id: "", change: rows.integer(row, 0), isDeleted: rows.boolean(row, 2))
    }
  }

  /// The changes after a cursor, with the jobs that match.
  static func slice(
    after cursor: Int64, limit: Int, _ filter: JobFilter, _ parts: JobParts
  ) -> JobList.Statement {
    var query = FilterQuery(filter)
    let after = query.parameters.add(.integer(cursor))
    let limit = query.parameters.add(.integer(Int64(limit)))
    let range = "WHERE change > \(after) AND change <= \(bound) ORDER BY change LIMIT \(limit)"
    let conditions = ["number = listed.job"] + query.conditions()
    let source = """
      SELECT jobs.*, listed.position, listed.deleted FROM (
        (SELECT change AS position, job, NULL::text AS deleted FROM changes \(range))
        UNION ALL (SELECT change, NULL::bigint, id FROM tombstones \(range))
        ORDER BY position LIMIT \(limit)
      ) AS listed LEFT JOIN LATERAL (
        SELECT \(ListColumns.source(parts)) FROM jobs WHERE \(conditions.joined(separator: " AND ")) LIMIT 1
      ) AS jobs ON true
      """
    let sql = ListColumns.page(of: source, by: "position", parts, adding: ["position", "deleted"])
    return (Query(sql), query.parameters.values)
  }

  private static let changeColumn = ListColumns.count
  private static let deletedColumn = ListColumns.count + 1

  static func slice(
    of rows: Rows, after cursor: Int64, limit: Int, isUnfiltered: Bool, _ parts: JobParts
  ) throws(StorageError) -> FeedSlice {
    var (entries, last): ([FeedEntry], Int64) = ([], cursor)
    for row in 0..<rows.count {
      let change = rows.integer(row, changeColumn)
      if let id = rows.text(row, deletedColumn) {
        entries.append(FeedEntry(change: change, id: id, row: nil))
      } else if !rows.isNull(row, JobColumn.number.rawValue) {
        guard let job = try ListColumns.read(rows, row, parts) else {
          return FeedSlice(entries: entries, last: last, hasMore: true)
        }
        entries.append(FeedEntry(change: change, id: job.job.id, row: job))
      } else if isUnfiltered {
        throw .foreignRow
      }
      last = change
    }
    return FeedSlice(entries: entries, last: last, hasMore: rows.count >= limit)
  }
}

extension [UInt8] {
  /// Two digits for each byte.
  fileprivate var hexadecimal: String {
    map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }
}

/// The number of a change: that of its transaction, and its index there.
enum ChangeNumber {
  static let indexBits = 16
}
