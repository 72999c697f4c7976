package import Tables

/// The rows of capabilities' tables that are counted from the rows of the rules.
extension CapabilityTable {
  /// The shard of corrections, which no connection adds to.
  private static let correctionShard = -1
  /// The key of the lock that one transaction at a time corrects with.
  private static let correctionLock = 0x636F_756E_7473

  /// The statements that make the rows of a table with a seed agree with those of the rules.
  ///
  /// The rows and their sums are read in one snapshot, in which each transaction has written both or
  /// neither. So their difference is right while others write, and locks no writer out.
  package static func seeding(of table: TableDeclaration) -> [String] {
    guard let seed = table.seed else { return [] }
    let found =
      switch seed {
      case .jobsByState: jobsByState
      }
    let key = table.columns[0].name
    let names = table.columns.dropFirst().map(\.name)
    func list(_ column: (String) -> String) -> String { names.map(column).joined(separator: ", ") }
    return [
      // Of two corrections at once, each would add what the other adds.
      "SELECT pg_advisory_xact_lock(\(correctionLock))",
      """
      INSERT INTO \(table.name) AS t (\(key), \(list { $0 }), \(shard))
      SELECT 0, \(list { "found.\($0) - stored.\($0)" }), \(correctionShard)
        FROM \(found) AS found
        CROSS JOIN (SELECT \(list { "coalesce(sum(\($0)), 0)::bigint AS \($0)" }) FROM \(table.name))
          AS stored
        WHERE (\(list { "found.\($0)" })) <> (\(list { "stored.\($0)" }))
      ON CONFLICT (\(key), \(shard)) DO UPDATE SET \(list { "\($0) = t.\($0) + excluded.\($0)" })
      """,
    ]
  }

  /// The number of jobs in each state.
  ///
  /// Only the rows of open jobs are read. All others are counted in indexes.
  private static let jobsByState = """
    (SELECT open.*, failed, canceled,
        (SELECT count(*) FROM jobs) - (SELECT count(*) FROM open_jobs) - failed - canceled AS succeeded
      FROM (SELECT count(*) FILTER (WHERE phase = 'pending' AND stale_at IS NULL) AS pending,
          count(*) FILTER (WHERE phase = 'running' AND stale_at IS NULL) AS running,
          count(*) FILTER (WHERE stale_at IS NOT NULL) AS stale
        FROM open_jobs JOIN jobs ON number = job) AS open,
      (SELECT count(*) AS failed FROM jobs WHERE unsuccessful = 'failed') AS failures,
      (SELECT count(*) AS canceled FROM jobs WHERE unsuccessful = 'canceled') AS cancellations)
    """
}
