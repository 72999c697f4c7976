internal import Jobs
package import PostgreSQL
package import Time

/// The columns that a statement selects or writes, in their order.
///
/// The raw value is the position, from 0.
package protocol ColumnSet: CaseIterable, RawRepresentable where RawValue == Int32 {
  /// The column's name in SQL, or an expression.
  var name: String { get }
  var type: ColumnType { get }
}

/// The type of a column, as an array of it is sent.
package enum ColumnType: String {
  case integer = "bigint[]"
  case text = "text[]"
  case bytes = "bytea[]"
  case boolean = "boolean[]"
}

extension ColumnSet {
  /// The names of all columns, as a SELECT lists them.
  package static var list: String { allCases.map(\.name).joined(separator: ", ") }
  package static var count: Int32 { Int32(allCases.count) }

}

/// Rows that a statement receives as one array for each column.
package enum ArrayRows {
  /// A SELECT of the rows that the arrays `$1`, `$2`, … hold.
  ///
  /// Several `unnest` in a list advance together
  /// (https://www.postgresql.org/docs/current/xfunc-sql.html#XFUNC-SQL-FUNCTIONS-RETURNING-SET). In FROM each
  /// would first fill a store of its own, which takes half of the time of an insert of 30 columns.
  package static func select(_ columns: [(name: String, type: ColumnType)]) -> String {
    "SELECT "
      + columns.enumerated().map { "unnest($\($0 + 1)::\($1.type.rawValue)) AS \($1.name)" }
      .joined(separator: ", ")
  }

  package static func insert(into table: String, _ columns: [(name: String, type: ColumnType)]) -> String {
    "INSERT INTO \(table) (\(columns.map(\.name).joined(separator: ", "))) \(select(columns))"
  }

  /// - Parameter columns: the first one identifies the row.
  package static func update(_ table: String, _ columns: [(name: String, type: ColumnType)]) -> String {
    let key = columns[0].name
    let sets = columns.dropFirst().map { "\($0.name) = u.\($0.name)" }.joined(separator: ", ")
    return """
      UPDATE \(table) SET \(sets) FROM (\(select(columns))) AS u WHERE \(table).\(key) = u.\(key)
      """
  }
}

/// A row of a result, read by column name.
package struct Row<Column: ColumnSet> {
  private let rows: Rows
  private let index: Int

  package init(_ rows: Rows, _ index: Int, _: Column.Type = Column.self) {
    self.rows = rows
    self.index = index
  }

  @inline(__always) package func integer(_ column: Column) -> Int64 { rows.integer(index, column.rawValue) }
  @inline(__always) package func text(_ column: Column) -> String? { rows.text(index, column.rawValue) }
  @inline(__always) package func bytes(_ column: Column) -> [UInt8] { rows.bytes(index, column.rawValue) }
  @inline(__always) package func flag(_ column: Column) -> Bool { rows.boolean(index, column.rawValue) }

  @inline(__always) package func optionalInteger(_ column: Column) -> Int64? {
    rows.optionalInteger(index, column.rawValue)
  }

  @inline(__always) package func time(_ column: Column) -> Timestamp? {
    optionalInteger(column).map(Timestamp.init(milliseconds:))
  }

  /// A text that is stored as the bytes of its UTF-8.
  @inline(__always) package func utf8(_ column: Column) -> String? {
    rows.isNull(index, column.rawValue) ? nil : String(decoding: bytes(column), as: UTF8.self)
  }

  /// A value of an enumeration. Nil for one that this program does not know.
  @inline(__always) package func value<Value: RawRepresentable<String>>(_ column: Column) -> Value? {
    text(column).flatMap(Value.init)
  }
}

extension String {
  /// How a text is stored that may hold U+0000.
  package var bytes: [UInt8] { Array(utf8) }
}
