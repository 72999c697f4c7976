internal import Glibc

/// Files that are made while ``creating(_:)`` runs can be read and written by their owner alone.
enum PrivateFile {
  /// SQLite makes the log and the shared memory with the permissions of the database (https://www.sqlite.org/wal.html),
  /// so it is enough that the database itself is made here. The mask belongs to the whole process: call this at start.
  static func creating<Result>(_ body: () throws(StoreError) -> Result) throws(StoreError) -> Result {
    let previous = umask(0o077)
    defer { umask(previous) }
    return try body()
  }
}
