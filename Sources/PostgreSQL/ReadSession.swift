package import Time

/// The connection of one read, with its deadline.
package final class ReadSession {
  private let connection: Connection
  private let deadline: MonotonicTime
  private let timeout: Duration
  private var isInSnapshot = false

  private static let begin = Query("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
  /// Makes the planner read the rows of a page in the order of an index, and stop there.
  ///
  /// Until a new table is analyzed, it would scan all of it, or sort what a bitmap finds, and keep that plan.
  /// Settings of a transaction work behind a pooler, too. A server must not go on with a read that was
  /// given up: https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-STATEMENT-TIMEOUT
  private static let configure = Query(
    """
    SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
      set_config('jit', 'off', true), set_config('statement_timeout', $1, true)
    """)
  private static let commit = Query("COMMIT")

  package init(_ connection: Connection, deadline: MonotonicTime, timeout: Duration) {
    self.connection = connection
    self.deadline = deadline
    self.timeout = timeout
  }

  /// Runs queries in one round trip, all in one snapshot.
  ///
  /// - Parameters:
  ///   - isLast: whether the snapshot ends with them. Later queries see it otherwise.
  ///   - add: adds the queries.
  /// - Returns: their rows, in the order of the queries.
  package func read(
    isLast: Bool = true, _ add: (inout Pipeline) -> Void
  ) throws(PostgreSQLError) -> [Rows] {
    var pipeline = Pipeline()
    let first = isInSnapshot ? 0 : 2
    if !isInSnapshot {
      _ = pipeline.add(Self.begin)
      _ = pipeline.add(Self.configure, [.text("\(timeout.wholeMilliseconds)")])
    }
    add(&pipeline)
    if isLast { _ = pipeline.add(Self.commit) }
    isInSnapshot = !isLast
    return Array(try connection.run(pipeline, deadline: deadline).dropFirst(first).dropLast(isLast ? 1 : 0))
  }

  /// Runs one query outside a snapshot, with the settings that a new transaction has.
  package func run(_ query: Query) throws(PostgreSQLError) -> Rows {
    try connection.run(query, deadline: deadline)
  }
}
