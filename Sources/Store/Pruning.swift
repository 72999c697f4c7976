internal import Jobs
internal import SQLite
package import Time

/// The result of one step of a pruning pass.
package struct PruneStep: Equatable, Sendable {
  package let deleted: Int
  /// The number to continue after. Nil where the pass is complete.
  package let next: Int64?
}

/// The prepared statements that delete expired jobs.
final class PruneStatements {
  private let select: Statement
  private let deletions: [Statement]

  struct Row {
    let number: Int64
    let hasEnded: Bool
    let updatedAt: Timestamp
    /// When its last delivery was received. Nil where there is none, or the job is too recent to prune.
    let lastDeliveryAt: Timestamp?
    /// When the job was created. Nil where it has been quiet since before the retention limit.
    let createdAt: Timestamp?
  }

  init(_ connection: Connection) {
    select = Statement(
      """
      SELECT number, phase IN ('succeeded', 'failed', 'canceled'), updated_at,
        CASE WHEN updated_at >= ?3 THEN coalesce(ordered_at,
          (SELECT received_at FROM deliveries WHERE job = jobs.number AND position = 1)) END,
        CASE WHEN updated_at < ?3 THEN
          (SELECT received_at FROM deliveries WHERE job = jobs.number ORDER BY position DESC LIMIT 1) END
      FROM jobs WHERE number > ?1 ORDER BY number LIMIT ?2
      """, on: connection)
    deletions = [
      "DELETE FROM deliveries WHERE job = ?", "DELETE FROM orders WHERE job = ?",
      "DELETE FROM attempts WHERE job = ?", "DELETE FROM refusals WHERE job = ?",
      "DELETE FROM jobs WHERE number = ?",
    ].map { Statement($0, on: connection) }
  }

  /// Returns the next `limit` jobs by number.
  ///
  /// - Parameter moment: jobs last updated before it count as old.
  func rows(after number: Int64, limit: Int, quietSince moment: Timestamp) throws(StoreError) -> [Row] {
    defer { select.reset() }
    try select.bind(1, number)
    try select.bind(2, Int64(limit))
    try select.bind(3, moment.milliseconds)
    var rows: [Row] = []
    while try select.step() {
      rows.append(
        Row(
          number: Int64(select.integer(0)), hasEnded: select.integer(1) == 1,
          updatedAt: Timestamp(milliseconds: Int64(select.integer(2))),
          lastDeliveryAt: select.time(4),
          createdAt: select.optionalInteger(3).map { Timestamp(milliseconds: $0) }))
    }
    return rows
  }

  func delete(_ number: Int64) throws(StoreError) {
    for deletion in deletions {
      try deletion.bind(1, number)
      try deletion.run()
    }
  }
}

extension StoreTransaction {
  /// Deletes jobs that ended before `limit`, among the `count` jobs after `number`.
  ///
  /// Jobs are numbered in the order of their creation. A pass ends at the first job created between `limit`
  /// and `now`, because all later ones are younger. A job dated in the future was recorded while the clock
  /// was wrong, and does not end the pass.
  ///
  /// - Parameter replayLimit: jobs with a later delivery are kept. Such a delivery could be replayed with its
  ///   signature, and would count as new if its id were deleted.
  package func prune(
    endedBefore limit: Timestamp, at now: Timestamp, after number: Int64, count: Int,
    deliveredBefore replayLimit: Timestamp = .distantFuture
  ) throws(StoreError) -> PruneStep {
    let rows = try pruning.rows(after: number, limit: count, quietSince: limit)
    let ended = rows.filter { row in
      row.updatedAt < limit && row.hasEnded && row.lastDeliveryAt.map { $0 < replayLimit } ?? true
    }
    for row in ended { try pruning.delete(row.number) }
    let reachesRetained = rows.contains { row in row.createdAt.map { limit <= $0 && $0 <= now } ?? false }
    let isOver = reachesRetained || rows.count < count
    return PruneStep(deleted: ended.count, next: isOver ? nil : rows.last?.number)
  }
}
