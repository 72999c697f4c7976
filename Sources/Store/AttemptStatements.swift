internal import Jobs

/// The statements for predictions that a job has left for another attempt.
final class AttemptStatements {
  private let connection: Connection
  private let select: Statement
  private let insert: Statement
  /// Whether there are any; nil until somebody asks. No other connection writes. Most databases never have one, and every
  /// first delivery would be looked up.
  private var mayExist: Bool?

  init(_ connection: Connection) {
    self.connection = connection
    select = Statement("SELECT job FROM attempts WHERE prediction_id = ?", on: connection)
    insert = Statement("INSERT INTO attempts VALUES (?, ?, ?, ?, ?)", on: connection)
  }

  /// The job that had this prediction before another attempt.
  func jobThatLeft(predictionID: String) throws(StoreError) -> Int64? {
    guard try lookWhetherAnyExist() else { return nil }
    defer { select.reset() }
    try select.bind(1, predictionID)
    return try select.step() ? Int64(select.integer(0)) : nil
  }

  private func lookWhetherAnyExist() throws(StoreError) -> Bool {
    if let mayExist { return mayExist }
    let exist = try connection.integer("SELECT EXISTS (SELECT 1 FROM attempts)") == 1
    mayExist = exist
    return exist
  }

  func noteLeft(_ snapshot: Snapshot, byJob number: Int64, at now: Timestamp) throws(StoreError) {
    try insert.bind(1, snapshot.predictionID)
    try insert.bind(2, number)
    try insert.bind(3, snapshot.error?.code)
    try insert.bind(4, snapshot.error?.message)
    try insert.bind(5, now.milliseconds)
    try insert.run()
    mayExist = true
  }
}
