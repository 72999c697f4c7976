internal import CSQLite
internal import Glibc

/// The device and inode of a file. A path may come to name another file.
struct FileIdentity: Equatable {
  let device: UInt64
  let inode: UInt64

  /// Nil where no file has that path.
  init?(path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
  }
}

/// The open files of a connection, with their paths.
///
/// SQLite does not notice when a file is deleted, moved or replaced under it
/// (https://www.sqlite.org/howtocorrupt.html, section 2.4), and goes on committing. No other process will
/// open that file then. The WAL holds the latest commits, so it must be in place as much as the database. A
/// process that finds no shared-memory file creates another, and does not see the locks in this one.
struct DatabaseFiles {
  private let files: [(path: String, identity: FileIdentity)]

  /// Records the files of an open connection.
  ///
  /// - Parameters:
  ///   - path: the database's path in the settings, which may be a symbolic link.
  ///   - connection: a connection after its first read, which has opened the WAL and the shared memory.
  init(of path: String, openOn connection: OpaquePointer) throws(DatabaseError) {
    guard let database = FileIdentity(path: path) else { throw .gone(path) }
    var files = [(path: path, identity: database)]
    // SQLite keeps these beside the target of a link.
    if let resolved = sqlite3_db_filename(connection, "main").map({ String(cString: $0) }) {
      for companion in [resolved + "-wal", resolved + "-shm"] {
        if let identity = FileIdentity(path: companion) { files.append((companion, identity)) }
      }
    }
    self.files = files
  }

  /// Throws unless every path still names its file. Costs one stat(2) per file.
  func requireInPlace() throws(DatabaseError) {
    for (path, identity) in files {
      guard let found = FileIdentity(path: path) else { throw .gone(path) }
      guard found == identity else { throw .replaced(path) }
    }
  }
}
