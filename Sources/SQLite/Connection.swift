// Public, because inlined methods call it.
public import CSQLite
internal import System

/// A database connection, used by one thread at a time.
///
/// SQLite's mutex per connection is therefore off (https://www.sqlite.org/threadsafe.html, multi-thread
/// mode).
@usableFromInline package final class Connection {
  @usableFromInline let handle: OpaquePointer
  private let path: String
  /// The open files. Nil before the first read.
  private var files: DatabaseFiles?

  package enum Access {
    /// Creates the file if it does not exist, readable by its owner alone.
    case create
    /// Opens only an existing file.
    case write
    case read
  }

  /// Opens the database at `path`.
  ///
  /// - Parameter busyTimeout: how long SQLite waits for another process's lock, in milliseconds.
  package init(path: String, access: Access, busyTimeout: Int32) throws(DatabaseError) {
    Self.configure()
    var opened: OpaquePointer?
    let flags =
      switch access {
      case .create: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
      case .write: SQLITE_OPEN_READWRITE
      case .read: SQLITE_OPEN_READONLY
      }
    let code = sqlite3_open_v2(path, &opened, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
    guard let opened else { throw DatabaseError(code: SQLITE_NOMEM, message: "out of memory") }
    handle = opened
    self.path = path
    // https://www.sqlite.org/c3ref/open.html: a handle is returned even on error, and must be closed: deinit
    // does.
    try check(code)
    try check(sqlite3_busy_timeout(handle, busyTimeout))
    // A file that was tampered with must not run code of its own (https://www.sqlite.org/security.html).
    try check(csqlite_set_flag(handle, SQLITE_DBCONFIG_DEFENSIVE, 1))
    try check(csqlite_set_flag(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0))
  }

  /// Disables SQLite's memory statistics.
  ///
  /// They take a lock for every allocation and are never read.
  ///
  /// See https://www.sqlite.org/c3ref/c_config_covering_index_scan.html#sqliteconfigmemstatus. The call
  /// fails, without harm, once SQLite is in use.
  private static func configure() { _ = hasForgoneStatistics }
  private static let hasForgoneStatistics = csqlite_forgo_memory_statistics() == SQLITE_OK

  deinit {
    // Where the database was moved, SQLite does not delete a WAL by its name, which may belong to another
    // daemon by then. https://www.sqlite.org/c3ref/close.html: v2 defers the close until the last statement
    // is finalized.
    sqlite3_close_v2(handle)
  }

  /// Records which files are open, for ``requireFilesInPlace()``. Call it after the first read.
  package func rememberFiles() throws(DatabaseError) {
    files = try DatabaseFiles(of: path, openOn: handle)
  }

  /// Throws if a file was deleted, moved or replaced since ``rememberFiles()``.
  @usableFromInline package func requireFilesInPlace() throws(DatabaseError) {
    try files?.requireInPlace()
  }

  /// Throws the error for `code` unless it means success.
  @inlinable func check(_ code: Int32) throws(DatabaseError) {
    switch code {
    case SQLITE_OK, SQLITE_ROW, SQLITE_DONE: return
    default: throw error(of: code)
    }
  }

  @usableFromInline func error(of code: Int32) -> DatabaseError {
    DatabaseError(code: code, message: message(of: code))
  }

  /// SQLite's message, with the system's for an I/O error.
  ///
  /// The system's distinguishes a quota from a broken disk.
  private func message(of code: Int32) -> String {
    // Some calls return an error without storing it in the handle, such as sqlite3_db_cacheflush.
    let isOfHandle = sqlite3_extended_errcode(handle) == code
    let message = String(cString: isOfHandle ? sqlite3_errmsg(handle) : sqlite3_errstr(code))
    guard Self.callErrors.contains(code) else { return message }
    guard let number = lastErrno else { return message }
    return "\(message): \(ErrorNumber.text(of: number))"
  }

  /// The errno of the last failed call on the database file or the WAL.
  ///
  /// Nil where there is none, or where the two files differ.
  private var lastErrno: Int32? {
    var (ofDatabase, ofWAL): (Int32, Int32) = (0, 0)
    _ = sqlite3_file_control(handle, "main", SQLITE_FCNTL_LAST_ERRNO, &ofDatabase)
    if let wal = walFile {
      _ = wal.pointee.pMethods?.pointee.xFileControl?(wal, SQLITE_FCNTL_LAST_ERRNO, &ofWAL)
    }
    let numbers = Set([ofDatabase, ofWAL]).subtracting([0])
    return numbers.count == 1 ? numbers.first : nil
  }

  /// The errors with which SQLite stores the errno.
  ///
  /// SQLITE_IOERR_READ, _WRITE, _FSYNC and _TRUNCATE, which Swift does not import.
  private static let callErrors = [1, 3, 4, 6].map { SQLITE_IOERR | $0 << 8 }

  /// Runs statements and ignores their rows.
  @usableFromInline package func execute(_ sql: String) throws(DatabaseError) {
    try check(sqlite3_exec(handle, sql, nil, nil, nil))
  }

  /// Returns the first row's first column as an integer. Zero without a row.
  package func integer(_ sql: String) throws(DatabaseError) -> Int {
    let statement = Statement(sql, on: self)
    guard try statement.step() else { return 0 }
    let integer = statement.integer(0)
    try statement.finish()
    return integer
  }

  /// Returns the first row's first column as an integer.
  ///
  /// Nil where it is NULL, or without a row.
  package func optionalInteger(_ sql: String) throws(DatabaseError) -> Int64? {
    let statement = Statement(sql, on: self)
    return try statement.step() ? statement.optionalInteger(0) : nil
  }

  /// Returns the first row's first column as text. Empty without a row.
  func text(_ sql: String) throws(DatabaseError) -> String {
    let statement = Statement(sql, on: self)
    guard try statement.step() else { return "" }
    let text = statement.text(0) ?? ""
    try statement.finish()
    return text
  }

  /// Runs `body` in an IMMEDIATE transaction.
  ///
  /// All of its changes are committed, or none.
  @inlinable func transaction<Result>(
    _ body: () throws(DatabaseError) -> Result
  ) throws(DatabaseError) -> Result {
    try execute("BEGIN IMMEDIATE")
    do throws(DatabaseError) {
      let result = try body()
      try execute("COMMIT")
      return result
    } catch {
      rollBack()
      throw error
    }
  }

  @usableFromInline func rollBack() {
    // https://www.sqlite.org/lang_transaction.html: some errors roll back by themselves. Then this ROLLBACK
    // fails, which is ignored because the first error is the cause.
    if sqlite3_get_autocommit(handle) == 0 { sqlite3_exec(handle, "ROLLBACK", nil, nil, nil) }
  }

  /// The rowid of the last inserted row.
  @inlinable package var lastInsertedRow: Int64 { sqlite3_last_insert_rowid(handle) }

  /// The first problem that `PRAGMA quick_check` reports. Nil for none. Reads the whole file.
  package func damage() throws(DatabaseError) -> String? {
    let verdict = try text("PRAGMA quick_check(1)")
    // The report may have several lines.
    return verdict == "ok" ? nil : verdict.split(separator: "\n").joined(separator: " ")
  }

  /// Executes `sql`, flushes its pages to the WAL, syncs, and rolls back.
  func dryRun(_ sql: String) throws(DatabaseError) {
    try execute("BEGIN IMMEDIATE")
    // WAL frames without a commit frame are ignored, and overwritten (https://www.sqlite.org/walformat.html).
    // Some errors roll back by themselves; then this ROLLBACK fails, which is ignored.
    defer { sqlite3_exec(handle, "ROLLBACK", nil, nil, nil) }
    try execute(sql)
    // https://www.sqlite.org/c3ref/db_cacheflush.html
    try check(sqlite3_db_cacheflush(handle))
    try syncWAL()
  }

  /// Syncs the WAL to disk.
  func syncWAL() throws(DatabaseError) {
    try sync(walFile)
  }

  /// Syncs the database file to disk.
  func syncDatabase() throws(DatabaseError) {
    try sync(databaseFile)
  }

  private func sync(_ file: UnsafeMutablePointer<sqlite3_file>?) throws(DatabaseError) {
    try check(file?.pointee.pMethods?.pointee.xSync?(file, SQLITE_SYNC_NORMAL) ?? SQLITE_OK)
  }

  /// SQLite's file object for the database.
  var databaseFile: UnsafeMutablePointer<sqlite3_file>? {
    get throws(DatabaseError) {
      var file: UnsafeMutablePointer<sqlite3_file>?
      // https://www.sqlite.org/c3ref/c_fcntl_begin_atomic_write.html#sqlitefcntlfilepointer
      try check(sqlite3_file_control(handle, "main", SQLITE_FCNTL_FILE_POINTER, &file))
      return file
    }
  }

  /// SQLite's file object for the WAL. Nil where it is not open.
  var walFile: UnsafeMutablePointer<sqlite3_file>? {
    var file: UnsafeMutablePointer<sqlite3_file>?
    // https://www.sqlite.org/c3ref/c_fcntl_begin_atomic_write.html#sqlitefcntljournalpointer
    let code = sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file)
    return code == SQLITE_OK && file?.pointee.pMethods != nil ? file : nil
  }
}
