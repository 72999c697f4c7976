internal import StoreSeam
package import PostgreSQL
package import Tables

/// The tables that capabilities declare, in PostgreSQL's terms.
///
/// Names come from declarations in the program, never from outside. A text is stored as the bytes of its
/// UTF-8: it may hold U+0000, and sorts as in SQLite.
package enum CapabilityTable {
  /// The last key column of a summed table.
  ///
  /// Each writing connection adds to a row of its own.
  /// One row for all would be locked until each commit, and is written by every batch that ends jobs.
  package static let shard = "shard"

  /// The statements that create the table and its indexes.
  package static func definition(of table: TableDeclaration) -> String {
    let shards = table.isSummed ? [shard] : []
    let columns =
      table.columns.map { "\($0.name) \(type(of: $0))\($0.isOptional ? "" : " NOT NULL")" }
      + shards.map { "\($0) bigint NOT NULL" }
    let key = (keyNames(of: table) + shards).joined(separator: ", ")
    let options = "autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000"
    let create = """
      CREATE TABLE IF NOT EXISTS \(table.name) (\(columns.joined(separator: ", ")), PRIMARY KEY (\(key)))
      WITH (fillfactor = 50, \(options));
      """
    let indexes = table.indexes.map { index in
      let columns = table.order(by: index).joined(separator: ", ")
      return "CREATE INDEX IF NOT EXISTS \(index.name) ON \(table.name) (\(columns));"
    }
    return ([create] + indexes).joined(separator: "\n")
  }

  private static func type(of column: TableDeclaration.Column) -> String {
    column.type == .integer ? "bigint" : "bytea"
  }

  package static func keyNames(of table: TableDeclaration) -> [String] {
    table.columns.prefix(table.keyCount).map(\.name)
  }

  /// The columns of a row, as a SELECT lists them.
  ///
  /// Those of a summed table are sums.
  package static func selection(of table: TableDeclaration) -> String {
    table.columns.enumerated().map { index, column in
      guard table.isSummed, index >= table.keyCount else { return column.name }
      return "greatest(-\(TableWrite.maxSum), least(\(TableWrite.maxSum), sum(\(column.name))))::bigint"
    }.joined(separator: ", ")
  }

  /// What groups the rows of a summed table. Empty for another.
  package static func grouping(of table: TableDeclaration) -> String {
    table.isSummed ? "GROUP BY \(keyNames(of: table).joined(separator: ", "))" : ""
  }

  /// A condition on the first key columns, with parameters from 1.
  package static func condition(on table: TableDeclaration, count: Int) -> String {
    guard count > 0 else { return "true" }
    return keyNames(of: table).prefix(count).enumerated().map { "\($1) = $\($0 + 1)" }
      .joined(separator: " AND ")
  }

  /// A row whose columns are those of ``selection(of:)``.
  package static func row(_ rows: Rows, _ index: Int, of table: TableDeclaration) -> TableRow {
    TableRow(
      of: table,
      table.columns.enumerated().map { position, column in
        let position = Int32(position)
        guard !rows.isNull(index, position) else { return .null }
        switch column.type {
        case .integer: return .integer(rows.integer(index, position))
        case .text: return .text(String(decoding: rows.bytes(index, position), as: UTF8.self))
        case .bytes: return .bytes(rows.bytes(index, position))
        }
      })
  }

  package static func parameter(_ value: RowValue) -> Parameter {
    switch value {
    case .null: .null
    case .integer(let number): .integer(number)
    case .text(let text): .bytes(text.bytes)
    case .bytes(let bytes): .bytes(bytes)
    }
  }
}

// MARK: - Writing

/// Consecutive writes of one kind to one table, which one statement makes.
package struct TableBatch {
  package let query: Query
  package let parameters: [Parameter]
}

