internal import Glibc
internal import System

/// Puts a backup in the place of a database that no daemon uses.
///
/// The backup is copied and verified beside the database first. What was there keeps its bytes, under another
/// name: nothing is deleted.
package struct DatabaseRestore {
  private let database: String
  /// What is added to the names of the files that were there.
  private let suffix: String
  private let makesCopy: (_ destination: String) -> DatabaseBackup

  /// - Parameters:
  ///   - suffix: such as `.before-` and the time.
  ///   - makesCopy: prepares a copy of the backup.
  package init(
    to database: String, suffix: String, makesCopy: @escaping (_ destination: String) -> DatabaseBackup
  ) {
    self.database = database
    self.suffix = suffix
    self.makesCopy = makesCopy
  }

  /// - Parameter replacesFile: whether a database that is there is moved away.
  /// - Returns: the size of the restored database, and the names of the files that were moved away.
  package func run(
    replacingFile replacesFile: Bool, progress: (_ copied: Int, _ all: Int) -> Void
  ) throws(RestoreError) -> (summary: DatabaseBackup.Summary, moved: [String]) {
    try claim(replacesFile)
    let copy = "\(database).restored-\(getpid())"
    let summary: DatabaseBackup.Summary
    do throws(BackupError) {
      summary = try makesCopy(copy).run(progress: progress)
    } catch {
      throw .notCopied(error)
    }
    do throws(RestoreError) {
      try giveOwner(copy)
      checkpoint()
      let moved = try keepFiles()
      guard rename(copy, database) == 0 else { throw .failed("name", database, errno) }
      try syncFolder()
      return (summary, moved)
    } catch {
      unlink(copy)
      throw error
    }
  }

  /// Keeps a daemon from starting on the database that is there, until this process ends.
  private func claim(_ replacesFile: Bool) throws(RestoreError) {
    let names: [String] = ["", "-wal", "-shm"].map { "\(database)\($0)" }
    let files = names.filter { access($0, F_OK) == 0 }
    guard !DatabaseLock.isClaimed(database) else { throw .served(database) }
    guard let first = files.first else { return }
    guard replacesFile else { throw .exists(first) }
    let descriptor = open(first, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .failed("open", first, errno) }
    // Never closed: see `DatabaseLock`.
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK else { throw .served(database) }
    for ending in ["", "-wal", "-shm"] {
      let kept = "\(database)\(suffix)\(ending)"
      guard access(kept, F_OK) != 0 else { throw .exists(kept) }
    }
  }

  /// A copy that root has made belongs to the owner of the folder, which is the daemon's user.
  private func giveOwner(_ copy: String) throws(RestoreError) {
    guard geteuid() == 0 else { return }
    var status = stat()
    guard stat(folder, &status) == 0, chown(copy, status.st_uid, status.st_gid) == 0 else {
      throw .failed("change the owner of", copy, errno)
    }
  }

  /// Makes the database that is there whole without its WAL. A damaged one stays as it is.
  private func checkpoint() {
    guard access(database, F_OK) == 0,
      let connection = try? Connection(path: database, access: .write, busyTimeout: 0)
    else { return }
    _ = try? connection.text("PRAGMA wal_checkpoint(TRUNCATE)")
  }

  /// Keeps what is there under another name.
  private func keepFiles() throws(RestoreError) -> [String] {
    var kept: [String] = []
    // The WAL goes first: it must never lie beside another database. SQLite looks for it by the new name.
    for ending in ["-wal", "-shm"] {
      let (file, name) = ("\(database)\(ending)", "\(database)\(suffix)\(ending)")
      guard access(file, F_OK) == 0 else { continue }
      guard rename(file, name) == 0 else { throw .failed("move", file, errno) }
      kept.append(name)
    }
    guard access(database, F_OK) == 0 else { return kept }
    // A second name, where the file system has links: a kill before the last rename leaves the database in
    // its place.
    guard link(database, database + suffix) == 0 || rename(database, database + suffix) == 0 else {
      throw .failed("move", database, errno)
    }
    return kept + [database + suffix]
  }

  private var folder: String {
    let slash = database.lastIndex(of: "/")
    return slash.map { $0 == database.startIndex ? "/" : String(database[..<$0]) } ?? "."
  }

  private func syncFolder() throws(RestoreError) {
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .failed("open", folder, errno) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw .failed("sync", folder, errno) }
  }
}

/// Why nothing was restored.
package enum RestoreError: Error, Sendable, CustomStringConvertible {
  case served(String)
  case exists(String)
  case notCopied(BackupError)
  /// The operation, the file, and the errno.
  case failed(String, String, Int32)

  /// Cause and remedy in one line.
  package var description: String {
    switch self {
    case .served(let path): "a daemon uses \(path): stop it first, so that it does not write meanwhile"
    case .exists(let path): "\(path) exists: move it away, or let --force do that"
    case .notCopied(.noDatabase(let path)): "\(path) does not exist: name the file that `backup` has written"
    case .notCopied(.cannotRead(let error)): "the backup cannot be read: \(error)"
    case .notCopied(let error): "\(error)"
    case .failed(let deed, let path, let number): "cannot \(deed) \(path): \(ErrorNumber.text(of: number))"
    }
  }
}
