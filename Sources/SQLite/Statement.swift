// Public, because inlined methods call it.
public import CSQLite

/// A prepared statement: bind from 1, step, read columns from 0, reset, repeat.
///
/// It is prepared on first use, because a daemon uses most of its statements seldom.
@usableFromInline package final class Statement {
  @usableFromInline let connection: Connection  // Keeps the connection open while any statement lives.
  private let sql: String
  /// Nil until the first use.
  ///
  /// The exclusivity check is off, because it would take as long as most calls here. A connection is used by
  /// one thread at a time.
  @exclusivity(unchecked) @usableFromInline var handle: OpaquePointer?
  @exclusivity(unchecked) private var buffer = BindBuffer()

  package init(_ sql: String, on connection: Connection) {
    self.sql = sql
    self.connection = connection
  }

  @discardableResult
  @inlinable func prepare() throws(DatabaseError) -> OpaquePointer {
    if let handle { return handle }
    return try prepareFirst()
  }

  @usableFromInline func prepareFirst() throws(DatabaseError) -> OpaquePointer {
    // https://www.sqlite.org/c3ref/prepare.html: persistent statements do not use the lookaside memory.
    let code = sqlite3_prepare_v3(
      connection.handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &handle, nil)
    try connection.check(code)
    guard let handle else { throw DatabaseError(code: SQLITE_MISUSE, message: "an empty statement") }
    return handle
  }

  deinit {
    sqlite3_finalize(handle)
  }

  /// Steps once. True while there is a row to read.
  @inlinable package func step() throws(DatabaseError) -> Bool {
    let code = sqlite3_step(try prepare())
    if code == SQLITE_ROW { return true }
    try connection.check(code)
    return false
  }

  /// Steps to the end and discards the rows.
  ///
  /// A statement that both returns a row and changes something, such as `PRAGMA journal_mode = WAL`, commits
  /// only at its end. Its row alone does not prove the change.
  @inlinable func finish() throws(DatabaseError) {
    while try step() {}
  }

  /// Steps once and resets. Use it for statements that change something.
  @inlinable package func run() throws(DatabaseError) {
    defer { reset() }
    _ = try step()
  }

  /// Resets the statement and clears its bindings.
  ///
  /// This also ends its read transaction.
  @usableFromInline package func reset() {
    guard let handle else { return }
    // https://www.sqlite.org/c3ref/reset.html: returns the error of the last step, which was thrown already.
    sqlite3_reset(handle)
    sqlite3_clear_bindings(handle)
    buffer.clear()
  }
}

// MARK: - Parameters

extension Statement {
  @inlinable package func bind(_ index: Int32, _ value: Int64?) throws(DatabaseError) {
    // NULL is what ``reset()`` leaves.
    guard let value else { return }
    try connection.check(sqlite3_bind_int64(try prepare(), index, value))
  }

  /// Binds a copy of `text` with its length.
  ///
  /// A NUL inside therefore does not end it.
  package func bind(_ index: Int32, _ text: String?) throws(DatabaseError) {
    guard var text else { return }
    let handle = try prepare()
    let encoding = UInt8(SQLITE_UTF8)
    guard !text.isEmpty else {
      // An empty buffer has no address, and without an address SQLite would bind NULL.
      return try connection.check(sqlite3_bind_text64(handle, index, "", 0, csqlite_static(), encoding))
    }
    let code = text.withUTF8 { bytes in
      let (start, destructor) = buffer.append(UnsafeRawBufferPointer(bytes))
      return sqlite3_bind_text64(
        handle, index, start?.assumingMemoryBound(to: CChar.self), UInt64(bytes.count), destructor, encoding)
    }
    try connection.check(code)
  }

  /// Calls `body` while `blob` is bound without a copy. Step inside `body`.
  @inlinable package func binding(
    _ index: Int32, _ blob: [UInt8], _ body: () throws(DatabaseError) -> Void
  ) throws(DatabaseError) {
    let handle = try prepare()
    // The pointer is valid only inside the closure, which cannot throw a DatabaseError: it returns a Result.
    let outcome = blob.withUnsafeBytes { bytes -> Result<Void, DatabaseError> in
      do throws(DatabaseError) {
        try connection.check(
          sqlite3_bind_blob64(handle, index, bytes.baseAddress, UInt64(bytes.count), csqlite_static()))
        try body()
        return .success(())
      } catch {
        return .failure(error)
      }
    }
    try outcome.get()
  }

  package func bind(_ index: Int32, copying blob: [UInt8]) throws(DatabaseError) {
    let handle = try prepare()
    let code = blob.withUnsafeBytes { bytes in
      let (start, destructor) = buffer.append(bytes)
      return sqlite3_bind_blob64(handle, index, start, UInt64(bytes.count), destructor)
    }
    try connection.check(code)
  }
}

// MARK: - Columns

extension Statement {
  @inlinable package func integer(_ column: Int32) -> Int { Int(sqlite3_column_int64(handle, column)) }

  @inlinable package func optionalInteger(_ column: Int32) -> Int64? {
    isNull(column) ? nil : sqlite3_column_int64(handle, column)
  }

  @inlinable package func text(_ column: Int32) -> String? {
    // https://www.sqlite.org/c3ref/column_blob.html: request the text before its length.
    guard let start = sqlite3_column_text(handle, column) else { return nil }
    let count = Int(sqlite3_column_bytes(handle, column))
    return String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
  }

  @inlinable package func bytes(_ column: Int32) -> [UInt8] {
    guard let start = sqlite3_column_blob(handle, column) else { return [] }
    return Array(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column))))
  }

  @inlinable package func isNull(_ column: Int32) -> Bool {
    sqlite3_column_type(handle, column) == SQLITE_NULL
  }
}
