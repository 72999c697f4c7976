package import StoreSeam
internal import PostgreSQL
internal import PostgreSQLSchema
package import Tables

/// The queries of capabilities' tables.
extension PostgreSQLReader {
  package func rows(_ query: TableQuery) async throws(StorageError) -> [TableRow] {
    let (sql, parameters) = TableSelection.of(query)
    let select = Query(sql)
    let table = query.table
    return try await read { (session) throws(PostgreSQLError) in
      let rows = try session.read { $0.add(select, parameters) }[0]
      return (0..<rows.count).map { CapabilityTable.row(rows, $0, of: table) }
    }
  }
}

/// A query of a capability's table in SQL.
///
/// Names come from declarations in the program, never from outside.
enum TableSelection {
  static func of(_ query: TableQuery) -> (sql: String, parameters: [Parameter]) {
    var parameters = ParameterList()
    let columns = query.table.order(by: query.index)
    let free = columns.dropFirst(query.prefix.count)
    var conditions = zip(columns, query.prefix).map {
      "\($0) = \(parameters.add(CapabilityTable.parameter($1)))"
    }
    if !query.among.isEmpty, let column = free.first {
      conditions.append("\(column) = ANY(\(parameters.add(.integers(query.among))))")
    }
    if let bounds = query.bounds, let column = free.first {
      let lower = parameters.add(.integer(bounds.lowerBound))
      conditions.append("\(column) BETWEEN \(lower) AND \(parameters.add(.integer(bounds.upperBound)))")
    }
    if !query.after.isEmpty {
      // https://www.postgresql.org/docs/current/functions-comparisons.html#ROW-WISE-COMPARISON: compared from
      // the left, with the index.
      let names = free.prefix(query.after.count).joined(separator: ", ")
      let values = query.after.map { parameters.add(CapabilityTable.parameter($0)) }.joined(separator: ", ")
      conditions.append("(\(names)) \(query.isReversed ? "<" : ">") (\(values))")
    }
    let order = free.enumerated().map { index, name in
      query.isReversed || query.isDescending && index == 0 ? "\(name) DESC" : name
    }
    let sql = """
      SELECT \(CapabilityTable.selection(of: query.table)) FROM \(query.table.name)
      \(conditions.isEmpty ? "" : "WHERE \(conditions.joined(separator: " AND "))")
      \(CapabilityTable.grouping(of: query.table))
      \(order.isEmpty ? "" : "ORDER BY \(order.joined(separator: ", "))")
      LIMIT \(parameters.add(.integer(Int64(query.limit))))
      """
    return (sql, parameters.values)
  }
}

/// The parameters of a statement that is put together.
struct ParameterList {
  private(set) var values: [Parameter] = []

  /// - Returns: the parameter's name in SQL.
  mutating func add(_ value: Parameter) -> String {
    values.append(value)
    return "$\(values.count)"
  }
}
