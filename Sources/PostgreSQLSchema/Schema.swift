package import StoreSeam
package import PostgreSQL
package import Tables
package import Time

/// The schema of a store, and the steps that lead to it.
///
/// Steps only expand: programs of the version before go on beside a newer schema. What they no longer need is
/// removed by a step of a later version, which raises `oldest_program`.
package enum Schema {
  package struct Step {
    package let name: String
    package let sql: String
    /// Each on its own. The server may reject it.
    package let optional: [String]
  }

  package static let steps = [
    Step(name: "all tables", sql: version1, optional: optional1),
    // Which snapshot reported a job's end, by the number of its source; NULL where none has.
    Step(name: "sources of ends", sql: "ALTER TABLE jobs ADD COLUMN ended_by bigint", optional: []),
  ]

  package static var version: Int { steps.count }
  /// The oldest version whose programs may run beside this one's.
  package static let oldestProgram = 1

  /// `pg_current_xact_id()` is of version 13, `SET COMPRESSION` of 14.
  package static let oldestServer = 130_000

  /// The versions that a database has.
  package struct Stored: Equatable {
    /// 0 in an empty database.
    package let version: Int
    package let oldestProgram: Int
    /// Declared tables, and their indexes, that it lacks.
    package let missingRelations: [String]

    /// Whether this program must migrate it before it writes.
    package var needsMigration: Bool { version < Schema.version || !missingRelations.isEmpty }
  }

  private static let selectExists = Query("SELECT to_regclass('schema_version') IS NOT NULL")
  private static let selectVersion = Query("SELECT version, oldest_program FROM schema_version")
  private static let selectMissing = Query(
    "SELECT name FROM unnest($1::text[]) AS name WHERE to_regclass(name) IS NULL")

  package static func stored(
    _ connection: Connection, tables: [TableDeclaration], deadline: MonotonicTime
  ) throws(PostgreSQLError) -> Stored {
    let names = try missingRelations(connection, tables, deadline)
    guard try connection.run(selectExists, deadline: deadline).boolean(0, 0) else {
      return Stored(version: 0, oldestProgram: 0, missingRelations: names)
    }
    let row = try connection.run(selectVersion, deadline: deadline)
    return Stored(
      version: Int(row.integer(0, 0)), oldestProgram: Int(row.integer(0, 1)), missingRelations: names)
  }

  private static func missingRelations(
    _ connection: Connection, _ tables: [TableDeclaration], _ deadline: MonotonicTime
  ) throws(PostgreSQLError) -> [String] {
    let names = tables.flatMap { [$0.name] + $0.indexes.map(\.name) }
    let missing = try connection.run(selectMissing, [.texts(names)], deadline: deadline)
    return (0..<missing.count).compactMap { missing.text($0, 0) }
  }

  /// Throws unless this program can use a database of those versions.
  package static func check(_ stored: Stored) throws(StorageError) {
    guard stored.oldestProgram <= version else {
      throw .schema(
        """
        the database has the schema of a newer version (\(stored.version), this program knows \(version)): \
        install that version here
        """)
    }
    guard stored.needsMigration else { return }
    throw .schema(
      """
      the database has version \(stored.version) of the schema, and this program needs \(version): run \
      `migrate` with a role that owns the tables
      """)
  }
}

// MARK: - Migrating

extension Schema {
  /// How often a migration is tried again.
  ///
  /// Another process's migration or lock may stop it.
  private static let maxTries = 10

  /// Brings the database to this program's version. Any number of processes may do so at the same time.
  ///
  /// - Parameter progress: receives the name of each step before it runs.
  /// - Returns: the names of the steps that ran.
  package static func migrate(
    _ connection: Connection, tables: [TableDeclaration], deadline: MonotonicTime,
    progress: (String) -> Void
  ) throws(StorageError) -> [String] {
    var tries = 0
    // Bounded by `maxTries`.
    while true {
      tries += 1
      do throws(PostgreSQLError) {
        let pending = try migrateOnce(connection, tables: tables, deadline: deadline, progress: progress)
        for statement in pending.flatMap(\.optional) { try runOptional(statement, connection, deadline) }
        return pending.map(\.name)
      } catch {
        if !connection.isBroken, connection.isInTransaction {
          try converting { () throws(PostgreSQLError) in
            try connection.script("ROLLBACK", deadline: deadline)
          }
        }
        guard tries < maxTries, isOfAnotherMigration(error) else { throw storageError(error) }
      }
    }
  }

  /// Whether another process's migration or lock was first.
  private static func isOfAnotherMigration(_ error: PostgreSQLError) -> Bool {
    guard case .server(let state, _) = error else { return false }
    return [.uniqueViolation, .lockNotAvailable, .serializationFailure, .deadlockDetected].contains(state)
  }

  private static func storageError(_ error: PostgreSQLError) -> StorageError {
    guard case .server(let state, let text) = error else { return StorageError(error) }
    switch state {
    case .insufficientPrivilege:
      return .schema("\(text): run `migrate` with a role that may create tables in this database")
    case .duplicateTable:
      return .schema(
        "\(text), which is of another program: give this program a database or schema of its own")
    case .lockNotAvailable:
      return .unavailable("\(text): another transaction uses the tables; end it, and migrate again")
    default: return StorageError(error)
    }
  }

  private static func migrateOnce(
    _ connection: Connection, tables: [TableDeclaration], deadline: MonotonicTime,
    progress: (String) -> Void
  ) throws(PostgreSQLError) -> ArraySlice<Step> {
    // What waits for a lock of a running transaction makes all others wait behind it.
    // Programs go on beside a version that know at least the version `oldest_program`.
    try connection.script(
      """
      BEGIN; SET LOCAL lock_timeout = '2s'; SET LOCAL client_min_messages = warning;
      CREATE TABLE IF NOT EXISTS schema_version (version bigint NOT NULL, oldest_program bigint NOT NULL);
      LOCK TABLE schema_version IN SHARE ROW EXCLUSIVE MODE
      """, deadline: deadline)
    let row = try connection.run(selectVersion, deadline: deadline)
    let version = row.isEmpty ? 0 : Int(row.integer(0, 0))
    let pending = steps.dropFirst(version)
    for step in pending {
      progress(step.name)
      try connection.script(step.sql, deadline: deadline)
    }
    if version < Schema.version {
      let oldest = max(oldestProgram, row.isEmpty ? 0 : Int(row.integer(0, 1)))
      try connection.script(
        """
        DELETE FROM schema_version;
        INSERT INTO schema_version (version, oldest_program) VALUES (\(Schema.version), \(oldest))
        """, deadline: deadline)
    }
    let missing = Set(try missingRelations(connection, tables, deadline))
    for table in tables {
      try connection.script(CapabilityTable.definition(of: table), deadline: deadline)
      guard missing.contains(table.name) else { continue }
      for statement in CapabilityTable.seeding(of: table) {
        try connection.script(statement, deadline: deadline)
      }
    }
    try connection.script("COMMIT", deadline: deadline)
    return pending
  }

  private static func runOptional(
    _ sql: String, _ connection: Connection, _ deadline: MonotonicTime
  ) throws(PostgreSQLError) {
    do throws(PostgreSQLError) {
      try connection.script(sql, deadline: deadline)
    } catch {
      guard case .server = error else { throw error }
    }
  }
}
