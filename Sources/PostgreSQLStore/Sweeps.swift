internal import StoreSeam
internal import PostgreSQL
internal import PostgreSQLSchema
internal import Time

/// Changes of many rows.
extension PostgreSQLWrites {
  mutating func add(_ sweep: Sweep) {
    switch sweep {
    case .spreadChecks(let from, let within):
      add(Self.spreadChecks, [.integer(from.milliseconds), .integer(within)])
    case .resumeStaleChecks(let from, let within):
      add(Self.resumeStaleChecks, [.integer(from.milliseconds), .integer(within)])
    case .clampChecks(let moment):
      add(Self.clampChecks, [.integer(moment.milliseconds)])
    case .restoreOrders(let now, let absenceConclusiveAt):
      add(Self.restoreSearches, [.integer(now.milliseconds)])
      add(Self.restoreCreates, [])
      add(Self.restoreOrders, [.integer(absenceConclusiveAt.milliseconds)])
    case .deleteTombstones(let moment):
      for statement in Self.deleteTombstones { add(statement, [.integer(moment.milliseconds)]) }
    case .seed(let table):
      for statement in CapabilityTable.seeding(of: table) { add(Query(statement), []) }
    }
  }

  /// Multiplicative hashing (Knuth, volume 3, 6.4) spreads numbers that follow each other.
  private static let spreadChecks = Query(
    """
    UPDATE work SET due_at = $1 + job * 2654435761 % $2 WHERE kind = 'poll' AND due_at > $1 + $2
      AND EXISTS (SELECT 1 FROM jobs WHERE number = work.job AND prediction_id IS NOT NULL)
    """)
  private static let resumeStaleChecks = Query(
    """
    INSERT INTO work (job, kind, key, due_at, tries)
    SELECT number, 'poll', '', $1 + number * 2654435761 % $2, 0 FROM open_jobs JOIN jobs ON number = job
    WHERE stale_at IS NOT NULL AND prediction_id IS NOT NULL
    ON CONFLICT DO NOTHING
    """)
  private static let clampChecks = Query(
    "UPDATE work SET due_at = $1 WHERE kind = 'poll' AND due_at > $1")

  private static let restoreSearches = Query(
    """
    INSERT INTO work (job, kind, key, due_at, tries)
    SELECT job, 'search', '', $1, 0 FROM orders WHERE stage IN ('queued', 'sending', 'unanswered')
    ON CONFLICT (job, kind, key)
      DO UPDATE SET due_at = excluded.due_at, tries = 0, owner = NULL, lease_until = NULL
    """)
  private static let restoreCreates = Query("DELETE FROM work WHERE kind = 'create'")
  private static let restoreOrders = Query(
    """
    UPDATE orders SET restored = true, reason = NULL,
      certain_at = CASE WHEN stage = 'placed' THEN certain_at ELSE $1 END,
      sent_at = CASE WHEN stage = 'placed' THEN sent_at END,
      stage = CASE WHEN stage = 'placed' THEN stage ELSE 'unanswered' END
    WHERE stage <> 'ended'
    """)

  /// Deletes tombstones, except the newest: the last change's number must stay known.
  ///
  /// A cursor before the deleted ones may have missed a deletion. The bound never goes backwards, although
  /// tombstones do not expire in the order of their numbers.
  private static let deleteTombstones = [
    """
    UPDATE feed SET oldest_change = greatest(oldest_change, (
      SELECT max(change) FROM tombstones
      WHERE expires_at <= $1 AND change < (SELECT max(change) FROM tombstones)))
    WHERE id = 1 AND EXISTS (
      SELECT 1 FROM tombstones
      WHERE expires_at <= $1 AND change < (SELECT max(change) FROM tombstones) AND change > oldest_change)
    """,
    """
    DELETE FROM tombstone_keys USING tombstones
    WHERE tombstone_keys.change = tombstones.change AND expires_at <= $1
      AND tombstones.change < (SELECT max(change) FROM tombstones)
    """,
    """
    DELETE FROM tombstones WHERE expires_at <= $1 AND change < (SELECT max(change) FROM tombstones)
    """,
  ].map { Query($0) }
}
