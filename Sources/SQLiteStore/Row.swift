internal import Jobs
internal import SQLite
internal import Time

/// The columns that a statement selects or binds, in their order.
///
/// The raw value is the position, from 0.
protocol ColumnSet: CaseIterable, RawRepresentable where RawValue == Int32 {
  /// The column's name in SQL, or an expression.
  var name: String { get }
}

extension ColumnSet {
  /// The names of all columns, as a SELECT lists them.
  static var list: String { allCases.map(\.name).joined(separator: ", ") }
  /// A parameter for each column.
  static var parameters: String { allCases.map { "?\($0.parameter)" }.joined(separator: ", ") }
  static var count: Int32 { Int32(allCases.count) }

  /// The parameter that the column's value is bound to.
  var parameter: Int32 { rawValue + 1 }
}

/// The current row of a statement, read by column name.
struct Row<Column: ColumnSet> {
  private let statement: Statement

  init(_ statement: Statement, _: Column.Type = Column.self) { self.statement = statement }

  @inline(__always) func integer(_ column: Column) -> Int { statement.integer(column.rawValue) }
  @inline(__always) func int64(_ column: Column) -> Int64 { Int64(statement.integer(column.rawValue)) }
  @inline(__always) func text(_ column: Column) -> String? { statement.text(column.rawValue) }
  @inline(__always) func bytes(_ column: Column) -> [UInt8] { statement.bytes(column.rawValue) }
  @inline(__always) func flag(_ column: Column) -> Bool { statement.integer(column.rawValue) == 1 }

  @inline(__always) func optionalInteger(_ column: Column) -> Int64? {
    statement.optionalInteger(column.rawValue)
  }

  @inline(__always) func time(_ column: Column) -> Timestamp? {
    optionalInteger(column).map(Timestamp.init(milliseconds:))
  }

  /// A value of an enumeration. Nil for one that this program does not know.
  @inline(__always) func value<Value: RawRepresentable<String>>(_ column: Column) -> Value? {
    text(column).flatMap(Value.init)
  }
}

/// The parameters of a statement, bound by column name.
struct Parameters<Column: ColumnSet> {
  let statement: Statement

  init(of statement: Statement, _: Column.Type = Column.self) { self.statement = statement }

  @inline(__always) func bind(_ column: Column, _ value: Int64?) throws(DatabaseError) {
    try statement.bind(column.parameter, value)
  }

  @inline(__always) func bind(_ column: Column, _ value: Bool) throws(DatabaseError) {
    try statement.bind(column.parameter, value ? 1 : 0)
  }

  @inline(__always) func bind(_ column: Column, _ value: Timestamp?) throws(DatabaseError) {
    try statement.bind(column.parameter, value?.milliseconds)
  }

  @inline(__always) func bind(_ column: Column, _ text: String?) throws(DatabaseError) {
    try statement.bind(column.parameter, text)
  }

  @inline(__always) func bind(_ column: Column, copying bytes: [UInt8]) throws(DatabaseError) {
    try statement.bind(column.parameter, copying: bytes)
  }
}
