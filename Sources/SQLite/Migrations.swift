/// One step from a schema to the next.
package struct Migration: Sendable {
  /// What it adds, for logs.
  package let name: String
  /// Appended before ``sql`` is executed.
  let columns: [AppendedColumn]
  let sql: String
  /// Called after ``sql``, for what SQL cannot compute. Nil where nothing is left to do.
  let fill: Fill?

  /// Changes the rows of a file, in the migration's transaction.
  ///
  /// - Parameter progress: receives the number of rows so far, from time to time.
  package typealias Fill = @Sendable (Connection, _ progress: (Int) -> Void) throws(DatabaseError) -> Void

  package init(
    _ name: String, appending columns: [AppendedColumn] = [], _ sql: String, fill: Fill? = nil
  ) {
    self.name = name
    self.columns = columns
    self.sql = sql
    self.fill = fill
  }
}

/// The schema of a database, as the migrations that make it.
///
/// `user_version` is the number of applied migrations. They only go forward, each in a transaction of its
/// own.
package struct Migrations: Sendable {
  /// Identifies the files of one program (https://www.sqlite.org/pragma.html#pragma_application_id).
  let applicationID: Int
  /// Oldest first.
  private let steps: [Migration]

  package init(applicationID: Int, steps: [Migration]) {
    self.applicationID = applicationID
    self.steps = steps
  }

  private var version: Int { steps.count }

  /// Migrates the file of `connection`.
  ///
  /// Throws, and changes nothing, where the file is of a later version or of another program.
  ///
  /// - Parameter progress: receives the name of each migration before it runs, and how far a long one is.
  func migrate(
    _ connection: Connection, progress: (_ migration: String) -> Void
  ) throws(DatabaseError) {
    let found = try connection.integer("PRAGMA user_version")
    guard found <= version else { throw .newerSchema(found: found, known: version) }
    let owner = try connection.integer("PRAGMA application_id")
    if owner != applicationID {
      let isEmpty = try connection.integer("SELECT count(*) FROM sqlite_schema") == 0
      guard owner == 0 && found == 0 && isEmpty else { throw .foreign }
    }
    for number in found..<version {
      // A new file has nothing to migrate.
      let step = steps[number]
      if found > 0 { progress(step.name) }
      try connection.transaction { () throws(DatabaseError) in
        // Another process may have migrated the file since the version was read.
        guard try connection.integer("PRAGMA user_version") == number else { return }
        for column in step.columns { try connection.append(column) }
        try connection.execute(step.sql)
        try step.fill?(connection) { count in progress("\(step.name), \(count) rows so far") }
        try connection.execute("PRAGMA application_id = \(applicationID)")
        try connection.execute("PRAGMA user_version = \(number + 1)")
      }
    }
  }

  /// The names of the migrations that the file of `connection` lacks.
  ///
  /// Throws where the file is of a later version or of another program.
  package func pending(_ connection: Connection) throws(DatabaseError) -> [String] {
    let found = try connection.integer("PRAGMA user_version")
    guard found <= version else { throw .newerSchema(found: found, known: version) }
    guard try connection.integer("PRAGMA application_id") == applicationID else { throw .foreign }
    return steps[Int(found)...].map(\.name)
  }

  /// Throws unless the file of `connection` is of this program and this version.
  package func requireCurrent(_ connection: Connection) throws(DatabaseError) {
    let found = try connection.integer("PRAGMA user_version")
    guard found <= version else { throw .newerSchema(found: found, known: version) }
    guard try connection.integer("PRAGMA application_id") == applicationID else { throw .foreign }
    guard found == version else { throw .olderSchema(found: found, known: version) }
  }
}
