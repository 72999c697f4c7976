internal import CSQLite

/// Throttles the page writes of a checkpoint.
///
/// A checkpoint is one call of SQLite that writes thousands of pages. Unthrottled, it takes a processor and
/// the disk from the threads that senders wait for. A lower thread priority would spare them too, but beside
/// programs that use the whole machine it would let the WAL grow without bound.
struct ThrottledWrites {
  private let throttle: () -> Void
  private var writesSinceThrottle = 0

  /// Pages written between two calls of ``throttle``. Writing them takes a tenth of a millisecond.
  private static let pagesPerThrottle = 16

  private typealias Database = InterposedFile<Self>

  /// Throttles the writes of `connection` until SQLite closes the database file.
  ///
  /// - Parameter throttle: called after every 16 writes; it may block.
  static func attachToDatabase(of connection: Connection, _ throttle: @escaping () -> Void)
    throws(DatabaseError)
  {
    guard let file = try connection.databaseFile else { return }
    Database.interpose(in: file, Self(throttle: throttle)) { methods in
      methods.xWrite = { file, bytes, count, offset in
        let database = Database.of(file)
        database.pointee.state.throttleIfDue()
        return database.pointee.original.pointee.xWrite?(file, bytes, count, offset) ?? SQLITE_IOERR
      }
      methods.xClose = { Database.close($0) }
    }
  }

  private mutating func throttleIfDue() {
    if writesSinceThrottle == Self.pagesPerThrottle {
      throttle()
      writesSinceThrottle = 0
    }
    writesSinceThrottle += 1
  }
}
