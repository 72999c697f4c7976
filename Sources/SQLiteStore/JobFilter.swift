internal import Jobs
internal import Ledger
internal import SQLite

extension JobFilter {
  static let beforeParameter: Int32 = 1
  static let limitParameter: Int32 = 2
  private static let stateParameter: Int32 = 3
  private static let modelParameter: Int32 = 4

  /// The query, in which every condition can use an index.
  ///
  /// The condition of a partial index is repeated verbatim, because SQLite would not use the index otherwise.
  var sql: String {
    var conditions = ["number < ?1"]
    switch state {
    case nil: break
    case .succeeded: conditions.append("phase = ?3")
    case .failed, .canceled: conditions.append("phase = ?3 AND phase <> 'succeeded'")
    case .pending, .running: conditions.append("phase = ?3 AND phase <> 'succeeded' AND stale_at IS NULL")
    // Only a job that has not ended can be stale.
    case .stale:
      conditions.append("phase IN ('pending', 'running') AND phase <> 'succeeded' AND stale_at IS NOT NULL")
    }
    if model != nil { conditions.append("model = ?4") }
    return """
      SELECT \(JobColumn.list) FROM jobs WHERE \(conditions.joined(separator: " AND "))
      ORDER BY number DESC LIMIT ?2
      """
  }

  func bind(to statement: Statement) throws(DatabaseError) {
    if let state, state != .stale { try statement.bind(Self.stateParameter, state.rawValue) }
    if let model { try statement.bind(Self.modelParameter, model) }
  }
}
