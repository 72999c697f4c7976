internal import CSQLite
package import Glibc

/// A path for one database, in a folder of its own.
package final class TemporaryDatabase {
  private let scratch: ScratchFolder
  package var folder: String { scratch.path }
  package var path: String { folder + "/jobs.db" }

  /// - Parameter isInMemory: creates it in memory where possible, because it needs no durability.
  package init(isInMemory: Bool = false) throws {
    scratch = try ScratchFolder(isInMemory: isInMemory)
  }

  /// The permissions of the file.
  package var mode: mode_t {
    var status = stat()
    stat(path, &status)
    return status.st_mode & 0o777
  }
}

/// An SQL statement that failed.
package struct SQLFailure: Error {
  package let code: Int32
}

/// Runs SQL on a connection of its own.
package func execute(_ sql: String, in database: String) throws {
  var handle: OpaquePointer?
  defer { sqlite3_close_v2(handle) }
  var code = sqlite3_open(database, &handle)
  if code == SQLITE_OK { code = sqlite3_exec(handle, sql, nil, nil, nil) }
  guard code == SQLITE_OK else { throw SQLFailure(code: code) }
}
