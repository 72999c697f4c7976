package import Jobs
internal import SQLite
package import Time

/// A past attempt of a job.
///
/// Either an interrupted prediction or a refused create call.
package struct PastAttempt: Equatable, Sendable {
  /// Nil for a refused call, which created no prediction.
  package let predictionID: String?
  package let endedAt: Timestamp
  package let error: JobError?

  /// The reader's query, oldest first.
  static let selection = """
    SELECT prediction_id, ended_at, error_code, error_message FROM attempts WHERE job = ?1
    UNION ALL SELECT NULL, ended_at, error_code, error_message FROM refusals WHERE job = ?1
    ORDER BY ended_at
    """

  init(_ statement: Statement) {
    predictionID = statement.text(0)
    endedAt = Timestamp(milliseconds: Int64(statement.integer(1)))
    error = statement.text(2).map { JobError(code: $0, message: statement.text(3)) }
  }
}

/// The prepared statements for past attempts.
final class AttemptStatements {
  private let connection: Connection
  private let select: Statement
  private let insert: Statement
  private let insertRefusal: Statement
  /// Whether the table has rows. Nil until first needed.
  ///
  /// Most databases never have one, so this saves a lookup for every first delivery. It stays valid because
  /// no other connection writes.
  private var mayExist: Bool?

  init(_ connection: Connection) {
    self.connection = connection
    select = Statement("SELECT job FROM attempts WHERE prediction_id = ?", on: connection)
    insert = Statement("INSERT INTO attempts VALUES (?, ?, ?, ?, ?)", on: connection)
    insertRefusal = Statement(
      """
      INSERT INTO refusals VALUES (?1,
        (SELECT coalesce(max(position), 0) + 1 FROM refusals WHERE job = ?1), ?2, ?3, ?4)
      """, on: connection)
  }

  /// The job that had this prediction in a past attempt.
  func job(ofPastPrediction predictionID: String) throws(StoreError) -> Int64? {
    guard try checkWhetherAnyExist() else { return nil }
    defer { select.reset() }
    try select.bind(1, predictionID)
    return try select.step() ? Int64(select.integer(0)) : nil
  }

  private func checkWhetherAnyExist() throws(StoreError) -> Bool {
    if let mayExist { return mayExist }
    let exist = try connection.integer("SELECT EXISTS (SELECT 1 FROM attempts)") == 1
    mayExist = exist
    return exist
  }

  /// Records that the provider refused to create a prediction for the job.
  func noteRefusal(_ error: JobError, ofJob number: Int64, at now: Timestamp) throws(StoreError) {
    try insertRefusal.bind(1, number)
    try insertRefusal.bind(2, error.code)
    try insertRefusal.bind(3, error.message)
    try insertRefusal.bind(4, now.milliseconds)
    try insertRefusal.run()
  }

  /// Records an interrupted prediction as a past attempt.
  func notePastAttempt(_ snapshot: Snapshot, byJob number: Int64, at now: Timestamp) throws(StoreError) {
    try insert.bind(1, snapshot.predictionID)
    try insert.bind(2, number)
    try insert.bind(3, snapshot.error?.code)
    try insert.bind(4, snapshot.error?.message)
    try insert.bind(5, now.milliseconds)
    try insert.run()
    mayExist = true
  }
}
