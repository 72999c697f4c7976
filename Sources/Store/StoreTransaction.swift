package import Jobs

/// Says what the request of a job that was created here holds against the output it has got.
///
/// - Parameters: the request as it was posted, the body of the snapshot, and what the general rules say.
/// - Returns: nil where the output is as it was wanted.
package typealias OutputJudge =
  @Sendable (_ request: [UInt8], _ body: [UInt8], _ standing: JobError?) -> JobError?

/// Puts the members that the provider has erased from a body back, as they were known before.
///
/// - Parameters: the body that lost them, and the last one that was kept.
/// - Returns: the body to keep, and the evidence of it; nil where nothing is to be put back.
package typealias BodyRestorer =
  @Sendable (_ erased: [UInt8], _ known: [UInt8]) -> (body: [UInt8], evidence: Evidence)?

/// What can be done inside one commit of a ``StoreWriter``. Handed out by it, and of no use outside.
package final class StoreTransaction {
  private let connection: Connection
  let statements: WriterStatements
  let attempts: AttemptStatements
  let usage: UsageLedger
  // Deliveries of jobs that were not created here need none of these.
  private(set) lazy var orders = OrderStatements(connection)
  private(set) lazy var watchStatements = WatchStatements(connection)
  private(set) lazy var pruning = PruneStatements(connection)
  private(set) lazy var notFound = NotFoundStatements(connection)
  let policy: WatchPolicy
  let judge: OutputJudge
  let restore: BodyRestorer

  /// Rows that the redeliveries of one job may take: beyond them they are answered, but not recorded.
  package static let longestHistory: Int64 = 1000

  init(
    _ connection: Connection, watch policy: WatchPolicy, judge: @escaping OutputJudge,
    restore: @escaping BodyRestorer
  ) {
    self.connection = connection
    statements = WriterStatements(connection)
    attempts = AttemptStatements(connection)
    usage = UsageLedger(connection)
    self.policy = policy
    self.judge = judge
    self.restore = restore
  }

  /// Forgets what a transaction that failed has left.
  func begin() { usage.clear() }

  /// What was counted in a transaction that failed is not so.
  func forgetCounts() {
    orders.forgetCount()
    usage.forgetModels()
  }

  /// Writes what was summed up on the way.
  func finish() throws(StoreError) { try usage.write() }
}
