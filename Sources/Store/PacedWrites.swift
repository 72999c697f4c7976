internal import CSQLite

/// Has whoever moves the log into the database rest between pages.
///
/// A checkpoint is one call of SQLite, which writes thousands of pages. Without a rest it takes a processor, and the disk,
/// from those whom senders wait for. A lower priority would spare them too, but beside programs that want all of the machine
/// it would let the log grow without end.
struct PacedWrites {
  private let rest: () -> Void
  private var writesSinceRest = 0

  /// Pages between two rests: what takes a tenth of a millisecond.
  private static let pagesAtOnce = 16

  private typealias Database = InterposedFile<Self>

  /// - Parameter rest: called after some writes of `connection` to its database, until SQLite closes it.
  static func attachToDatabase(of connection: Connection, _ rest: @escaping () -> Void) throws(StoreError) {
    guard let file = try connection.databaseFile else { return }
    Database.interpose(in: file, Self(rest: rest)) { methods in
      methods.xWrite = { file, bytes, count, offset in
        let database = Database.of(file)
        database.pointee.state.restWhenDue()
        return database.pointee.original.pointee.xWrite?(file, bytes, count, offset) ?? SQLITE_IOERR
      }
      methods.xClose = { Database.close($0) }
    }
  }

  private mutating func restWhenDue() {
    if writesSinceRest == Self.pagesAtOnce {
      rest()
      writesSinceRest = 0
    }
    writesSinceRest += 1
  }
}
