internal import CSQLite
internal import Glibc
internal import Synchronization
internal import System

/// A consistent copy of a database that may be in use.
///
/// sqlite3_backup copies pages unchanged, inside one read transaction. That blocks no writer, but it keeps
/// the WAL from being reset, so the copy should be fast, and copying pages is. VACUUM INTO would hold the
/// same transaction for longer, because it rebuilds every index. Pages are copied a few at a time, to show
/// progress. Commits made meanwhile are not part of the copy, because the transaction was open before, so the
/// backup never restarts.
package final class DatabaseBackup: Sendable {
  private let source: String
  private let destination: String
  private let replacesFile: Bool
  private let content: BackupContent
  /// Held while the copy is created or renamed.
  ///
  /// A copy removed by ``abandon(_:)`` therefore does not reappear.
  private let hasName = Mutex(false)
  /// The temporary file, beside the destination so that it can be renamed.
  private var partial: String { "\(destination).partial-\(getpid())" }

  /// Pages copied at a time: 4 MiB.
  private static let pagesPerStep: Int32 = 1024

  /// The size of a copy.
  package struct Summary: Equatable, Sendable {
    package let rows: Int
    package let bytes: Int
  }

  /// Prepares a copy; ``run(progress:)`` makes it.
  ///
  /// - Parameters:
  ///   - source: the database's path.
  ///   - destination: the path of the copy; `source`, its WAL and its shared memory are rejected.
  ///   - replacesFile: whether a file at `destination` may be replaced.
  ///   - content: what the copy must contain.
  package init(
    of source: String, to destination: String, replacingFile replacesFile: Bool, content: BackupContent
  ) {
    self.source = source
    self.destination = destination
    self.replacesFile = replacesFile
    self.content = content
  }

  /// Makes the copy, verifies it, and only then renames it to the destination.
  ///
  /// After an error there is no copy, and a file at the destination is unchanged. The exception is a folder
  /// that could not be synced: the new name may then be lost in a power failure.
  ///
  /// - Parameter progress: receives the number of copied pages and of all pages.
  package func run(progress: (_ copied: Int, _ all: Int) -> Void) throws(BackupError) -> Summary {
    try requireDestination()
    let reader = try opening { () throws(DatabaseError) in
      try Connection(path: source, access: .read, busyTimeout: 5000)
    }
    try makePartial()
    do throws(BackupError) {
      let rows = try copy(from: reader, progress)
      try verify(expecting: rows)
      let bytes = try sync()
      try publish()
      return Summary(rows: rows, bytes: bytes)
    } catch {
      removePartial()
      throw error
    }
  }

  /// Removes the unfinished copy, and calls `end`, which ends the process.
  ///
  /// Does nothing where the copy has its final name already. Call it on another thread than
  /// ``run(progress:)``, which a slow disk may block for long.
  package func abandon(_ end: () -> Never) {
    hasName.withLock { hasName in
      guard !hasName else { return }
      removePartial()
      end()
    }
  }

  private func removePartial() {
    for path in [partial, partial + "-journal", partial + "-wal", partial + "-shm"] { unlink(path) }
  }
}

// MARK: - The destination

extension DatabaseBackup {
  private func requireDestination() throws(BackupError) {
    guard access(source, F_OK) == 0 else { throw .noDatabase(source) }
    // Rejected even with --force: the daemon would lose its file, or SQLite would treat one of these as part
    // of the copy.
    let taken = FileIdentity(path: destination)
    for path in [source, source + "-wal", source + "-shm"] {
      let isTaken = taken != nil && FileIdentity(path: path) == taken
      guard destination != path, !isTaken else { throw .destinationIsDatabase(destination) }
    }
    for companion in [destination + "-wal", destination + "-journal"] where access(companion, F_OK) == 0 {
      throw .destinationInUse(companion)
    }
    guard replacesFile || taken == nil else { throw .exists(destination) }
  }

  private func makePartial() throws(BackupError) {
    let number = hasName.withLock { _ in
      let descriptor = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
      guard descriptor >= 0 else { return errno }
      close(descriptor)
      return 0
    }
    guard number == 0 else { throw .failed("create", partial, number) }
  }

  /// Syncs the copy, and returns its size.
  private func sync() throws(BackupError) -> Int {
    let descriptor = open(partial, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .failed("open", partial, errno) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, fsync(descriptor) == 0 else {
      throw .failed("sync", partial, errno)
    }
    return Int(status.st_size)
  }

  private func publish() throws(BackupError) {
    let failure = hasName.withLock { hasName in
      let failure = renamePartial()
      hasName = failure == nil
      return failure
    }
    if let failure { throw failure }
    // The new name is durable once its folder is synced.
    let slash = destination.lastIndex(of: "/")
    let folder = slash.map { $0 == destination.startIndex ? "/" : String(destination[..<$0]) } ?? "."
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .failed("open", folder, errno) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw .failed("sync", folder, errno) }
  }

  private func renamePartial() -> BackupError? {
    if replacesFile {
      guard rename(partial, destination) == 0 else { return .failed("name", destination, errno) }
    } else if link(partial, destination) == 0 {
      // Unlike rename(2), link(2) never replaces a file created there meanwhile.
      unlink(partial)
    } else {
      guard errno != EEXIST else { return .exists(destination) }
      // Some file systems have no hard links.
      guard rename(partial, destination) == 0 else { return .failed("name", destination, errno) }
    }
    return nil
  }
}

