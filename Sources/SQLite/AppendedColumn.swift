internal import CSQLite

/// A new last column of a STRICT table, which is NULL in every row.
package struct AppendedColumn: Sendable {
  let name: String
  let type: String
  let table: String

  package init(_ name: String, _ type: String, to table: String) {
    self.name = name
    self.type = type
    self.table = table
  }
}

extension Connection {
  /// Appends a column without reading the table. Call it in a transaction.
  ///
  /// ALTER TABLE does the same on SQLite 3.40, but later versions then check every row of a STRICT table:
  /// minutes, where a large file is not in memory. Rows that end before a column have NULL there, so the
  /// schema's text alone needs the change (https://www.sqlite.org/lang_altertable.html#otheralter).
  func append(_ column: AppendedColumn) throws(DatabaseError) {
    let end = ") STRICT"
    let version = try integer("PRAGMA schema_version")
    try check(csqlite_set_flag(handle, SQLITE_DBCONFIG_DEFENSIVE, 0))
    defer { _ = csqlite_set_flag(handle, SQLITE_DBCONFIG_DEFENSIVE, 1) }
    // RESET reads the schema again. The last statement fails where the table is missing, or not STRICT.
    try execute(
      """
      PRAGMA writable_schema = ON;
      UPDATE sqlite_schema
        SET sql = substr(sql, 1, length(sql) - \(end.utf8.count)) || ', \(column.name) \(column.type)\(end)'
        WHERE type = 'table' AND name = '\(column.table)' AND sql LIKE '%\(end)';
      PRAGMA schema_version = \(version + 1);
      PRAGMA writable_schema = RESET;
      SELECT \(column.name) FROM \(column.table) WHERE false;
      """)
  }
}
