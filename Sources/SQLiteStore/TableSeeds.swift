internal import SQLite
internal import Tables

/// The rows of capabilities' tables that are counted from the rows of the rules.
extension CapabilityStatements {
  /// Replaces the rows of a table that has a seed.
  func seed(_ table: TableDeclaration) throws(DatabaseError) {
    switch table.seed {
    case nil: return
    case .jobsByState:
      let names = table.columns.dropFirst().map(\.name).joined(separator: ", ")
      try connection.execute("DELETE FROM \(table.name)")
      try connection.execute(
        """
        INSERT INTO \(table.name) (\(table.columns[0].name), \(names))
        SELECT 0, \(names) FROM \(Self.jobsByState)
        """)
    }
  }

  /// The number of jobs in each state.
  ///
  /// Only the rows of open jobs are read. A row of `jobs` has a body, so all others are counted in indexes;
  /// that on the phase leaves out the succeeded ones.
  private static let jobsByState = """
    (SELECT count(*) FILTER (WHERE phase = 'pending' AND stale_at IS NULL) AS pending,
        count(*) FILTER (WHERE phase = 'running' AND stale_at IS NULL) AS running,
        count(*) FILTER (WHERE stale_at IS NOT NULL) AS stale
      FROM jobs WHERE phase IN ('pending', 'running') AND phase <> 'succeeded'),
    (SELECT count(*) FILTER (WHERE phase = 'failed') AS failed,
        count(*) FILTER (WHERE phase = 'canceled') AS canceled
      FROM jobs WHERE phase IN ('failed', 'canceled') AND phase <> 'succeeded'),
    (SELECT (SELECT count(*) FROM jobs INDEXED BY jobs_by_model)
      - (SELECT count(*) FROM jobs INDEXED BY jobs_by_phase WHERE phase <> 'succeeded') AS succeeded)
    """
}
