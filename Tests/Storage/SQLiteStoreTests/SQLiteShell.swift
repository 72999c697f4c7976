import CSQLite
import Testing

/// SQL from outside the store, as another program would run it.
enum SQLiteShell {
  /// Runs `sql` and returns the first column of every row.
  @discardableResult
  static func run(_ sql: String, on path: String) throws -> [String] {
    let connection = try OtherProgram(path)
    return try connection.run(sql)
  }
}

/// A connection of another program, open while it exists.
final class OtherProgram {
  private var handle: OpaquePointer?

  init(_ path: String) throws {
    try #require(sqlite3_open(path, &handle) == SQLITE_OK)
    sqlite3_busy_timeout(handle, 5000)
  }

  deinit {
    sqlite3_close_v2(handle)
  }

  /// SQLite's query plan of `sql`.
  func plan(of sql: String) throws -> String {
    try rows(of: "EXPLAIN QUERY PLAN " + sql, column: 3).joined(separator: "; ")
  }

  @discardableResult
  func run(_ sql: String) throws -> [String] {
    try rows(of: sql, column: 0)
  }

  private func rows(of sql: String, column: Int32) throws -> [String] {
    var statement: OpaquePointer?
    try #require(
      sqlite3_prepare_v2(handle, sql, -1, &statement, nil) == SQLITE_OK,
      "\(String(cString: sqlite3_errmsg(handle)))")
    defer { sqlite3_finalize(statement) }
    var rows: [String] = []
    while true {
      let code = sqlite3_step(statement)
      guard code == SQLITE_ROW else {
        try #require(code == SQLITE_DONE, "\(String(cString: sqlite3_errmsg(handle)))")
        return rows
      }
      rows.append(sqlite3_column_text(statement, column).map { String(cString: $0) } ?? "")
    }
  }
}
