internal import SQLite
internal import Tables

/// The rows of capabilities' tables that are counted from the rows of the rules.
extension CapabilityStatements {
  /// Replaces the rows of a table that has a seed.
  func seed(_ table: TableDeclaration) throws(DatabaseError) {
    switch table.seed {
    case nil: return
    case .jobsByState:
      try connection.execute("DELETE FROM \(table.name)")
      try connection.execute("INSERT INTO \(table.name) \(Self.jobsByState)")
    }
  }

  /// The number of jobs in each state that some have.
  ///
  /// Only the rows of open jobs are read. A row of `jobs` has a body, so all others are counted in indexes;
  /// that on the phase leaves out the succeeded ones.
  private static let jobsByState = """
    SELECT state, jobs FROM (
      SELECT CASE WHEN stale_at IS NULL THEN phase ELSE 'stale' END AS state, count(*) AS jobs
        FROM jobs WHERE phase IN ('pending', 'running') AND phase <> 'succeeded' GROUP BY 1
      UNION ALL SELECT phase, count(*) FROM jobs
        WHERE phase IN ('failed', 'canceled') AND phase <> 'succeeded' GROUP BY phase
      UNION ALL SELECT 'succeeded', (SELECT count(*) FROM jobs INDEXED BY jobs_by_model)
        - (SELECT count(*) FROM jobs INDEXED BY jobs_by_phase WHERE phase <> 'succeeded')
    ) WHERE jobs > 0
    """
}
