internal import StoreSeam
package import Jobs
internal import Tables
internal import Time
internal import Work

/// Validates a job's output against the rules in its request.
///
/// - Parameters: the posted request, the body of the snapshot, and the violation of the general output rules.
/// - Returns: the violation; nil where the output keeps the rules.
package typealias OutputValidator =
  @Sendable (_ request: [UInt8], _ body: [UInt8], _ standing: JobError?) -> JobError?

/// Restores the members that the provider has erased from a body.
///
/// - Parameters: the erased body, and the stored one.
/// - Returns: the body to store, with its evidence; nil where nothing is to be restored.
package typealias BodyRestorer =
  @Sendable (_ erased: [UInt8], _ known: [UInt8]) -> (body: [UInt8], evidence: Evidence)?

/// One transaction's view of the store: stored rows, overlaid with what the commands have decided.
///
/// The rules are its extensions. They read through the overlay and change only the overlay;
/// ``writeSet(hooks:)`` is what the store then writes.
///
/// Exclusivity is not checked at run time, because that would take as long as a lookup. A transaction is used
/// by one thread, and no access to it calls back into it.
package final class LedgerTransaction {
  let rows: any StoredRows
  let rules: LedgerRules

  /// The loaded jobs by number. Nil where the store has none of that number.
  @exclusivity(unchecked) var jobs: [Int64: JobEntry?] = [:]
  /// Where a prediction or an id leads after the changes of this transaction. Nil: to no job.
  ///
  /// A lookup that finds nothing is not kept: most are of predictions that are inserted next.
  @exclusivity(unchecked) var jobsByPrediction: [String: JobEntry?] = [:]
  @exclusivity(unchecked) var jobsByID: [String: JobEntry?] = [:]
  @exclusivity(unchecked) var orders: [Int64: OrderEntry?] = [:]
  @exclusivity(unchecked) var jobsByKey: [String: Int64] = [:]
  @exclusivity(unchecked) var deliveries: [String: EarlierDelivery] = [:]
  @exclusivity(unchecked) var pastPredictions: [String: Int64] = [:]
  /// The jobs that took over the histories of merged orphans, by the orphans' numbers.
  @exclusivity(unchecked) var adopters: [Int64: JobEntry] = [:]
  /// What identifies the deliveries of jobs that this transaction has deleted by request.
  @exclusivity(unchecked) var tombstoneKeys: Set<TombstoneKey> = []
  /// Work that was written by itself, and not as the mirror of an order or a job.
  @exclusivity(unchecked) var work: [WorkKey: WorkWrite] = [:]
  /// Rows of capabilities' tables that commands have written. Nil for a deleted one.
  @exclusivity(unchecked) var tableRows: [TableKey: TableRow?] = [:]
  @exclusivity(unchecked) var leases: [String: Lease] = [:]
  @exclusivity(unchecked) var budgets: [String: Budget] = [:]
  @exclusivity(unchecked) var transitions: [JobTransition] = []
  @exclusivity(unchecked) var announcements: [Announcement] = []
  /// The numbers of subjects whose events this transaction withdraws, earlier ones included.
  @exclusivity(unchecked) var withdrawnAnnouncements: [Int64] = []
  @exclusivity(unchecked) var writes = WriteSet()

  /// The maximum of history rows up to which redeliveries are recorded.
  ///
  /// Beyond it they are answered, but not recorded.
  package static let maxHistoryRows: Int64 = 1000

  init(reading rows: any StoredRows, rules: LedgerRules, capacity: Int = 1) {
    self.rows = rows
    self.rules = rules
    // Growing in steps would hash each key again and again.
    jobs.reserveCapacity(capacity)
    jobsByPrediction.reserveCapacity(capacity)
    deliveries.reserveCapacity(capacity)
    writes.history.reserveCapacity(capacity)
  }

  var policy: PollPolicy { rules.polling }

  /// Whether a command has changed many rows at once, so that no other may follow in this transaction.
  var hasSwept: Bool { !writes.sweeps.isEmpty }
}