extension CapabilityTable {
  /// The statements that make `writes`, as if one by one.
  package static func batches(of writes: [TableWrite], shard: Int64) -> [TableBatch] {
    var batches: [TableBatch] = []
    var rest = writes[...]
    while let first = rest.first {
      let run = rest.prefix { isAlike($0, first) }
      rest = rest.dropFirst(run.count)
      batches.append(contentsOf: batch(of: run, shard: shard))
    }
    return batches
  }

  private static func isAlike(_ one: TableWrite, _ other: TableWrite) -> Bool {
    switch (one, other) {
    case (.put(let table, _), .put(let other, _)): table.name == other.name
    case (.add(let table, _, let amounts), .add(let other, _, let others)):
      table.name == other.name && amounts.count == others.count
        && zip(amounts, others).allSatisfy { $0.column == $1.column && $0.isClamped == $1.isClamped }
    case (.delete(let table, let key), .delete(let other, let otherKey)):
      table.name == other.name && key.count == otherKey.count
    default: false
    }
  }

  private static func batch(of run: ArraySlice<TableWrite>, shard: Int64) -> [TableBatch] {
    switch run.first {
    case nil: []
    case .put(let table, _):
      replacement(of: rows(of: run, in: table), in: table)
    case .add(let table, _, let amounts):
      [add(sums(of: run), amounts, to: table, shard: shard)]
    case .delete(let table, let key):
      [delete(keys(of: run), count: key.count, from: table)]
    }
  }

  /// The last row of each key.
  ///
  /// A statement cannot replace a row twice.
  private static func rows(of run: ArraySlice<TableWrite>, in table: TableDeclaration) -> [[RowValue]] {
    var positions: [[RowValue]: Int] = [:]
    var rows: [[RowValue]] = []
    for case .put(_, let values) in run {
      let key = Array(values.prefix(table.keyCount))
      if let known = positions[key] {
        rows[known] = values
      } else {
        positions[key] = rows.count
        rows.append(values)
      }
    }
    return rows
  }

  private static func sums(of run: ArraySlice<TableWrite>) -> [(key: [RowValue], amounts: [Int64])] {
    var sums: [[RowValue]: [Int64]] = [:]
    for case .add(_, let key, let amounts) in run {
      let known = sums[key] ?? Array(repeating: 0, count: amounts.count)
      sums[key] = zip(known, amounts).map { sum, amount in
        let (added, isOver) = sum.addingReportingOverflow(amount.amount)
        return isOver ? (amount.amount < 0 ? -TableWrite.maxSum : TableWrite.maxSum) : added
      }
    }
    // Each connection has rows of its own, but the order is the same in all.
    return sums.sorted { "\($0.key)" < "\($1.key)" }.map { ($0.key, $0.value) }
  }

  private static func keys(of run: ArraySlice<TableWrite>) -> [[RowValue]] {
    run.compactMap { write in
      if case .delete(_, let key) = write { key } else { nil }
    }
  }

  /// A row that is put replaces those of all shards.
  private static func replacement(
    of rows: [[RowValue]], in table: TableDeclaration
  ) -> [TableBatch] {
    guard table.isSummed else { return [put(rows, in: table)] }
    let keys = rows.map { Array($0.prefix(table.keyCount)) }
    return [delete(keys, count: table.keyCount, from: table), put(rows, in: table)]
  }

  private static func put(_ rows: [[RowValue]], in table: TableDeclaration) -> TableBatch {
    let shards = table.isSummed ? [shard] : []
    let names = table.columns.map(\.name) + shards
    let keys = (keyNames(of: table) + shards).joined(separator: ", ")
    let sets = names.dropFirst(table.keyCount).map { "\($0) = excluded.\($0)" }.joined(separator: ", ")
    return TableBatch(
      query: Query(
        """
        INSERT INTO \(table.name) (\(names.joined(separator: ", ")))
        SELECT *\(table.isSummed ? ", 0" : "") FROM unnest(\(arrays(table.columns))) AS u
        ON CONFLICT (\(keys)) DO \(sets.isEmpty ? "NOTHING" : "UPDATE SET \(sets)")
        """), parameters: columns(rows, table.columns))
  }

