internal import CSQLite
internal import Glibc

/// Which file a path names: the path may come to name another one.
struct FileIdentity: Equatable {
  let device: UInt64
  let inode: UInt64

  /// Nil where the path names nothing.
  init?(path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
  }
}

/// The files that an open connection works on, and the names under which the next process will look for them.
///
/// SQLite does not notice when a file is deleted, moved or replaced under it (https://www.sqlite.org/howtocorrupt.html,
/// section 2.4): it goes on committing into one that nobody will find. The log holds what was committed last, so it must
/// be in its place as much as the database; and a process that finds no shared memory makes another, and no longer sees
/// the locks in this one.
struct DatabaseFiles {
  private let files: [(path: String, identity: FileIdentity)]

  /// - Parameters:
  ///   - path: the database's name in the settings, which may be a symbolic link.
  ///   - connection: one that has read something, so that its log and its shared memory are open.
  init(of path: String, openOn connection: OpaquePointer) throws(StoreError) {
    guard let database = FileIdentity(path: path) else { throw .gone(path) }
    var files = [(path: path, identity: database)]
    // SQLite keeps these beside the file that a link leads to.
    if let resolved = sqlite3_db_filename(connection, "main").map({ String(cString: $0) }) {
      for companion in [resolved + "-wal", resolved + "-shm"] {
        if let identity = FileIdentity(path: companion) { files.append((companion, identity)) }
      }
    }
    self.files = files
  }

  /// Throws unless every file is still found under its name. Costs a stat(2) each.
  func requireInPlace() throws(StoreError) {
    for (path, identity) in files {
      guard let found = FileIdentity(path: path) else { throw .gone(path) }
      guard found == identity else { throw .replaced(path) }
    }
  }
}
