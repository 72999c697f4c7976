package import StoreSeam
package import Tables
package import Time
package import Work

/// The identity of a row of a capability's table.
struct TableKey: Hashable {
  let table: String
  let key: [RowValue]
}

/// What the commands of capabilities read and write.
extension LedgerTransaction {
  /// A row of a capability's table, as this transaction has left it.
  package func row(of table: TableDeclaration, key: [RowValue]) throws(StorageError) -> TableRow? {
    // Most transactions write none, and a key costs a hash.
    if !tableRows.isEmpty, let known = tableRows[TableKey(table: table.name, key: key)] { return known }
    return try rows.row(of: table, key: key)
  }

  /// Reads rows at once that follow one by one: in some stores each read is a round trip.
  ///
  /// Not for a table whose key begins with a job, which is read with the job's lock.
  package func prefetch(_ keys: [[RowValue]], of table: TableDeclaration) throws(StorageError) {
    try rows.prefetch(keys, of: table)
  }

  /// Inserts or replaces a row of a capability's table.
  package func put(_ values: [RowValue], in table: TableDeclaration) {
    writes.tables.append(.put(table, values))
    let key = TableKey(table: table.name, key: Array(values.prefix(table.keyCount)))
    tableRows[key] = .some(TableRow(of: table, values))
  }

  /// Deletes the row with that whole key.
  package func deleteRow(of table: TableDeclaration, key: [RowValue]) {
    writes.tables.append(.delete(table, key: key))
    tableRows[TableKey(table: table.name, key: key)] = .some(nil)
  }

  /// The number of stored rows whose first key columns are `prefix`, at most `limit`.
  ///
  /// Writes of this transaction do not count.
  package func storedCount(
    of table: TableDeclaration, prefix: [RowValue], limit: Int
  ) throws(StorageError) -> Int {
    try rows.count(of: table, prefix: prefix, limit: limit)
  }

  /// The work of a job of a capability's kinds, as this transaction has left it.
  package func work(ofJob number: Int64, of kinds: Set<WorkKind>) throws(StorageError) -> [WorkItem] {
    guard deletion(of: number) == nil else { return [] }
    let stored = try rows.work(ofJob: number).filter { kinds.contains($0.key.kind) && work[$0.key] == nil }
    return stored + kinds.flatMap(ownWork).filter { $0.key.job == number }
  }

  /// The due work of a capability's kind, as this transaction has left it.
  package func dueWork(_ kind: WorkKind, at now: Timestamp, limit: Int) throws(StorageError) -> [WorkItem] {
    let stored = try rows.work(kind, dueAt: now, limit: limit + work.count).filter { item in
      work[item.key] == nil && deletion(of: item.key.job) == nil
    }
    return sorted(stored + ownWork(kind), dueAt: now, limit)
  }

  /// The claims of a capability's kind that count as abandoned when the daemon starts.
  package func abandonedWork(_ kind: WorkKind, at now: Timestamp) throws(StorageError) -> [WorkItem] {
    let moment = abandonedUntil(at: now)
    return try rows.claimedWork(kind, endingUntil: moment).filter { work[$0.key] == nil }
      + ownWork(kind).filter { item in item.leaseEnd.map { $0 <= moment } ?? false }
  }

  /// The work of a capability's kind that is due after `moment`.
  package func laterWork(_ kind: WorkKind, after moment: Timestamp) throws(StorageError) -> [WorkItem] {
    (try rows.work(kind, dueAfter: moment).filter { work[$0.key] == nil } + ownWork(kind))
      .filter { moment < $0.dueAt }
  }

  /// The process that claims work.
  package var owner: String { rules.owner }
}
