internal import StoreSeam
internal import Tables
internal import SQLite

/// The statements for the tables that capabilities declare, prepared on first use.
///
/// Names come from declarations in the program, never from outside.
final class CapabilityStatements {
  let connection: Connection
  private var statements: [String: Statement] = [:]
  /// The selection of a row of each table by its whole key.
  private var selections: [String: Statement] = [:]
  /// The last addition to each table, whose SQL takes longer to write than to run.
  private var additions: [String: Addition] = [:]

  private struct Addition {
    let columns: [String]
    let areClamped: [Bool]
    let statement: Statement

    func adds(_ amounts: [SumAmount]) -> Bool {
      amounts.count == columns.count
        && amounts.indices.allSatisfy {
          amounts[$0].isClamped == areClamped[$0] && amounts[$0].column == columns[$0]
        }
    }
  }

  init(_ connection: Connection) { self.connection = connection }

  /// Creates the declared tables and indexes that do not exist.
  func create(_ declarations: [TableDeclaration]) throws(DatabaseError) {
    for table in declarations {
      let isNew = try !exists(table)
      try connection.execute(Self.definition(of: table))
      if isNew { try seed(table) }
      for index in table.indexes {
        let columns = index.columns.joined(separator: ", ")
        try connection.execute("CREATE INDEX IF NOT EXISTS \(index.name) ON \(table.name) (\(columns))")
      }
    }
  }

  private func exists(_ table: TableDeclaration) throws(DatabaseError) -> Bool {
    try connection.integer(
      "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = '\(table.name)'") > 0
  }

  static func definition(of table: TableDeclaration) -> String {
    let columns = table.columns.map { column in
      let type =
        switch column.type {
        case .integer: "INTEGER"
        case .text: "TEXT"
        case .bytes: "BLOB"
        }
      return "\(column.name) \(type)\(column.isOptional ? "" : " NOT NULL")"
    }
    return """
      CREATE TABLE IF NOT EXISTS \(table.name) (
        \(columns.joined(separator: ",\n  ")),
        PRIMARY KEY (\(keyNames(of: table).joined(separator: ", ")))
      ) STRICT, WITHOUT ROWID
      """
  }

  private static func keyNames(of table: TableDeclaration) -> [String] {
    table.columns.prefix(table.keyCount).map(\.name)
  }

  private static func names(of table: TableDeclaration) -> String {
    table.columns.map(\.name).joined(separator: ", ")
  }

  /// A condition on the first key columns, with parameters from 1.
  private static func condition(on table: TableDeclaration, count: Int) -> String {
    guard count > 0 else { return "1" }
    return keyNames(of: table).prefix(count).enumerated().map { "\($1) = ?\($0 + 1)" }
      .joined(separator: " AND ")
  }

  private func statement(_ sql: String) -> Statement {
    if let known = statements[sql] { return known }
    let made = Statement(sql, on: connection)
    statements[sql] = made
    return made
  }
}

// MARK: - Reading

extension CapabilityStatements {
  func row(of table: TableDeclaration, key: [RowValue]) throws(DatabaseError) -> TableRow? {
    let select = selections[table.name] ?? selection(of: table)
    defer { select.reset() }
    try select.bind(key)
    return try select.step() ? select.row(of: table) : nil
  }

  private func selection(of table: TableDeclaration) -> Statement {
    let condition = Self.condition(on: table, count: table.keyCount)
    let made = Statement(
      "SELECT \(Self.names(of: table)) FROM \(table.name) WHERE \(condition)", on: connection)
    selections[table.name] = made
    return made
  }

  func count(of table: TableDeclaration, prefix: [RowValue], limit: Int) throws(DatabaseError) -> Int {
    let condition = Self.condition(on: table, count: prefix.count)
    let select = statement(
      "SELECT count(*) FROM (SELECT 1 FROM \(table.name) WHERE \(condition) LIMIT ?\(prefix.count + 1))")
    defer { select.reset() }
    try select.bind(prefix)
    try select.bind(Int32(prefix.count + 1), Int64(limit))
    return try select.step() ? select.integer(0) : 0
  }

  func rows(_ query: TableQuery) throws(DatabaseError) -> [TableRow] {
    let select = statement(Self.sql(of: query))
    defer { select.reset() }
    try select.bind(query.prefix)
    let next = Int32(query.prefix.count)
    try select.bind(next + 1, Int64(query.limit))
    if let bounds = query.bounds {
      try select.bind(next + 2, bounds.lowerBound)
      try select.bind(next + 3, bounds.upperBound)
    }
    try select.bind(query.after, from: next + 4)
    if !query.among.isEmpty {
      try select.bind(next + 4 + Int32(query.after.count), query.among.description)
    }
    var rows: [TableRow] = []
    while try select.step() { rows.append(select.row(of: query.table)) }
    return rows
  }

