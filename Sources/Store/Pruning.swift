package import Jobs

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
  }

  init(_ connection: Connection) {
    select = Statement(
      """
      SELECT number, phase IN ('succeeded', 'failed', 'canceled'), updated_at FROM jobs
      WHERE number > ?1 ORDER BY number LIMIT ?2
      """, on: connection)
    deletions = [
      "DELETE FROM deliveries WHERE job = ?", "DELETE FROM orders WHERE job = ?",
      "DELETE FROM attempts WHERE job = ?", "DELETE FROM jobs WHERE number = ?",
    ].map { Statement($0, on: connection) }
  }

  func rows(after number: Int64, limit: Int) throws(StoreError) -> [Row] {
    defer { select.reset() }
    try select.bind(1, number)
    try select.bind(2, Int64(limit))
    var rows: [Row] = []
    while try select.step() {
      rows.append(
        Row(
          number: Int64(select.integer(0)), hasEnded: select.integer(1) == 1,
          updatedAt: Timestamp(milliseconds: Int64(select.integer(2)))))
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
  /// Jobs stand in the order in which they were first heard of. A pass ends with the first rows of which none has been quiet
  /// since then: whatever comes after them was first heard of later still.
  package func prune(
    endedBefore limit: Timestamp, after number: Int64, count: Int
  ) throws(StoreError) -> PruneStep {
    let rows = try pruning.rows(after: number, limit: count)
    let old = rows.filter { $0.updatedAt < limit }
    let ended = old.filter(\.hasEnded)
    for row in ended { try pruning.delete(row.number) }
    let isOver = old.isEmpty || rows.count < count
    return PruneStep(deleted: ended.count, next: isOver ? nil : rows.last?.number)
  }
}
