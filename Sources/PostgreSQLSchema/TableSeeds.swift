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
  /// neither. So their difference is right whatever is written meanwhile, and locks no writer out.
  package static func seeding(of table: TableDeclaration) -> [String] {
    guard let seed = table.seed else { return [] }
    let (key, value) = (table.columns[0].name, table.columns[1].name)
    let rows =
      switch seed {
      case .jobsByState: jobsByState
      }
    return [
      // Of two corrections at once, each would add what the other adds.
      "SELECT pg_advisory_xact_lock(\(correctionLock))",
      """
      INSERT INTO \(table.name) AS t (\(key), \(value), \(shard))
      SELECT found.key, found.value - coalesce(stored.value, 0), \(correctionShard)
        FROM (SELECT convert_to(name, 'UTF8') AS key, value FROM (\(rows)) AS rows (name, value)) AS found
        LEFT JOIN (SELECT \(key) AS key, sum(\(value))::bigint AS value FROM \(table.name) GROUP BY \(key))
          AS stored ON stored.key = found.key
        WHERE found.value <> coalesce(stored.value, 0)
      ON CONFLICT (\(key), \(shard)) DO UPDATE SET \(value) = t.\(value) + excluded.\(value)
      """,
    ]
  }

  /// The number of jobs in each state.
  ///
  /// Only the rows of open jobs are read. All others are counted in indexes.
  private static let jobsByState = """
    WITH open_states AS (
      SELECT CASE WHEN stale_at IS NULL THEN phase ELSE 'stale' END AS state
        FROM open_jobs JOIN jobs ON number = job)
    SELECT state, (SELECT count(*) FROM open_states AS open WHERE open.state = states.state)
      FROM unnest(ARRAY['pending', 'running', 'stale']) AS states (state)
    UNION ALL SELECT state, (SELECT count(*) FROM jobs WHERE unsuccessful = state)
      FROM unnest(ARRAY['failed', 'canceled']) AS states (state)
    UNION ALL SELECT 'succeeded', (SELECT count(*) FROM jobs) - (SELECT count(*) FROM open_jobs)
      - (SELECT count(*) FROM jobs WHERE unsuccessful IS NOT NULL)
    """
}
