package import Jobs
internal import SQLite

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

/// The operations inside one commit of a ``StoreWriter``.
///
/// Valid only inside the closure that the writer passes it to.
package final class StoreTransaction {
  private let connection: Connection
  let statements: WriterStatements
  let attempts: AttemptStatements
  let usage: UsageLedger
  // Created on first use: a delivery of a job that was not created here needs none of these.
  private(set) lazy var orders = OrderStatements(connection)
  private(set) lazy var pollStatements = PollStatements(connection)
  private(set) lazy var pruning = PruneStatements(connection)
  private(set) lazy var notFound = NotFoundStatements(connection)
  let policy: PollPolicy
  let validateOutput: OutputValidator
  let restore: BodyRestorer

  /// The maximum of history rows up to which redeliveries are recorded.
  ///
  /// Beyond it they are answered, but not recorded.
  package static let maxHistoryRows: Int64 = 1000

  init(
    _ connection: Connection, polling policy: PollPolicy, validateOutput: @escaping OutputValidator,
    restore: @escaping BodyRestorer
  ) {
    self.connection = connection
    statements = WriterStatements(connection)
    attempts = AttemptStatements(connection)
    usage = UsageLedger(connection)
    self.policy = policy
    self.validateOutput = validateOutput
    self.restore = restore
  }

  /// Discards the sums of a failed transaction.
  func begin() { usage.clear() }

  /// Discards cached counts. Call it after a failed transaction.
  func forgetCounts() {
    orders.forgetCount()
    usage.forgetModels()
  }

  /// Writes the sums of the transaction.
  func finish() throws(StoreError) { try usage.write() }
}
