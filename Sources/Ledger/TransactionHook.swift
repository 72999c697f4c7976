package import StoreSeam
package import Jobs
package import Tables
package import Time
package import Work

/// Adds a capability's writes to the transactions that change jobs.
///
/// Its writes are pure: it decides by the transitions and by rows that it reads from its own tables.
package protocol TransactionHook: Sendable {
  /// The further writes of a transaction.
  ///
  /// - Parameter transitions: what has happened to jobs, in order. Empty where there are only announcements.
  func writes(
    after transitions: [JobTransition], reading rows: HookRows
  ) throws(StorageError) -> HookWrites

  /// Called once a transaction is committed, for metrics.
  ///
  /// It delays the answers to the commit, so it does little.
  ///
  /// - Parameter transitions: as for the writes; not empty.
  func noteCommitted(_ transitions: [JobTransition])
}

extension TransactionHook {
  package func noteCommitted(_ transitions: [JobTransition]) {}
}

/// One change of one job inside a transaction.
///
/// A class, because a snapshot is large, and each capability looks at all transitions.
package final class JobTransition: Sendable {
  package let number: Int64
  /// Nil for a new job.
  package let before: JobVersion?
  /// Nil for a deleted job.
  package let after: JobVersion?
  /// The snapshot that changed the job. Nil where the daemon changed it.
  ///
  /// For the end of a held job, the one that was held.
  package let snapshot: Snapshot?
  /// The order that has made the job.
  package let order: Order?
  package let cause: Cause
  /// When it happened, by the wall clock. A job's own times never go back with it.
  package let occurredAt: Timestamp

  init(
    number: Int64, before: JobVersion?, after: JobVersion?, snapshot: Snapshot?, order: Order? = nil,
    cause: Cause, at moment: Timestamp
  ) {
    self.number = number
    self.before = before
    self.after = after
    self.snapshot = snapshot
    self.order = order
    self.cause = cause
    occurredAt = moment
  }

  package enum Cause: Equatable, Sendable {
    case recorded
    /// The end replaces one that the daemon had decided.
    case replacedEnd
    /// The job's history became that of another job, which may count the end as its own.
    case merged
    /// An app has deleted the job.
    case deleted
    /// The job ended so long ago that it is kept no longer.
    case pruned
  }

  /// Whether the job ended with this transition.
  package var endsJob: Bool {
    guard let after, after.job.phase.isTerminal else { return false }
    return cause == .replacedEnd || before?.job.phase.isTerminal != true
  }

  /// Whether the provider's success was held back with this transition.
  package var holdsEnd: Bool { after?.job.isHeld == true && before?.job.isHeld != true }
}

/// What a hook adds to a transaction.
package struct HookWrites: Sendable {
  package var tables: [TableWrite]
  package var work: [WorkWrite]

  package init(tables: [TableWrite] = [], work: [WorkWrite] = []) {
    self.tables = tables
    self.work = work
  }
}

/// The rows of its own tables, and the work, that a hook may read.
package struct HookRows {
  private let transaction: LedgerTransaction

  init(_ transaction: LedgerTransaction) { self.transaction = transaction }

  package func row(of table: TableDeclaration, key: [RowValue]) throws(StorageError) -> TableRow? {
    try transaction.row(of: table, key: key)
  }

  /// The events of what are no jobs, in order.
  package var announcements: [Announcement] { transaction.announcements }

  /// The numbers of what is deleted, whose announcements are of no use any more.
  package var withdrawn: [Int64] { transaction.withdrawnAnnouncements }

  /// Whether this transaction makes the job, so that no table has a row of it.
  ///
  /// Only for jobs that the transaction changes.
  package func isNew(_ number: Int64) -> Bool {
    guard case let entry?? = transaction.jobs[number] else { return true }
    return entry.stored == nil
  }

  /// The order of a job that this transaction has made, whose rows no hook has written yet.
  package func order(ofNewJob number: Int64) -> Order? {
    // Most new jobs have none, and transactions have many transitions.
    guard case _?? = transaction.orders[number] else { return nil }
    return transaction.transitions.first { $0.number == number && $0.before == nil }?.order
  }

  /// The work of a job of a capability's kinds.
  package func work(ofJob number: Int64, of kinds: Set<WorkKind>) throws(StorageError) -> [WorkItem] {
    try transaction.work(ofJob: number, of: kinds)
  }

  /// The body of a job's newest snapshot. Empty where there is none.
  package func body(ofJob number: Int64) throws(StorageError) -> [UInt8] {
    try transaction.body(ofJob: number)
  }

  /// The number of rows whose first key columns are `prefix`, at most `limit`.
  package func count(
    of table: TableDeclaration, prefix: [RowValue], limit: Int
  ) throws(StorageError) -> Int {
    try transaction.storedCount(of: table, prefix: prefix, limit: limit)
  }
}
