package import Jobs
package import Time
package import Tables
package import Work

/// A store of jobs: where the ledger's rules read, and where their writes are committed.
///
/// It is used by one thread at a time. Every store passes the conformance suite in Tests/Storage.
package protocol Store: AnyObject {
  /// Whether other processes write it too.
  ///
  /// Otherwise the claims and leases of other owners are those of processes that have ended.
  var isShared: Bool { get }

  /// Commits what `decide` returns in one durable transaction, or nothing after an error.
  ///
  /// The store opens a transaction, reads what `keys` name in as few round trips as it can, and calls
  /// `decide`. Then it applies the writes and commits.
  ///
  /// - Parameters:
  ///   - keys: returns what is known to be read. A store that reads without round trips does not call it.
  ///   - decide: may be called again where another writer was first.
  /// - Returns: the jobs whose shown state changed, in the order of their change numbers.
  func commit(
    reading keys: () -> LedgerKeys, _ decide: (any StoredRows) throws(StorageError) -> WriteSet
  ) throws(StorageError) -> [CommittedChange]

  /// Throws unless writing works, and leaves no data behind.
  ///
  /// - Parameter room: the bytes that must be writable.
  func probe(room: Int) throws(StorageError)

  /// Does what the store needs between two commits, such as a checkpoint.
  func maintain() throws(StorageError)

  /// Ends the store's work after the last commit.
  func finish() throws(StorageError)
}

/// The rows of one transaction, before its writes.
///
/// A row that no key named is read when it is needed, which costs a store across a network a round trip.
///
/// A shared store locks what it reads until the end of the transaction: jobs and subjects, each with its
/// order, work and rows; leases, budgets and keys, each by its name also where there is no row. Times that
/// other processes compare with their clocks are kept in the store's clock: the ends of claims and leases,
/// and budgets.
package protocol StoredRows: AnyObject {
  func job(number: Int64) throws(StorageError) -> StoredRow?
  func job(id: String) throws(StorageError) -> StoredRow?
  func job(ofPrediction id: String) throws(StorageError) -> StoredRow?
  /// The body of a job's snapshot. Empty where there is none.
  func body(ofJob number: Int64) throws(StorageError) -> [UInt8]
  /// The number of rows in a job's history.
  func historyLength(ofJob number: Int64) throws(StorageError) -> Int64
  /// The first delivery with that webhook id, one of a deleted job included.
  func delivery(webhookID: String) throws(StorageError) -> EarlierDelivery?
  /// Whether a job with that present or past prediction was deleted within the tombstones' time.
  func isDeleted(prediction id: String) throws(StorageError) -> Bool
  /// Whether a job created here with that id was deleted within the tombstones' time.
  func isDeleted(job id: String) throws(StorageError) -> Bool
  /// The times of a job's latest consecutive 404s that are later than `moment`, newest first.
  ///
  /// Any other row of the history ends them.
  func notFoundAnswers(ofJob number: Int64, after moment: Timestamp) throws(StorageError) -> [Timestamp]
  /// The job that had this prediction in a past attempt.
  func job(ofPastPrediction id: String) throws(StorageError) -> Int64?
  func order(ofJob number: Int64) throws(StorageError) -> StoredOrder?
  /// The request of a job's order. Empty where there is none.
  func request(ofJob number: Int64) throws(StorageError) -> [UInt8]
  func job(ofIdempotencyKey key: String) throws(StorageError) -> Int64?
  /// The work of that kind that is due, the earliest first.
  ///
  /// This and the next two skip items of jobs that another transaction has locked.
  func work(_ kind: WorkKind, dueAt moment: Timestamp, limit: Int) throws(StorageError) -> [WorkItem]
  /// The work of that kind that is due after `moment`.
  func work(_ kind: WorkKind, dueAfter moment: Timestamp) throws(StorageError) -> [WorkItem]
  /// The claimed work of that kind whose leases end until `moment`.
  func claimedWork(_ kind: WorkKind, endingUntil moment: Timestamp) throws(StorageError) -> [WorkItem]
  /// The work of a job, of all kinds.
  func work(ofJob number: Int64) throws(StorageError) -> [WorkItem]
  /// Keeps other processes from a subject until the end of the transaction.
  ///
  /// A subject is what has a negative number, so that it is no job. Its work, and its rows in tables whose
  /// key begins with `job`, lock it when they are read. Rows of other tables are read again after it.
  func lock(subject number: Int64) throws(StorageError)
  /// Locks subjects in an order that is the same in all processes, so that none waits for itself.
  func lock(subjects numbers: [Int64]) throws(StorageError)
  /// Reads rows of a capability's table at once, where each read is a round trip.
  ///
  /// Not for a table whose key begins with a job.
  func prefetch(_ keys: [[RowValue]], of table: TableDeclaration) throws(StorageError)
  /// The number of unclaimed work items of that kind.
  func unclaimedCount(of kind: WorkKind) throws(StorageError) -> Int
  /// The next `limit` jobs after `number`, for pruning.
  ///
  /// - Parameter moment: jobs last updated before it count as quiet.
  func pruningCandidates(
    after number: Int64, limit: Int, quietSince moment: Timestamp
  ) throws(StorageError) -> [PruningCandidate]
  /// The value of that name in the table of keys.
  func key(_ name: String) throws(StorageError) -> [UInt8]?
  func lease(_ name: String) throws(StorageError) -> Lease?
  func budget(_ name: String) throws(StorageError) -> Budget?
  /// A number for a new job, greater than every earlier one.
  func nextJobNumber() throws(StorageError) -> Int64
  /// A row of a capability's table.
  func row(of table: TableDeclaration, key: [RowValue]) throws(StorageError) -> TableRow?
  /// The number of rows of a capability's table whose first key columns are `prefix`, at most `limit`.
  func count(of table: TableDeclaration, prefix: [RowValue], limit: Int) throws(StorageError) -> Int
}

