internal import CSQLite

/// What is bound to a statement, side by side until the statement is reset: SQLite would allocate a copy of each.
struct BoundBytes: ~Copyable {
  /// Enough for the names and words of a job. What does not fit SQLite copies as ever.
  private static let capacity = 1024

  /// Nil until something is bound.
  private var bytes: UnsafeMutableRawBufferPointer?
  private var count = 0

  deinit { bytes?.deallocate() }

  /// Copies `source`, as long as there is room.
  ///
  /// - Returns: where it is, and what SQLite is to be told of that: that it stays, or that it does not.
  mutating func keep(
    _ source: UnsafeRawBufferPointer
  ) -> (start: UnsafeRawPointer?, destructor: sqlite3_destructor_type?) {
    guard source.count <= Self.capacity - count else { return (source.baseAddress, csqlite_transient()) }
    let place = bytes ?? .allocate(byteCount: Self.capacity, alignment: 1)
    bytes = place
    let room = UnsafeMutableRawBufferPointer(rebasing: place[count..<count + source.count])
    room.copyMemory(from: source)
    count += source.count
    return (UnsafeRawPointer(room.baseAddress), csqlite_static())
  }

  /// Call it when nothing is bound any more.
  mutating func forget() { count = 0 }
}
