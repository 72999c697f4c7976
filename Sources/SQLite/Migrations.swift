/// The schema of a database, as the migrations that make it.
///
/// `user_version` is the number of applied migrations. They only go forward, each in a transaction of its
/// own.
package struct Migrations: Sendable {
  /// Identifies the files of one program (https://www.sqlite.org/pragma.html#pragma_application_id).
  let applicationID: Int
  /// The SQL of each migration, oldest first.
  private let steps: [String]

  package init(applicationID: Int, steps: [String]) {
    self.applicationID = applicationID
    self.steps = steps
  }

  private var version: Int { steps.count }

  /// Migrates the file of `connection`.
  ///
  /// Throws, and changes nothing, where the file is of a later version or of another program.
  func migrate(_ connection: Connection) throws(DatabaseError) {
    let found = try connection.integer("PRAGMA user_version")
    guard found <= version else { throw .newerSchema(found: found, known: version) }
    let owner = try connection.integer("PRAGMA application_id")
    if owner != applicationID {
      let isEmpty = try connection.integer("SELECT count(*) FROM sqlite_schema") == 0
      guard owner == 0 && found == 0 && isEmpty else { throw .foreign }
    }
    for number in found..<version {
      try connection.transaction { () throws(DatabaseError) in
        // Another process may have migrated the file since the version was read.
        guard try connection.integer("PRAGMA user_version") == number else { return }
        try connection.execute(steps[number])
        try connection.execute("PRAGMA application_id = \(applicationID)")
        try connection.execute("PRAGMA user_version = \(number + 1)")
      }
    }
  }

  /// Throws unless the file of `connection` is of this program and this version.
  package func requireCurrent(_ connection: Connection) throws(DatabaseError) {
    let found = try connection.integer("PRAGMA user_version")
    guard found <= version else { throw .newerSchema(found: found, known: version) }
    guard try connection.integer("PRAGMA application_id") == applicationID else { throw .foreign }
    guard found == version else { throw .olderSchema(found: found, known: version) }
  }
}