  /// A selection with parameters for the prefix, the limit, the bounds and the row before.
  private static func sql(of query: TableQuery) -> String {
    let (table, columns) = (query.table, query.table.order(by: query.index))
    let next = query.prefix.count
    var conditions = columns.prefix(next).enumerated().map { "\($1) = ?\($0 + 1)" }
    let free = columns.dropFirst(next)
    if !query.among.isEmpty, let column = free.first {
      conditions.append("\(column) IN (SELECT value FROM json_each(?\(next + 4 + query.after.count)))")
    }
    if query.bounds != nil, let column = free.first {
      conditions.append("\(column) BETWEEN ?\(next + 2) AND ?\(next + 3)")
    }
    if !query.after.isEmpty {
      // https://www.sqlite.org/rowvalue.html: compared from the left, with the index.
      let names = free.prefix(query.after.count).joined(separator: ", ")
      let parameters = query.after.indices.map { "?\(next + 4 + $0)" }.joined(separator: ", ")
      conditions.append("(\(names)) \(query.isReversed ? "<" : ">") (\(parameters))")
    }
    let order = free.enumerated().map { index, name in
      query.isReversed || query.isDescending && index == 0 ? "\(name) DESC" : name
    }
    return """
      SELECT \(names(of: table)) FROM \(table.name)\(query.index.map { " INDEXED BY \($0.name)" } ?? "")
      WHERE \(conditions.isEmpty ? "1" : conditions.joined(separator: " AND "))
      \(order.isEmpty ? "" : "ORDER BY \(order.joined(separator: ", "))") LIMIT ?\(next + 1)
      """
  }
}

// MARK: - Writing

extension CapabilityStatements {
  func apply(_ write: TableWrite) throws(DatabaseError) {
    switch write {
    case .put(let table, let values):
      let parameters = table.columns.indices.map { "?\($0 + 1)" }.joined(separator: ", ")
      try run(
        "INSERT OR REPLACE INTO \(table.name) (\(Self.names(of: table))) VALUES (\(parameters))", values)
    case .add(let table, let key, let amounts):
      let statement = addition(to: table, amounts)
      try statement.bind(key)
      for (index, amount) in amounts.enumerated() {
        try statement.bind(Int32(key.count + index) + 1, amount.amount)
      }
      try statement.run()
    case .delete(let table, let key):
      try run(
        "DELETE FROM \(table.name) WHERE \(Self.condition(on: table, count: key.count))", key)
    }
  }

  private func addition(to table: TableDeclaration, _ amounts: [SumAmount]) -> Statement {
    if let known = additions[table.name], known.adds(amounts) { return known.statement }
    let made = statement(Self.sql(adding: amounts, to: table))
    additions[table.name] = Addition(
      columns: amounts.map(\.column), areClamped: amounts.map(\.isClamped), statement: made)
    return made
  }

  /// SQL sums clamped to 0 and ``TableWrite/maxSum``, for any values of the columns.
  private static func sql(adding amounts: [SumAmount], to table: TableDeclaration) -> String {
    let keys = keyNames(of: table)
    let columns = keys + amounts.map(\.column)
    let max = TableWrite.maxSum
    var values = keys.indices.map { "?\($0 + 1)" }
    var sums: [String] = []
    for (index, amount) in amounts.enumerated() {
      let (column, parameter) = (amount.column, "?\(keys.count + index + 1)")
      values.append(amount.isClamped ? "max(0, min(\(max), \(parameter)))" : parameter)
      sums.append(
        amount.isClamped
          ? "\(column) = max(0, min(\(max), min(\(column), \(max)) + \(parameter)))"
          : "\(column) = \(column) + \(parameter)")
    }
    let list = values.joined(separator: ", ")
    return """
      INSERT INTO \(table.name) (\(columns.joined(separator: ", "))) VALUES (\(list))
      ON CONFLICT DO UPDATE SET \(sums.joined(separator: ", "))
      """
  }

  private func run(_ sql: String, _ values: [RowValue]) throws(DatabaseError) {
    let statement = statement(sql)
    try statement.bind(values)
    try statement.run()
  }
}

extension Statement {
  /// Binds `values` to the parameters from `first`.
  fileprivate func bind(_ values: [RowValue], from first: Int32 = 1) throws(DatabaseError) {
    for (index, value) in values.enumerated() {
      let parameter = Int32(index) + first
      switch value {
      case .null: continue
      case .integer(let number): try bind(parameter, number)
      case .text(let text): try bind(parameter, text)
      case .bytes(let bytes): try bind(parameter, copying: bytes)
      }
    }
  }

  fileprivate func row(of table: TableDeclaration) -> TableRow {
    TableRow(
      of: table,
      table.columns.enumerated().map { index, column in
        let position = Int32(index)
        switch column.type {
        case .integer: return optionalInteger(position).map { .integer($0) } ?? .null
        case .text: return text(position).map { .text($0) } ?? .null
        case .bytes: return isNull(position) ? .null : .bytes(bytes(position))
        }
      })
  }
}
