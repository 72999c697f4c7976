internal import Glibc

/// The folder and the file of a SQLite database: whether this user may use them, and the free space.
package enum FolderProbe {
  /// The WAL may take 256 MiB, and as much again while a checkpoint waits for readers.
  private static let minFreeBytes: Int64 = 512 << 20

  /// - Parameter path: of the database.
  package static func findings(_ path: String) -> [Finding] {
    let slash = path.lastIndex(of: "/")
    let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    var status = stat()
    guard stat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      return [
        Finding("folder", .failed, "\(folder) is no folder", remedy: "Create it, owned by the daemon's user")
      ]
    }
    return [access(folder, status), owner(path), space(folder)]
  }

  private static func access(_ folder: String, _ status: stat) -> Finding {
    guard Glibc.access(folder, R_OK | W_OK | X_OK) == 0 else {
      return Finding(
        "folder", .failed, "user \(geteuid()) may not write \(folder), of user \(status.st_uid)",
        remedy: "Run this as the daemon's user, or change the owner: SQLite creates files beside the database"
      )
    }
    return Finding("folder", .ok, "\(folder) may be written by user \(geteuid())")
  }

  private static func owner(_ path: String) -> Finding {
    var status = stat()
    guard stat(path, &status) == 0 else { return Finding("owner", .ok, "\(path) does not exist yet") }
    guard status.st_mode & S_IFMT == S_IFREG else {
      return Finding("owner", .failed, "\(path) is no file", remedy: "Let DATABASE_URL name a file")
    }
    guard status.st_uid == geteuid() else {
      return Finding(
        "owner", .failed, "\(path) belongs to user \(status.st_uid), and this is user \(geteuid())",
        remedy: "Run this as the daemon's user, or change the owner of the file, its -wal and its -shm")
    }
    guard status.st_mode & 0o077 == 0 else {
      return Finding(
        "owner", .warning, "\(path) may be used by others than its owner", remedy: "chmod 600 \(path)")
    }
    return Finding("owner", .ok, "\(path) is its owner's alone")
  }

  private static func space(_ folder: String) -> Finding {
    var status = statvfs()
    guard statvfs(folder, &status) == 0 else {
      return Finding("space", .skipped, "the file system of \(folder) does not say what is free")
    }
    let (bytes, overflow) = Int64(clamping: status.f_bavail)
      .multipliedReportingOverflow(by: Int64(clamping: status.f_frsize))
    let free = overflow ? Int64.max : bytes
    let detail = "\(free >> 20) MiB are free in \(folder)"
    guard free < minFreeBytes else { return Finding("space", .ok, detail) }
    return Finding(
      "space", .failed, "\(detail); the write-ahead log alone may take \(minFreeBytes >> 20) MiB",
      remedy: "Free some, or let RETENTION or BODY_RETENTION be shorter")
  }
}
