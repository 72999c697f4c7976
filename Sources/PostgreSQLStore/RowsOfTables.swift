internal import StoreSeam
internal import PostgreSQL
internal import PostgreSQLSchema
internal import Tables

/// The rows of capabilities' tables.
///
/// A table whose key begins with a job is protected by the job's lock, or the subject's.
extension PostgreSQLRows {
  func row(of table: TableDeclaration, key: [RowValue]) throws(StorageError) -> TableRow? {
    if let known = tableRows[table.name]?[key] {
      noteRead(table, key)
      return known
    }
    var keys = [key]
    if let number = Self.job(in: table, key) {
      // What was inserted in this transaction has no rows of an earlier one.
      guard try isLocked(number) else { return nil }
      if table.keyCount == 1, number >= 0 { keys = loadedJobs.map { [.integer($0)] } }
    }
    try read { pipeline, reading in addRows(of: table, keys, to: &pipeline, &reading) }
    noteRead(table, key)
    return tableRows[table.name]?[key] ?? nil
  }

  func prefetch(_ keys: [[RowValue]], of table: TableDeclaration) throws(StorageError) {
    guard table.columns.first?.name != "job" else { return }
    prefetchedTables.insert(table.name)
    let known = tableRows[table.name] ?? [:]
    let missing = keys.filter { known[$0] == nil }
    guard !missing.isEmpty else { return }
    try read { pipeline, reading in addRows(of: table, missing, to: &pipeline, &reading) }
  }

  private static func job(in table: TableDeclaration, _ key: [RowValue]) -> Int64? {
    guard table.columns.first?.name == "job", case .integer(let number)? = key.first else { return nil }
    return number
  }

  private var loadedJobs: [Int64] { jobs.compactMap { $0.value == nil ? nil : $0.key }.sorted() }

  /// Notes a row that the next transaction may read, too.
  private func noteRead(_ table: TableDeclaration, _ key: [RowValue]) {
    guard table.columns.first?.name != "job", !prefetchedTables.contains(table.name) else { return }
    if readRows[table.name]?.keys.contains(key) == true { return }
    readRows[table.name, default: (table, [])].keys.append(key)
  }

  func addRows(
    of table: TableDeclaration, _ keys: [[RowValue]], to pipeline: inout Pipeline, _ reading: inout Reading
  ) {
    if table.columns.first?.name != "job" { sharedTables.insert(table.name) }
    let columns = Array(table.columns.prefix(table.keyCount))
    let names = columns.map(\.name).joined(separator: ", ")
    let query = Query(
      """
      SELECT \(CapabilityTable.selection(of: table)) FROM \(table.name)
      WHERE (\(names)) IN (SELECT * FROM unnest(\(CapabilityTable.arrays(columns))) AS u)
      \(CapabilityTable.grouping(of: table))
      """)
    reading.add(pipeline.add(query, CapabilityTable.columns(keys, columns))) { rows, results in
      for key in keys { rows.tableRows[table.name, default: [:]][key] = .some(nil) }
      for index in 0..<results.count {
        let row = CapabilityTable.row(results, index, of: table)
        rows.tableRows[table.name]?[columns.map { row[$0.name] }] = row
      }
    }
  }

  func count(of table: TableDeclaration, prefix: [RowValue], limit: Int) throws(StorageError) -> Int {
    let condition = CapabilityTable.condition(on: table, count: prefix.count)
    // A row of a summed table is stored once for each shard.
    let selection =
      table.isSummed ? "DISTINCT \(CapabilityTable.keyNames(of: table).joined(separator: ", "))" : "1"
    let query = Query(
      """
      SELECT count(*) FROM (
        SELECT \(selection) FROM \(table.name) WHERE \(condition) LIMIT $\(prefix.count + 1)) AS rows
      """)
    let rows = try run(query, prefix.map(CapabilityTable.parameter) + [.integer(Int64(limit))])
    return Int(rows.integer(0, 0))
  }
}
