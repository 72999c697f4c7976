internal import Glibc

extension DatabaseLock {
  /// Without links and relative to nothing; as it is where nothing is there yet.
  package static func absolutePath(of path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  /// Throws what claiming the database at `path` would throw, another daemon's claim excepted. Changes nothing.
  ///
  /// - Returns: whether the database is there.
  package static func examine(_ path: String) throws(StoreError) -> Bool {
    let path = try target(of: path)
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
    // SQLite makes the log and the shared memory beside the database.
    try require(folder, W_OK | X_OK)
    let log = path + "-wal"
    guard access(path, F_OK) == 0 else {
      if size(of: log) > 0 { throw .strayLog(log) }
      return false
    }
    for file in [path, log, path + "-shm"] where access(file, F_OK) == 0 { try require(file, R_OK | W_OK) }
    let descriptor = open(path, O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else { throw StoreError(opening: errno) }
    // No connection is open yet that could lose its locks by this.
    defer { close(descriptor) }
    guard size(of: log) == 0 || usesLog(descriptor) else { throw .strayLog(log) }
    return true
  }

  private static func require(_ path: String, _ mode: Int32) throws(StoreError) {
    guard access(path, mode) == 0 else { throw StoreError(opening: errno) }
  }

  /// Zero where there is none.
  private static func size(of path: String) -> Int {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_size : 0
  }

  /// Where open(2) would make the file: what symbolic links lead to, which need not exist.
  private static func target(of path: String) throws(StoreError) -> String {
    var path = path
    // As many as Linux follows (path_resolution(7)).
    for _ in 0..<40 {
      var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
      let count = readlink(path, &buffer, buffer.count)
      guard count > 0 else { return path }
      let link = String(decoding: buffer.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
      let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
      path = link.hasPrefix("/") ? link : folder + link
    }
    throw StoreError(opening: ELOOP)
  }
}