  private static func delete(
    _ keys: [[RowValue]], count: Int, from table: TableDeclaration
  ) -> TableBatch {
    guard count > 0 else {
      return TableBatch(query: Query("DELETE FROM \(table.name)"), parameters: [])
    }
    let columns = Array(table.columns.prefix(count))
    let names = columns.map(\.name)
    let condition = names.map { "t.\($0) = u.\($0)" }.joined(separator: " AND ")
    return TableBatch(
      query: Query(
        """
        DELETE FROM \(table.name) AS t USING unnest(\(arrays(columns)))
          AS u (\(names.joined(separator: ", "))) WHERE \(condition)
        """), parameters: self.columns(keys, columns))
  }

  /// SQL sums clamped to 0 and ``TableWrite/maxSum``.
  ///
  /// A sum is that of all shards. What is taken back was often added to another shard. So the amount is
  /// clamped by the sum, and the shard's own part may become negative.
  private static func add(
    _ sums: [(key: [RowValue], amounts: [Int64])], _ amounts: [SumAmount], to table: TableDeclaration,
    shard: Int64
  ) -> TableBatch {
    let (keys, max) = (keyNames(of: table), TableWrite.maxSum)
    let names = keys + amounts.map(\.column)
    let others = table.columns.dropFirst(keys.count).map(\.name).filter { !names.contains($0) }
    let isOfKey = keys.map { "s.\($0) = u.\($0)" }.joined(separator: " AND ")
    let added = amounts.map { amount in
      let column = amount.column
      guard amount.isClamped else { return "u.\(column)" }
      let sum = "(SELECT coalesce(sum(s.\(column)), 0) FROM \(table.name) AS s WHERE \(isOfKey))"
      return "CASE WHEN u.\(column) < 0 THEN greatest(u.\(column), -\(sum))::bigint ELSE u.\(column) END"
    }
    let selected = keys.map { "u.\($0)" } + added + others.map { _ in "0" } + ["$\(names.count + 1)::bigint"]
    let sets = amounts.map { amount in
      let sum = "t.\(amount.column)::numeric + excluded.\(amount.column)"
      return "\(amount.column) = greatest(-\(max), least(\(max), \(sum)))::bigint"
    }
    let columns = table.columns.prefix(keys.count) + amounts.map { .init($0.column, .integer) }
    let values = sums.map { sum in
      sum.key + sum.amounts.map { .integer(Swift.max(-max, Swift.min(max, $0))) }
    }
    return TableBatch(
      query: Query(
        """
        INSERT INTO \(table.name) AS t (\((names + others + [Self.shard]).joined(separator: ", ")))
        SELECT \(selected.joined(separator: ", "))
        FROM unnest(\(arrays(Array(columns)))) AS u (\(names.joined(separator: ", ")))
        ON CONFLICT (\((keys + [Self.shard]).joined(separator: ", ")))
          DO UPDATE SET \(sets.joined(separator: ", "))
        """), parameters: self.columns(values, Array(columns)) + [.integer(shard)])
  }

  package static func arrays(_ columns: [TableDeclaration.Column], from first: Int = 1) -> String {
    columns.enumerated().map { "$\($0 + first)::\(type(of: $1))[]" }.joined(separator: ", ")
  }

  /// One array for each column.
  package static func columns(_ rows: [[RowValue]], _ columns: [TableDeclaration.Column]) -> [Parameter] {
    columns.indices.map { index in
      if columns[index].type == .integer {
        return .integers(
          rows.map { row in
            if case .integer(let number) = row[index] { number } else { nil }
          })
      }
      return .byteArrays(
        rows.map { row in
          switch row[index] {
          case .text(let text): text.bytes
          case .bytes(let bytes): bytes
          case .null, .integer: nil
          }
        })
    }
  }
}