/// For a store without round trips.
extension StoredRows {
  package func lock(subjects numbers: [Int64]) throws(StorageError) {
    for number in numbers.sorted() { try lock(subject: number) }
  }

  package func prefetch(_ keys: [[RowValue]], of table: TableDeclaration) throws(StorageError) {}
}

/// The names in the table of keys that both the rules and the stores know.
package enum StoreKey {
  /// The name of the key that marks a copy of a store.
  ///
  /// A daemon that starts on a copy thereby knows that calls may have been made since, of which the store has
  /// no record.
  package static let backupMarker = "backup"
}

/// What a batch of commands is known to read.
package struct LedgerKeys: Sendable, Equatable {
  package var webhookIDs: [String] = []
  package var predictionIDs: [String] = []
  package var jobIDs: [String] = []
  package var jobNumbers: [Int64] = []
  package var idempotencyKeys: [String] = []

  package init() {}

  package static var none: LedgerKeys { LedgerKeys() }

  package static func jobs(_ numbers: [Int64]) -> LedgerKeys {
    var keys = LedgerKeys()
    keys.jobNumbers = numbers
    return keys
  }

  package mutating func formUnion(_ other: LedgerKeys) {
    webhookIDs += other.webhookIDs
    predictionIDs += other.predictionIDs
    jobIDs += other.jobIDs
    jobNumbers += other.jobNumbers
    idempotencyKeys += other.idempotencyKeys
  }
}

/// One state of a job, shared by all that refer to it: a job is large, and copies cost.
package final class JobVersion: Sendable {
  package let job: Job

  package init(_ job: consuming Job) { self.job = job }
}

/// A job's row without the body.
package struct StoredRow: Sendable {
  package let number: Int64
  package let version: JobVersion
  /// The number of the job's last change.
  package let change: Int64

  package init(number: Int64, job: consuming Job, change: Int64) {
    self.number = number
    version = JobVersion(job)
    self.change = change
  }
}

/// A job whose shown state a commit has changed.
package struct CommittedChange: Equatable, Sendable {
  package let number: Int64
  /// The job's id in the API.
  package let id: String
  /// The number of the change, greater than every earlier one.
  package let change: Int64
  package let isDeleted: Bool

  package init(number: Int64, id: String, change: Int64, isDeleted: Bool) {
    self.number = number
    self.id = id
    self.change = change
    self.isDeleted = isDeleted
  }
}
