internal import CSQLite
internal import Glibc
internal import System

/// An error of a database, classified by its remedy.
@usableFromInline package enum DatabaseError: Error, Equatable, Sendable {
  /// The file is of a later version of this program.
  case newerSchema(found: Int, known: Int)
  /// The file is of an earlier version, and was opened only for reading.
  case olderSchema(found: Int, known: Int)
  /// The file is a database of another program.
  case foreign
  /// The file is damaged or not a database.
  ///
  /// Or it holds values that this program never writes.
  case corrupt(String)
  /// Another process holds the file's lock for longer than the busy timeout.
  case busy
  case full
  case readOnly
  case cannotOpen(String)
  /// Another daemon has claimed this database; its process id where known.
  case served(by: Int32?)
  /// A WAL of this name belongs to another database.
  ///
  /// It lies beside a database that never had it, such as a backup, or beside none.
  case strayWAL(String)
  /// The file of this name was deleted or moved while open.
  case gone(String)
  /// The file of this name was replaced by another while open.
  case replaced(String)
  /// Any other SQLite or I/O error, with SQLite's extended code.
  case other(code: Int32, message: String)

  /// Maps a result code of SQLite (https://www.sqlite.org/rescode.html). Only this initializer does so.
  @usableFromInline init(code: Int32, message: String) {
    // The primary code is in the low byte.
    switch code & 0xFF {
    case SQLITE_BUSY, SQLITE_LOCKED: self = .busy
    case SQLITE_FULL: self = .full
    case SQLITE_READONLY, SQLITE_PERM: self = .readOnly
    case SQLITE_CANTOPEN: self = .cannotOpen(message)
    case SQLITE_CORRUPT, SQLITE_NOTADB: self = .corrupt(message)
    default: self = .other(code: code, message: message)
    }
  }

  /// Maps the errno of opening the database file.
  init(opening number: Int32) {
    switch number {
    case EACCES, EPERM, EROFS: self = .readOnly
    case ENOSPC, EDQUOT: self = .full
    default: self = .cannotOpen(ErrorNumber.text(of: number))
    }
  }
}

extension DatabaseError: CustomStringConvertible {
  /// Cause and remedy in one line.
  @usableFromInline package var description: String {
    switch self {
    case .newerSchema(let found, let known):
      "the database has schema \(found) and this version knows \(known): install the version that wrote it"
    case .olderSchema(let found, let known):
      "the database has schema \(found) and this version wants \(known): start serve once, which changes it"
    case .foreign:
      "the file is a database of another program: name another file in DATABASE_URL"
    case .corrupt(let message):
      "the database is damaged (\(message)): move the file aside and restore a backup"
    case .busy:
      "another process holds the database's lock: end it, or wait until it is done"
    case .full:
      "the disk is full: free space on the file system of the database"
    case .readOnly:
      "the database cannot be written: check the owner and the permissions of the file and of its folder, "
        + "and whether the file system is read-only"
    case .cannotOpen(let message):
      "the database cannot be opened (\(message)): check that its folder exists and may be written"
    case .served(let process):
      "another daemon serves this database\(process.map { " (process \($0))" } ?? ""): "
        + "stop it, or name another file"
    case .strayWAL(let path):
      "\(path) belongs to another database than the one beside it: put that one back, or move the log away"
    case .gone(let path):
      "\(path) was moved or deleted while it was in use: put that very file back; "
        + "one that was deleted can be copied from /proc/\(getpid())/fd until this process ends"
    case .replaced(let path):
      "\(path) is not the file that was opened: put that one back, or restart to use this one"
    case .other(let code, let message):
      "\(message) (SQLite code \(code))"
    }
  }

  /// Whether recovery must be proven by a dry run of the real size.
  ///
  /// After these errors one writable page proves nothing: there may be no space for more, or the next sector
  /// may be bad. Quotas and file size limits are reported as I/O errors.
  package var needsDryRun: Bool {
    switch self {
    case .full, .corrupt: true
    case .other(let code, _): code & 0xFF == SQLITE_IOERR
    default: false
    }
  }

  /// Whether the whole database cannot be written.
  ///
  /// Retrying a batch in parts would fail too.
  package var concernsWholeDatabase: Bool {
    switch self {
    case .busy, .full, .readOnly, .cannotOpen, .newerSchema, .olderSchema, .foreign: true
    case .served, .strayWAL, .gone, .replaced: true
    case .other(let code, _):
      code & 0xFF == SQLITE_NOMEM || code & 0xFF == SQLITE_IOERR && !Self.failedReads.contains(code)
    case .corrupt: false
    }
  }

  /// SQLITE_IOERR_READ and SQLITE_IOERR_SHORT_READ, which Swift does not import.
  ///
  /// A bad sector affects only some jobs.
  private static let failedReads = [SQLITE_IOERR | 1 << 8, SQLITE_IOERR | 2 << 8]
}
