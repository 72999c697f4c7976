internal import StoreSeam
internal import SQLite
internal import SQLiteStore
internal import Tables

/// The SQLite file that is moved: claimed, so that no daemon writes it, and opened for reading.
struct MoveSource {
  private let connection: Connection

  /// Rows of one batch, unless their values take more.
  static let maxBatchRows = 1000
  /// Bytes of one batch, after which it ends: the memory of a move is twice that, and a body.
  static let maxBatchBytes = 4 << 20

  init(path: String) throws(MoveError) {
    let found: Connection?
    do throws(DatabaseError) {
      found = try Self.connection(to: path)
    } catch {
      throw .source("\(error)")
    }
    guard let found else { throw .noSource(path) }
    connection = found
  }

  /// Nil where there is no file, which a claim would create.
  private static func connection(to path: String) throws(DatabaseError) -> Connection? {
    guard try DatabaseLock.examine(path) else { return nil }
    _ = try DatabaseLock(claiming: path)
    return try SQLiteStore.connectionForExport(path: path)
  }

  /// Names the file: its epoch, and how much it holds.
  func identity(of tables: [MovedTable]) throws(MoveError) -> String {
    var parts = [try text("SELECT hex(value) FROM keys WHERE name = 'epoch'")]
    for table in tables { parts.append("\(table.name)=\(try count(of: table))") }
    return parts.joined(separator: " ")
  }

  func count(of table: MovedTable) throws(MoveError) -> Int64 {
    Int64(try text(table.countInSource)) ?? 0
  }

  func oldestChange() throws(MoveError) -> Int64 { Int64(try text(MovedTable.oldestChangeInSource)) ?? 0 }

  private func text(_ sql: String) throws(MoveError) -> String {
    try reading { () throws(DatabaseError) in
      let statement = Statement(sql, on: connection)
      defer { statement.reset() }
      return try statement.step() ? statement.text(0) ?? "" : ""
    }
  }

  /// The next rows of `table` after `key`, in the order of the keys. Empty at its end.
  func rows(of table: MovedTable, after key: [RowValue]?) throws(MoveError) -> [[RowValue]] {
    try reading { () throws(DatabaseError) in
      let select = Statement(table.selectFromSource(afterKey: key != nil), on: connection)
      defer { select.reset() }
      for (index, value) in (key ?? []).enumerated() { try bind(value, at: Int32(index + 1), in: select) }
      try select.bind(Int32(table.keyCount + 1), Int64(Self.maxBatchRows))
      var (rows, bytes): ([[RowValue]], Int) = ([], 0)
      while bytes < Self.maxBatchBytes, try select.step() {
        let row = table.columns.indices.map { value(Int32($0), of: select, as: table.columns[$0].type) }
        bytes += row.reduce(0) { $0 + $1.size }
        rows.append(row)
      }
      return rows
    }
  }

  private func bind(_ value: RowValue, at index: Int32, in select: Statement) throws(DatabaseError) {
    switch value {
    case .null: return
    case .integer(let number): try select.bind(index, number)
    case .text(let text): try select.bind(index, text)
    case .bytes(let bytes): try select.bind(index, copying: bytes)
    }
  }

  private func value(
    _ column: Int32, of select: Statement, as type: MovedTable.ColumnType
  ) -> RowValue {
    if select.isNull(column) { return .null }
    switch type {
    case .integer, .boolean: return .integer(select.optionalInteger(column) ?? 0)
    case .text: return .text(select.text(column) ?? "")
    case .bytes: return .bytes(select.bytes(column))
    }
  }

  private func reading<Result>(
    _ body: () throws(DatabaseError) -> Result
  ) throws(MoveError) -> Result {
    do throws(DatabaseError) {
      return try body()
    } catch {
      throw .source("\(error)")
    }
  }
}

extension RowValue {
  /// The bytes that the value takes in memory, about.
  fileprivate var size: Int {
    switch self {
    case .null, .integer: 8
    case .text(let text): text.utf8.count
    case .bytes(let bytes): bytes.count
    }
  }
}
