internal import Jobs
package import Time

/// How far a pass over old jobs has come.
package struct PruneStep: Equatable, Sendable {
  package let deleted: Int
  /// Where to go on; nil where everything old enough has been seen.
  package let next: Int64?
}

/// The statements that delete what is past its retention.
final class PruneStatements {
  private let select: Statement
  private let deletions: [Statement]

  struct Row {
    let number: Int64
    let hasEnded: Bool
    let updatedAt: Timestamp
    /// When its last delivery came; nil where there is none, or where that is of no interest.
    let lastDeliveryAt: Timestamp?
    /// When the job was first heard of; nil where that is of no interest, for nothing has been heard for long.
    let firstHeardAt: Timestamp?
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

  /// - Parameter moment: rows that have been quiet since then are old.
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
          firstHeardAt: select.optionalInteger(3).map { Timestamp(milliseconds: $0) }))
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
  /// Deletes jobs that ended before `limit`, among the next `count` after the one with that number.
  ///
  /// Jobs stand in the order in which they were first heard of. A pass ends with the first that was heard of between `limit`
  /// and `now`: whatever comes after it was heard of later still. One that says to be from the future was recorded while the
  /// clock was wrong, and says nothing of those behind it.
  ///
  /// - Parameter replayLimit: a delivery that came later could be sent again with its signature, and count as new if its
  ///   id were forgotten: its job stays.
  package func prune(
    endedBefore limit: Timestamp, at now: Timestamp, after number: Int64, count: Int,
    deliveredBefore replayLimit: Timestamp = .distantFuture
  ) throws(StoreError) -> PruneStep {
    let rows = try pruning.rows(after: number, limit: count, quietSince: limit)
    let ended = rows.filter { row in
      row.updatedAt < limit && row.hasEnded && row.lastDeliveryAt.map { $0 < replayLimit } ?? true
    }
    for row in ended { try pruning.delete(row.number) }
    let meetsTheYoung = rows.contains { row in row.firstHeardAt.map { limit <= $0 && $0 <= now } ?? false }
    let isOver = meetsTheYoung || rows.count < count
    return PruneStep(deleted: ended.count, next: isOver ? nil : rows.last?.number)
  }
}
