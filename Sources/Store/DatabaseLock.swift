internal import Glibc

/// The claim of one serving process to a database.
///
/// SQLite lets several processes write one file, and would let two daemons run on it unnoticed. The claim is a flock(2)
/// on the database itself: it is bound to the file and not to one of its names, it ends with the process however that
/// ends, and it leaves nothing behind. SQLite locks with fcntl(2), of which flock(2) knows nothing.
///
/// The log is claimed too, and must belong to the database. Where somebody puts a copy in the database's place while a
/// daemon runs, the new file is free, but the log beside it is the old one's: the next process would apply it to the copy,
/// and damage that.
///
/// Descriptors are never closed, not even after an error: closing any descriptor of a file drops every fcntl(2) lock that
/// the process has on it, and so those of SQLite (https://www.sqlite.org/howtocorrupt.html, section 2.2).
package struct DatabaseLock {
  private let logPath: String
  private var claimedLog: FileIdentity?

  /// Claims the database at `path` for the rest of this process, and makes an empty file where there is none, readable by
  /// its owner alone. Call it before any connection is opened.
  package init(claiming path: String) throws(StoreError) {
    // SQLite keeps the log beside the file that a link leads to.
    let resolved = realpath(path, nil)
    defer { free(resolved) }
    logPath = (resolved.map { String(cString: $0) } ?? path) + "-wal"
    // Without its database: nothing is made here that SQLite would take the log for a part of.
    if resolved == nil, hasLog { throw .strayLog(logPath) }
    let descriptor = try Self.claim(path, flags: O_CREAT)
    try claimLog()
    guard !hasLog || Self.usesLog(descriptor) else { throw .strayLog(logPath) }
  }

  private var hasLog: Bool {
    var status = stat()
    return stat(logPath, &status) == 0 && status.st_size > 0
  }

  /// https://www.sqlite.org/fileformat2.html#file_format_version_numbers: the 19th byte is 2 in a database that has a log.
  /// Beside any other, SQLite would apply the log that lies there to it, or delete that.
  static func usesLog(_ database: Int32) -> Bool {
    var version: UInt8 = 0
    return pread(database, &version, 1, 18) == 1 && version == 2
  }

  /// Claims the log, where there is one: once more when a ``StoreWriter`` has made it.
  package mutating func claimLog() throws(StoreError) {
    guard let log = FileIdentity(path: logPath), log != claimedLog else { return }
    _ = try Self.claim(logPath, flags: 0)
    claimedLog = log
  }

  private static func claim(_ path: String, flags: Int32) throws(StoreError) -> Int32 {
    let descriptor = open(path, O_RDWR | O_CLOEXEC | flags, 0o600)
    guard descriptor >= 0 else { throw StoreError(opening: errno) }
    precondition(descriptor > STDERR_FILENO, "a log line would be written into the database")
    guard flock(descriptor, LOCK_EX | LOCK_NB) != 0 else { return descriptor }
    // Some file systems have no such locks; there the daemon works as any program with SQLite does.
    guard errno == EWOULDBLOCK else { return descriptor }
    throw .served(by: holder(of: path))
  }

  /// Whether a daemon has claimed the database at `path`, as far as proc(5) shows it.
  package static func isClaimed(_ path: String) -> Bool { claim(of: path) != nil }

  /// Nil where it is hidden, and where it is another container's process.
  private static func holder(of path: String) -> Int32? {
    claim(of: path).flatMap { $0 > 0 ? $0 : nil }
  }

  /// The process in the table of locks, which is no number of ours where it is another container's.
  private static func claim(of path: String) -> Int32? {
    guard let identity = FileIdentity(path: path), let table = fopen("/proc/locks", "re") else { return nil }
    defer { fclose(table) }
    var line = [CChar](repeating: 0, count: 256)
    // Ends with the table.
    while fgets(&line, Int32(line.count), table) != nil {
      let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
      // 1: FLOCK  ADVISORY  WRITE 4242 fe:01:1234567 0 EOF
      let words = text.split(separator: " ")
      guard words.count > 5, words[1] == "FLOCK", words[5].hasSuffix(":\(identity.inode)") else { continue }
      return Int32(words[4])
    }
    return nil
  }
}
