internal import SQLite
internal import Time
internal import Work

/// The statements for the leases and budgets, which nothing but their rules uses.
final class LeaseStatements {
  private let connection: Connection
  private lazy var selectLease = Statement(
    "SELECT owner, until FROM leases WHERE name = ?1", on: connection)
  private lazy var putLease = Statement(
    "INSERT OR REPLACE INTO leases (name, owner, until) VALUES (?1, ?2, ?3)", on: connection)
  private lazy var selectBudget = Statement(
    "SELECT tokens, refilled_at, paused_until, pause_reason FROM budgets WHERE name = ?1", on: connection)
  private lazy var putBudget = Statement(
    """
    INSERT OR REPLACE INTO budgets (name, tokens, refilled_at, paused_until, pause_reason)
    VALUES (?1, ?2, ?3, ?4, ?5)
    """, on: connection)

  init(_ connection: Connection) {
    self.connection = connection
  }

  func lease(_ name: String) throws(DatabaseError) -> Lease? {
    defer { selectLease.reset() }
    try selectLease.bind(1, name)
    guard try selectLease.step() else { return nil }
    return Lease(name, owner: selectLease.text(0) ?? "", until: selectLease.time(1))
  }

  func put(_ lease: Lease) throws(DatabaseError) {
    try putLease.bind(1, lease.name)
    try putLease.bind(2, lease.owner)
    try putLease.bind(3, lease.until.milliseconds)
    try putLease.run()
  }

  func budget(_ name: String) throws(DatabaseError) -> Budget? {
    defer { selectBudget.reset() }
    try selectBudget.bind(1, name)
    guard try selectBudget.step() else { return nil }
    return Budget(
      name, tokens: Int64(selectBudget.integer(0)), refilledAt: selectBudget.time(1),
      pausedUntil: selectBudget.time(2), pauseReason: selectBudget.text(3))
  }

  func put(_ budget: Budget) throws(DatabaseError) {
    try putBudget.bind(1, budget.name)
    try putBudget.bind(2, budget.tokens)
    try putBudget.bind(3, budget.refilledAt.milliseconds)
    try putBudget.bind(4, budget.pausedUntil.milliseconds)
    try putBudget.bind(5, budget.pauseReason)
    try putBudget.run()
  }
}

extension Statement {
  fileprivate func time(_ column: Int32) -> Timestamp { Timestamp(milliseconds: Int64(integer(column))) }
}
