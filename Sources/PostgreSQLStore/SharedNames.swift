internal import StoreSeam
internal import PostgreSQL
internal import PostgreSQLSchema
internal import Time
internal import Work

/// Keys, leases and budgets: rows that processes share by their names.
///
/// A row that is read is locked. Where there is none, it is written by an INSERT. That fails where another
/// transaction has inserted the name meanwhile, so that no two decide on an absent row.
extension PostgreSQLRows {
  private static let selectKey = Query("SELECT value FROM keys WHERE name = $1 FOR UPDATE")
  private static let selectLease = Query("SELECT owner, until FROM leases WHERE name = $1 FOR UPDATE")
  private static let selectBudget = Query(
    "SELECT tokens, refilled_at, paused_until, pause_reason FROM budgets WHERE name = $1 FOR UPDATE")

  func key(_ name: String) throws(StorageError) -> [UInt8]? {
    try lock(name, .keys, Self.selectKey)?.bytes(0, 0)
  }

  func lease(_ name: String) throws(StorageError) -> Lease? {
    guard let row = try lock(name, .leases, Self.selectLease) else { return nil }
    return Lease(name, owner: row.text(0, 0) ?? "", until: local(row.integer(0, 1)))
  }

  func budget(_ name: String) throws(StorageError) -> Budget? {
    guard let row = try lock(name, .budgets, Self.selectBudget) else { return nil }
    return Budget(
      name, tokens: row.integer(0, 0), refilledAt: local(row.integer(0, 1)),
      pausedUntil: local(row.integer(0, 2)), pauseReason: row.text(0, 3))
  }

  private func local(_ milliseconds: Int64) -> Timestamp {
    clock.local(Timestamp(milliseconds: milliseconds))
  }

  private func lock(
    _ name: String, _ table: NamedTable, _ select: Query
  ) throws(StorageError) -> Rows? {
    let rows = try run(select, [.text(name)])
    guard !rows.isEmpty else { return nil }
    lockedNames[table, default: []].insert(name)
    return rows
  }
}

enum NamedTable { case keys, leases, budgets }

extension PostgreSQLWrites {
  private static let insertKey = Query("INSERT INTO keys (name, value) VALUES ($1, $2)")
  private static let updateKey = Query("UPDATE keys SET value = $2 WHERE name = $1")
  private static let deleteKey = Query("DELETE FROM keys WHERE name = $1")
  private static let insertLease = Query("INSERT INTO leases (name, owner, until) VALUES ($1, $2, $3)")
  private static let updateLease = Query("UPDATE leases SET owner = $2, until = $3 WHERE name = $1")
  private static let insertBudget = Query(
    """
    INSERT INTO budgets (name, tokens, refilled_at, paused_until, pause_reason)
    VALUES ($1, $2, $3, $4, $5::text)
    """)
  private static let updateBudget = Query(
    """
    UPDATE budgets SET tokens = $2, refilled_at = $3, paused_until = $4, pause_reason = $5::text
    WHERE name = $1
    """)

  mutating func write(_ keys: [KeyWrite], _ known: Set<String>) {
    var known = known
    for key in keys {
      switch key {
      case .put(let name, let value):
        let isNew = known.insert(name).inserted
        add(isNew ? Self.insertKey : Self.updateKey, [.text(name), .bytes(value)])
      case .delete(let name):
        known.remove(name)
        add(Self.deleteKey, [.text(name)])
      }
    }
  }

  mutating func write(_ leases: [Lease], _ known: Set<String>, _ clock: DatabaseClock) {
    var known = known
    for lease in leases {
      let isNew = known.insert(lease.name).inserted
      add(
        isNew ? Self.insertLease : Self.updateLease,
        [.text(lease.name), .text(lease.owner), .integer(clock.server(lease.until).milliseconds)])
    }
  }

  mutating func write(_ budgets: [Budget], _ known: Set<String>, _ clock: DatabaseClock) {
    var known = known
    for budget in budgets {
      let isNew = known.insert(budget.name).inserted
      add(
        isNew ? Self.insertBudget : Self.updateBudget,
        [
          .text(budget.name), .integer(budget.tokens), .integer(clock.server(budget.refilledAt).milliseconds),
          .integer(clock.server(budget.pausedUntil).milliseconds),
          budget.pauseReason.map { .text($0) } ?? .null,
        ])
    }
  }
}
