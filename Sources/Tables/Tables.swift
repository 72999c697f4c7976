/// A table that a capability declares and every store implements.
///
/// The stores hold the mechanism; the capability holds the meaning.
package struct TableDeclaration: Sendable, Equatable {
  package let name: String
  package let columns: [Column]
  /// The number of leading columns that form the primary key.
  package let keyCount: Int
  package let indexes: [Index]
  /// Whether rows are only added to, so that a store may keep one row a writer and read their sums.
  ///
  /// Its columns beside the key are integers.
  package let isSummed: Bool
  /// The rows that a store gives the table when it creates it. Nil for none.
  package let seed: Seed?

  /// Rows that follow from the rows of the rules, and that a store can count again.
  package enum Seed: Sendable {
    /// The number of jobs in each state: a row with the key 0, and a column for each state.
    case jobsByState
  }

  package struct Column: Sendable, Equatable {
    package let name: String
    package let type: ColumnType
    package let isOptional: Bool

    package init(_ name: String, _ type: ColumnType, isOptional: Bool = false) {
      self.name = name
      self.type = type
      self.isOptional = isOptional
    }
  }

  package enum ColumnType: Sendable { case integer, text, bytes }

  /// A secondary index: another order of the rows.
  package struct Index: Sendable, Equatable {
    /// Unique among all tables.
    package let name: String
    /// Columns that are not optional. Rows that are equal in them are ordered by the key.
    package let columns: [String]

    package init(_ name: String, on columns: [String]) {
      self.name = name
      self.columns = columns
    }
  }

  package init(
    _ name: String, key: [Column], columns: [Column], indexes: [Index] = [], isSummed: Bool = false,
    seed: Seed? = nil
  ) {
    self.name = name
    self.columns = key + columns
    keyCount = key.count
    self.indexes = indexes
    self.isSummed = isSummed
    self.seed = seed
  }

  /// The names of the columns by which rows are ordered.
  package func order(by index: Index?) -> [String] {
    let keys = columns.prefix(keyCount).map(\.name)
    guard let index else { return keys }
    return index.columns + keys.filter { !index.columns.contains($0) }
  }
}

/// A value of a capability's table.
package enum RowValue: Hashable, Sendable {
  case null
  case integer(Int64)
  case text(String)
  case bytes([UInt8])
}

/// A row of a capability's table, read by column name.
package struct TableRow: Equatable, Sendable {
  private let table: TableDeclaration
  private let values: [RowValue]

  /// - Parameter values: one for each declared column, in its order.
  package init(of table: TableDeclaration, _ values: [RowValue]) {
    self.table = table
    self.values = values
  }

  package subscript(_ column: String) -> RowValue {
    guard let index = table.columns.firstIndex(where: { $0.name == column }), index < values.count else {
      return .null
    }
    return values[index]
  }

  package func integer(_ column: String) -> Int64 {
    if case .integer(let value) = self[column] { value } else { 0 }
  }

  package func text(_ column: String) -> String? {
    if case .text(let value) = self[column] { value } else { nil }
  }

  package func bytes(_ column: String) -> [UInt8]? {
    if case .bytes(let value) = self[column] { value } else { nil }
  }
}

/// A write to a capability's table.
package enum TableWrite: Equatable, Sendable {
  /// Inserts a row, or replaces the one with its key.
  case put(TableDeclaration, [RowValue])
  /// Adds to the integer columns of a row of a summed table, which is inserted where there is none.
  ///
  /// The sums are clamped: to `floor` where the declaration's caller names one, and to ``maxSum``.
  case add(TableDeclaration, key: [RowValue], amounts: [SumAmount])
  /// Deletes the rows whose first key columns are `key`.
  case delete(TableDeclaration, key: [RowValue])

  /// The maximum of a sum, at which it saturates.
  ///
  /// An integer that overflows would become a REAL in SQLite, which a STRICT table rejects, and is an error
  /// in PostgreSQL. Every later write of that row would fail with it.
  package static let maxSum: Int64 = 1 << 62
}

/// An amount to add to a column.
package struct SumAmount: Equatable, Sendable {
  package let column: String
  package let amount: Int64
  /// Whether the sum stays between 0 and ``TableWrite/maxSum``.
  package let isClamped: Bool

  package init(_ column: String, _ amount: Int64, isClamped: Bool = false) {
    self.column = column
    self.amount = amount
    self.isClamped = isClamped
  }
}

/// The rows of a capability's table to read.
package struct TableQuery: Sendable {
  package let table: TableDeclaration
  /// Orders the rows. Nil for the order of the key.
  package var index: TableDeclaration.Index?
  /// The values of the first ordering columns.
  package var prefix: [RowValue] = []
  /// Values of the ordering column after the prefix, at most ``maxAmong``. Empty for all.
  package var among: [Int64] = []
  /// Bounds of the ordering column after the prefix, both included.
  package var bounds: ClosedRange<Int64>?
  /// Whether the first ordering column after the prefix descends. The others ascend.
  package var isDescending = false
  /// Whether all ordering columns descend.
  package var isReversed = false
  /// The values of the ordering columns after the prefix, in the last row of the previous page.
  package var after: [RowValue] = []
  package var limit: Int

  /// As many as a page of a list has rows.
  package static let maxAmong = 500

  package init(_ table: TableDeclaration, limit: Int) {
    self.table = table
    self.limit = limit
  }
}
