internal import Glibc

/// The exclusive claim of one daemon on a database.
///
/// SQLite lets several processes write one file, so two daemons could run on it unnoticed. The claim is a
/// flock(2) on the database itself. It is bound to the file and not to one of its names. It ends with the
/// process, however that ends, and leaves nothing behind. SQLite locks with fcntl(2), which is independent of
/// flock(2).
///
/// The WAL is claimed too, and must belong to the database. If a copy replaces the database while a daemon
/// runs, the new file is unclaimed, but the WAL beside it belongs to the old one. The next process would
/// apply that WAL to the copy, and corrupt it.
///
/// Descriptors are never closed, not even after an error. Closing any descriptor of a file drops every
/// fcntl(2) lock that the process holds on it, including SQLite's (https://www.sqlite.org/howtocorrupt.html,
/// section 2.2).
package struct DatabaseLock {
  private let walPath: String
  private var claimedWAL: FileIdentity?

  /// Claims the database at `path` until the process ends.
  ///
  /// Creates an empty file, readable by its owner alone, where none exists. Call it before any connection is
  /// opened.
  package init(claiming path: String) throws(DatabaseError) {
    // SQLite keeps the WAL beside the target of a link.
    let resolved = realpath(path, nil)
    defer { free(resolved) }
    walPath = (resolved.map { String(cString: $0) } ?? path) + "-wal"
    // A WAL without its database: creating an empty database would make SQLite apply the WAL to it.
    if resolved == nil, hasWAL { throw .strayWAL(walPath) }
    let descriptor = try Self.claim(path, flags: O_CREAT)
    try claimWAL()
    guard !hasWAL || Self.usesWAL(descriptor) else { throw .strayWAL(walPath) }
  }

  private var hasWAL: Bool {
    var status = stat()
    return stat(walPath, &status) == 0 && status.st_size > 0
  }

  /// Whether the database is in WAL mode.
  ///
  /// Its 19th byte is then 2 (https://www.sqlite.org/fileformat2.html#file_format_version_numbers). To a
  /// database in another mode, SQLite would apply a WAL that lies beside it, or delete that WAL.
  static func usesWAL(_ database: Int32) -> Bool {
    var version: UInt8 = 0
    return pread(database, &version, 1, 18) == 1 && version == 2
  }

  /// Claims the WAL, if there is one. Call it again after a ``DatabaseWriter`` has created the WAL.
  package mutating func claimWAL() throws(DatabaseError) {
    guard let wal = FileIdentity(path: walPath), wal != claimedWAL else { return }
    _ = try Self.claim(walPath, flags: 0)
    claimedWAL = wal
  }

  private static func claim(_ path: String, flags: Int32) throws(DatabaseError) -> Int32 {
    let descriptor = open(path, O_RDWR | O_CLOEXEC | flags, 0o600)
    guard descriptor >= 0 else { throw DatabaseError(opening: errno) }
    precondition(descriptor > STDERR_FILENO, "a log line would be written into the database")
    guard flock(descriptor, LOCK_EX | LOCK_NB) != 0 else { return descriptor }
    // Some file systems have no such locks. There the daemon runs without the claim, as any program with
    // SQLite does.
    guard errno == EWOULDBLOCK else { return descriptor }
    throw .served(by: holder(of: path))
  }

  /// Whether a daemon has claimed `path`, as far as proc(5) shows.
  package static func isClaimed(_ path: String) -> Bool { claim(of: path) != nil }

  /// The process that holds the claim. Nil where it is hidden, or in another container.
  private static func holder(of path: String) -> Int32? {
    claim(of: path).flatMap { $0 > 0 ? $0 : nil }
  }

  /// The process id in `/proc/locks`.
  ///
  /// It is 0 or negative for a process of another container.
  private static func claim(of path: String) -> Int32? {
    guard let identity = FileIdentity(path: path), let table = fopen("/proc/locks", "re") else { return nil }
    defer { fclose(table) }
    var line = [CChar](repeating: 0, count: 256)
    // Terminates at the end of the table.
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