// MARK: - Copying and verifying

extension DatabaseBackup {
  /// Copies the database, and returns its number of rows when the copy began.
  private func copy(from reader: Connection, _ progress: (Int, Int) -> Void) throws(BackupError) -> Int {
    let rows = try opening { () throws(DatabaseError) in
      // The copy is as of the start of this transaction.
      try reader.execute("BEGIN")
      try content.migrations.requireCurrent(reader)
      return try content.countRows(in: reader)
    }
    do throws(DatabaseError) {
      // Opened, not created: the copy may be abandoned at this moment, and creating it would bring it back.
      let copy = try Connection(path: partial, access: .write, busyTimeout: 0)
      // The file is private until it is complete and synced, so it needs no journal on disk and no sync by
      // SQLite.
      try copy.execute("PRAGMA journal_mode = MEMORY")
      try copy.execute("PRAGMA synchronous = OFF")
      try Self.copyPages(from: reader, to: copy, progress)
      try copy.execute(content.markSQL)
      // Without WAL mode the copy is a single file. The daemon switches it back to WAL mode.
      guard try copy.text("PRAGMA journal_mode = DELETE") == "delete" else {
        throw .cannotOpen("its journal mode did not change")
      }
    } catch .corrupt(let verdict) {
      // The copy was empty a moment ago.
      throw .cannotRead(.corrupt(verdict))
    } catch {
      throw .cannotWrite(destination, error)
    }
    return rows
  }

  private static func copyPages(
    from reader: Connection, to copy: Connection, _ progress: (Int, Int) -> Void
  ) throws(DatabaseError) {
    guard let backup = sqlite3_backup_init(copy.handle, "main", reader.handle, "main") else {
      return try copy.check(sqlite3_errcode(copy.handle))
    }
    var code = SQLITE_OK
    // Terminates when all pages are copied, or with an error, because the transaction keeps their number
    // constant.
    while code == SQLITE_OK {
      code = sqlite3_backup_step(backup, Self.pagesPerStep)
      let all = Int(sqlite3_backup_pagecount(backup))
      progress(all - Int(sqlite3_backup_remaining(backup)), all)
    }
    // https://www.sqlite.org/c3ref/backup_finish.html: returns the error of the last step.
    let outcome = sqlite3_backup_finish(backup)
    guard outcome != SQLITE_OK else { return try copy.check(code) }
    throw DatabaseError(code: outcome, message: String(cString: sqlite3_errstr(outcome)))
  }

  private func verify(expecting rows: Int) throws(BackupError) {
    let verdict: String
    let found: Int
    do throws(DatabaseError) {
      let copy = try Connection(path: partial, access: .read, busyTimeout: 0)
      verdict = try copy.text("PRAGMA integrity_check(1)")
      try content.migrations.requireCurrent(copy)
      found = try content.countRows(in: copy)
    } catch {
      throw .unsound("\(error)")
    }
    guard verdict == "ok" else { throw .unsound(verdict.split(separator: "\n").joined(separator: " ")) }
    guard found >= rows else { throw .unsound("it holds \(found) of \(rows) \(content.table)") }
  }

  private func opening<Result>(_ body: () throws(DatabaseError) -> Result) throws(BackupError) -> Result {
    do throws(DatabaseError) {
      return try body()
    } catch {
      throw .cannotRead(error)
    }
  }
}

/// What a backup must contain to be complete.
package struct BackupContent: Sendable {
  let migrations: Migrations
  /// The table whose rows are counted.
  let table: String
  /// SQL that marks a copy.
  let markSQL: String

  package init(migrations: Migrations, table: String, markSQL: String) {
    self.migrations = migrations
    self.table = table
    self.markSQL = markSQL
  }

  fileprivate func countRows(in connection: Connection) throws(DatabaseError) -> Int {
    try connection.integer("SELECT count(*) FROM \(table)")
  }
}

/// The reason why a backup failed.
package enum BackupError: Error, Equatable, Sendable {
  case noDatabase(String)
  case exists(String)
  case destinationIsDatabase(String)
  /// A journal of another database lies beside the destination.
  ///
  /// SQLite would apply it to the copy.
  case destinationInUse(String)
  /// The operation, the file, and the errno.
  case failed(String, String, Int32)
  case cannotRead(DatabaseError)
  case cannotWrite(String, DatabaseError)
  /// The copy failed verification.
  ///
  /// The database itself is damaged, or the copy's disk is.
  case unsound(String)
}

extension BackupError: CustomStringConvertible {
  /// Cause and remedy in one line.
  package var description: String {
    switch self {
    case .noDatabase(let path): "DATABASE_URL: \(path) does not exist"
    case .exists(let path): "\(path) exists: name another file, or replace it with --force"
    case .destinationIsDatabase(let path): "\(path) is the database itself: name another file"
    case .destinationInUse(let path):
      "\(path) belongs to another database of that name: move it away, or name another file"
    case .failed(let deed, let path, let number): "cannot \(deed) \(path): \(ErrorNumber.text(of: number))"
    case .cannotRead(let error): "DATABASE_URL: \(error)"
    case .cannotWrite(let path, .full): "cannot write \(path): the disk is full"
    case .cannotWrite(let path, let error): "cannot write \(path): \(error)"
    case .unsound(let verdict):
      "the copy is not sound (\(verdict)) and was removed: run replicate-webhookd check on the database"
    }
  }
}
