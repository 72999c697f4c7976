internal import CSQLite

/// One open database file. Used by one thread at a time, which is why SQLite's own locking of connections is off
/// (https://www.sqlite.org/threadsafe.html, multi-thread mode).
final class Connection {
  let handle: OpaquePointer
  private let path: String
  /// What it works on, once it has read something.
  private var files: DatabaseFiles?

  enum Access {
    /// Creates the file, readable by its owner alone.
    case create
    /// Only a file that exists.
    case write
    case read
  }

  /// - Parameter busyTimeout: how long SQLite waits for another process's lock, in milliseconds.
  init(path: String, access: Access, busyTimeout: Int32) throws(StoreError) {
    Self.configure()
    var opened: OpaquePointer?
    let flags =
      switch access {
      case .create: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
      case .write: SQLITE_OPEN_READWRITE
      case .read: SQLITE_OPEN_READONLY
      }
    let code = sqlite3_open_v2(path, &opened, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
    guard let opened else { throw StoreError(code: SQLITE_NOMEM, message: "out of memory") }
    handle = opened
    self.path = path
    // https://www.sqlite.org/c3ref/open.html: a handle is returned even on error, and must be closed: deinit does.
    try check(code)
    try check(sqlite3_busy_timeout(handle, busyTimeout))
    // A file that was tampered with must not run code of its own (https://www.sqlite.org/security.html).
    try check(csqlite_set_flag(handle, SQLITE_DBCONFIG_DEFENSIVE, 1))
    try check(csqlite_set_flag(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0))
  }

  /// https://www.sqlite.org/c3ref/c_config_covering_index_scan.html#sqliteconfigmemstatus: the statistics take a lock for
  /// every allocation, and nobody reads them. Refused, and of no account, once SQLite is in use.
  private static func configure() { _ = hasForgoneStatistics }
  private static let hasForgoneStatistics = csqlite_forgo_memory_statistics() == SQLITE_OK

  deinit {
    // Where the database was moved, SQLite keeps from deleting a log by its name, which may be another daemon's by then.
    // https://www.sqlite.org/c3ref/close.html: v2 waits for statements that are still alive.
    sqlite3_close_v2(handle)
  }

  /// Remembers which files are open, for ``requireFilesInPlace()``. Call it when something was read.
  func rememberFiles() throws(StoreError) {
    files = try DatabaseFiles(of: path, openOn: handle)
  }

  /// Throws where a file was deleted, moved or replaced since ``rememberFiles()``.
  func requireFilesInPlace() throws(StoreError) {
    try files?.requireInPlace()
  }

  /// Throws what `code` means, unless it means success.
  func check(_ code: Int32) throws(StoreError) {
    switch code {
    case SQLITE_OK, SQLITE_ROW, SQLITE_DONE: return
    default: throw StoreError(code: code, message: message(of: code))
    }
  }

  /// SQLite's words, and for an error of the disk the system's: they tell a quota from a broken disk.
  private func message(of code: Int32) -> String {
    // Some calls return an error that they do not leave in the handle: sqlite3_db_cacheflush does.
    let isOfHandle = sqlite3_extended_errcode(handle) == code
    let message = String(cString: isOfHandle ? sqlite3_errmsg(handle) : sqlite3_errstr(code))
    guard Self.callErrors.contains(code) else { return message }
    guard let number = lastErrno else { return message }
    return "\(message): \(SystemText.of(number))"
  }

  /// The system's errno of the last call that failed on the database's file or on its log; nil where there is none, or where
  /// the two differ.
  private var lastErrno: Int32? {
    var (ofDatabase, ofLog): (Int32, Int32) = (0, 0)
    _ = sqlite3_file_control(handle, "main", SQLITE_FCNTL_LAST_ERRNO, &ofDatabase)
    if let log = logFile {
      _ = log.pointee.pMethods?.pointee.xFileControl?(log, SQLITE_FCNTL_LAST_ERRNO, &ofLog)
    }
    let numbers = Set([ofDatabase, ofLog]).subtracting([0])
    return numbers.count == 1 ? numbers.first : nil
  }

  /// SQLITE_IOERR_READ, _WRITE, _FSYNC and _TRUNCATE, which Swift does not import: with these SQLite keeps the errno.
  private static let callErrors = [1, 3, 4, 6].map { SQLITE_IOERR | $0 << 8 }

  /// Runs statements that return nothing of interest.
  func execute(_ sql: String) throws(StoreError) {
    try check(sqlite3_exec(handle, sql, nil, nil, nil))
  }

  /// The first column of the first row, as an integer; 0 where there is no row.
  func integer(_ sql: String) throws(StoreError) -> Int {
    let statement = Statement(sql, on: self)
    guard try statement.step() else { return 0 }
    let integer = statement.integer(0)
    try statement.finish()
    return integer
  }

  /// The same; nil where that is NULL.
  func optionalInteger(_ sql: String) throws(StoreError) -> Int64? {
    let statement = Statement(sql, on: self)
    return try statement.step() ? statement.optionalInteger(0) : nil
  }

  func text(_ sql: String) throws(StoreError) -> String {
    let statement = Statement(sql, on: self)
    guard try statement.step() else { return "" }
    let text = statement.text(0) ?? ""
    try statement.finish()
    return text
  }

  /// Runs `body` in a transaction that holds the write lock from the start: all of it is stored, or nothing.
  func transaction<Result>(_ body: () throws(StoreError) -> Result) throws(StoreError) -> Result {
    try execute("BEGIN IMMEDIATE")
    do throws(StoreError) {
      let result = try body()
      try execute("COMMIT")
      return result
    } catch {
      // https://www.sqlite.org/lang_transaction.html: some errors have rolled back already; then this one is of no
      // account, and the first is the cause.
      if sqlite3_get_autocommit(handle) == 0 { sqlite3_exec(handle, "ROLLBACK", nil, nil, nil) }
      throw error
    }
  }

  /// Runs `sql` and writes all its pages to the log, as a commit would, but takes it back.
  func rehearse(_ sql: String) throws(StoreError) {
    try execute("BEGIN IMMEDIATE")
    // Frames of the log that no commit follows do not count, and are overwritten (https://www.sqlite.org/walformat.html).
    // Some errors have rolled back already; then this one is of no account.
    defer { sqlite3_exec(handle, "ROLLBACK", nil, nil, nil) }
    try execute(sql)
    // https://www.sqlite.org/c3ref/db_cacheflush.html
    try check(sqlite3_db_cacheflush(handle))
    try syncLog()
  }

  /// Has the disk keep what was written to the log so far.
  func syncLog() throws(StoreError) {
    try sync(logFile)
  }

  /// Has the disk keep what was moved into the database so far.
  func syncDatabase() throws(StoreError) {
    try sync(databaseFile)
  }

  private func sync(_ file: UnsafeMutablePointer<sqlite3_file>?) throws(StoreError) {
    try check(file?.pointee.pMethods?.pointee.xSync?(file, SQLITE_SYNC_NORMAL) ?? SQLITE_OK)
  }

  /// What SQLite works on the database with.
  var databaseFile: UnsafeMutablePointer<sqlite3_file>? {
    get throws(StoreError) {
      var file: UnsafeMutablePointer<sqlite3_file>?
      // https://www.sqlite.org/c3ref/c_fcntl_begin_atomic_write.html#sqlitefcntlfilepointer
      try check(sqlite3_file_control(handle, "main", SQLITE_FCNTL_FILE_POINTER, &file))
      return file
    }
  }

  /// What SQLite works on the log with; nil where it has not opened it.
  var logFile: UnsafeMutablePointer<sqlite3_file>? {
    var file: UnsafeMutablePointer<sqlite3_file>?
    // https://www.sqlite.org/c3ref/c_fcntl_begin_atomic_write.html#sqlitefcntljournalpointer
    let code = sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file)
    return code == SQLITE_OK && file?.pointee.pMethods != nil ? file : nil
  }
}
