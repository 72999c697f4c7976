internal import Glibc

extension DatabaseLock {
  /// The absolute path without symbolic links; `path` itself where no file exists yet.
  package static func absolutePath(of path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  /// Checks whether the database at `path` could be claimed, and changes nothing.
  ///
  /// Throws the errors that claiming it would throw, except that another daemon has claimed it.
  ///
  /// - Returns: whether the database exists.
  package static func examine(_ path: String) throws(DatabaseError) -> Bool {
    let path = try target(of: path)
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
    // SQLite creates the WAL and the shared-memory file beside the database.
    try require(folder, W_OK | X_OK)
    let wal = path + "-wal"
    guard access(path, F_OK) == 0 else {
      if size(of: wal) > 0 { throw .strayWAL(wal) }
      return false
    }
    for file in [path, wal, path + "-shm"] where access(file, F_OK) == 0 { try require(file, R_OK | W_OK) }
    let descriptor = open(path, O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else { throw DatabaseError(opening: errno) }
    // Closing it is safe, because no connection is open yet whose locks this would drop.
    defer { close(descriptor) }
    guard size(of: wal) == 0 || usesWAL(descriptor) else { throw .strayWAL(wal) }
    return true
  }

  private static func require(_ path: String, _ mode: Int32) throws(DatabaseError) {
    guard access(path, mode) == 0 else { throw DatabaseError(opening: errno) }
  }

  /// The size of a file; zero where it does not exist.
  private static func size(of path: String) -> Int {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_size : 0
  }

  /// The path at which open(2) would create the file.
  ///
  /// Follows symbolic links, whose target need not exist.
  private static func target(of path: String) throws(DatabaseError) -> String {
    var path = path
    // Linux follows at most 40 (path_resolution(7)).
    for _ in 0..<40 {
      var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
      let count = readlink(path, &buffer, buffer.count)
      guard count > 0 else { return path }
      let link = String(decoding: buffer.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
      let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
      path = link.hasPrefix("/") ? link : folder + link
    }
    throw DatabaseError(opening: ELOOP)
  }
}
