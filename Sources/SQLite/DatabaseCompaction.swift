internal import Glibc

/// Rebuilds a database file without its free pages.
///
/// SQLite reuses the pages of what was deleted, and a file that is rarely full needs no compaction. VACUUM
/// writes the whole database into the WAL in one transaction (https://www.sqlite.org/lang_vacuum.html).
/// Meanwhile nothing else can be written, so no daemon may use the file.
package enum DatabaseCompaction {
  package struct Summary: Equatable, Sendable {
    /// The size of the file, in bytes.
    package let before: Int
    package let after: Int
  }

  /// - Parameter migrations: of the schema that the file must have.
  package static func run(_ path: String, migrations: Migrations) throws(DatabaseError) -> Summary {
    guard access(path, F_OK) == 0 else { throw DatabaseError(opening: ENOENT) }
    // Held until the process ends, so that no daemon starts meanwhile.
    _ = try DatabaseLock(claiming: path)
    let connection = try Connection(path: path, access: .write, busyTimeout: 5000)
    try migrations.requireCurrent(connection)
    // What VACUUM leaves is overwritten as deletions are.
    try connection.execute("PRAGMA secure_delete = ON")
    try connection.execute("PRAGMA synchronous = FULL")
    _ = try connection.text("PRAGMA wal_checkpoint(TRUNCATE)")
    let before = size(of: path)
    try connection.execute("VACUUM")
    _ = try connection.text("PRAGMA wal_checkpoint(TRUNCATE)")
    return Summary(before: before, after: size(of: path))
  }

  private static func size(of path: String) -> Int {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : 0
  }
}
