internal import CSQLite

/// A buffer for the values bound to a statement until its reset.
///
/// Without it, SQLite would allocate a copy of each value (`SQLITE_TRANSIENT`).
struct BindBuffer: ~Copyable {
  /// Enough for the identifiers and statuses of a job. SQLite copies a value that does not fit.
  private static let capacity = 1024

  /// Nil until the first value is bound.
  private var bytes: UnsafeMutableRawBufferPointer?
  private var count = 0

  deinit { bytes?.deallocate() }

  /// Copies `source` into the buffer if it fits.
  ///
  /// - Returns: the address to bind, with `SQLITE_STATIC` for a copy in the buffer or else
  ///   `SQLITE_TRANSIENT`.
  mutating func append(
    _ source: UnsafeRawBufferPointer
  ) -> (start: UnsafeRawPointer?, destructor: sqlite3_destructor_type?) {
    guard source.count <= Self.capacity - count else { return (source.baseAddress, csqlite_transient()) }
    let buffer = bytes ?? .allocate(byteCount: Self.capacity, alignment: 1)
    bytes = buffer
    let room = UnsafeMutableRawBufferPointer(rebasing: buffer[count..<count + source.count])
    room.copyMemory(from: source)
    count += source.count
    return (UnsafeRawPointer(room.baseAddress), csqlite_static())
  }

  /// Empties the buffer. Call it once nothing is bound any more.
  mutating func clear() { count = 0 }
}
