package import SQLite
internal import SQLiteSchema

extension DatabaseCompaction {
  /// Compacts a store: see ``run(_:migrations:)``.
  package static func run(ofStore path: String) throws(DatabaseError) -> Summary {
    try run(path, migrations: Schema.migrations)
  }
}
