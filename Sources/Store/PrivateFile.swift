internal import Glibc

/// Creates files that only their owner can read and write.
enum PrivateFile {
  /// Runs `body` with a umask of 077.
  ///
  /// SQLite creates the WAL and the shared-memory file with the permissions of the database
  /// (https://www.sqlite.org/wal.html), so only the database itself must be created here. The umask applies
  /// to the whole process: call this at start.
  static func creating<Result>(_ body: () throws(StoreError) -> Result) throws(StoreError) -> Result {
    let previous = umask(0o077)
    defer { umask(previous) }
    return try body()
  }
}
