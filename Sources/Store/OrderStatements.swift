internal import Jobs
internal import SQLite
internal import Time

/// The prepared statements for orders.
final class OrderStatements {
  /// An upper bound of the queued orders. Nil where they must be counted.
  private var maxPossiblyQueued: Int?
  /// Whether fewer orders than ``maxPossiblyQueued`` may be queued.
  private var mayHaveLeft = false

  private let countQueued: Statement
  private let requeue: Statement
  private let restore: Statement
  private let deferFirst: Statement
  private let insert: Statement
  private let selectByKey: Statement
  private let select: Statement
  private let selectDue: Statement
  private let selectDueWhole: Statement
  private let setStage: Statement
  private let setSending: Statement
  private let setUnanswered: Statement
  private let setSubmitted: Statement
  private let setNextAttempt: Statement
  private let setCancelRequested: Statement
  private let insertCancel: Statement
  private let recover: Statement
  private let clampDue: Statement
  private let delete: Statement

  init(_ connection: Connection) {
    insert = Statement(
      """
      INSERT INTO orders (job, digest, idempotency_key, stage, due_at, tries, timeout, retries_left,
        cancel_requested, request)
      VALUES (?, ?, ?, 'queued', ?, 0, ?, ?, 0, ?)
      """, on: connection)
    selectByKey = Statement("SELECT job FROM orders WHERE idempotency_key = ?", on: connection)
    select = Statement("SELECT \(Self.columns) FROM orders WHERE job = ?", on: connection)
    let due = "FROM orders WHERE stage = ?1 AND due_at <= ?2 ORDER BY due_at LIMIT ?3"
    // Only the create step needs the request, which may be large.
    selectDue = Statement("SELECT \(Self.facts), x'' \(due)", on: connection)
    selectDueWhole = Statement("SELECT \(Self.columns) \(due)", on: connection)
    setStage = Statement("UPDATE orders SET stage = ?2, due_at = ?3 WHERE job = ?1", on: connection)
    setSending = Statement(
      """
      UPDATE orders SET stage = 'sending', due_at = NULL, tries = tries + 1, sent_at = ?2, certain_at = NULL,
        reason = NULL, restored = 0
      WHERE job = ?1
      """, on: connection)
    setUnanswered = Statement(
      "UPDATE orders SET stage = 'unanswered', due_at = ?2, certain_at = ?3 WHERE job = ?1", on: connection)
    // If a cancel was requested meanwhile, it is due at once.
    setSubmitted = Statement(
      """
      UPDATE orders SET stage = 'placed', due_at = CASE cancel_requested WHEN 1 THEN 0 END WHERE job = ?1
      """, on: connection)
    setNextAttempt = Statement(
      """
      UPDATE orders SET stage = CASE restored WHEN 1 THEN 'unanswered' ELSE 'queued' END, due_at = ?2,
        certain_at = CASE restored WHEN 1 THEN ?2 END, tries = 0, sent_at = NULL, reason = NULL, refusals = 0,
        retries_left = retries_left - 1
      WHERE job = ?1
      """, on: connection)
    setCancelRequested = Statement(
      "UPDATE orders SET cancel_requested = 1, due_at = ?2 WHERE job = ?1", on: connection)
    insertCancel = Statement(
      """
      INSERT INTO orders (job, digest, stage, due_at, tries, retries_left, cancel_requested, request)
      VALUES (?1, x'', 'placed', ?2, 0, 0, 1, x'')
      """, on: connection)
    recover = Statement(
      """
      UPDATE orders SET stage = 'unanswered', due_at = ?1, certain_at = min(sent_at, ?1) + ?2
      WHERE stage = 'sending'
      """, on: connection)
    clampDue = Statement(
      """
      UPDATE orders SET due_at = min(due_at, ?1), certain_at = min(certain_at, ?2)
      WHERE due_at > ?1 OR due_at IS NOT NULL AND certain_at > ?2
      """, on: connection)
    delete = Statement("DELETE FROM orders WHERE job = ?", on: connection)
    // A covering query: it reads only the index on the due times.
    countQueued = Statement(
      "SELECT count(*) FROM orders WHERE stage = 'queued' AND due_at IS NOT NULL", on: connection)
    requeue = Statement(
      """
      UPDATE orders SET stage = 'queued', due_at = ?2, reason = ?3, refusals = refusals + ?4 WHERE job = ?1
      """, on: connection)
    deferFirst = Statement(
      """
      UPDATE orders SET due_at = ?3 WHERE job = (
        SELECT job FROM orders WHERE stage = ?1 AND due_at <= ?2 ORDER BY due_at LIMIT 1)
      """, on: connection)
    restore = Statement(
      """
      UPDATE orders SET restored = 1, reason = NULL,
        due_at = CASE WHEN stage = 'placed' THEN due_at ELSE ?1 END,
        certain_at = CASE WHEN stage = 'placed' THEN certain_at ELSE ?1 + ?2 END,
        sent_at = CASE WHEN stage = 'placed' THEN sent_at END,
        stage = CASE WHEN stage = 'placed' THEN stage ELSE 'unanswered' END
      WHERE stage <> 'ended'
      """, on: connection)
  }
}

// MARK: - One order

extension OrderStatements {
  private static let facts = """
    job, digest, stage, tries, sent_at, timeout, retries_left, cancel_requested, due_at, certain_at, reason,
    refusals, restored
    """
  private static let columns = "\(facts), request"

  static func read(_ statement: Statement) throws(StoreError) -> StoredOrder {
    guard let stage = statement.text(2).flatMap(OrderStage.init) else {
      throw .corrupt("a row of orders holds what this program never writes")
    }
    return StoredOrder(
      number: Int64(statement.integer(0)), digest: BodyDigest(bytes: statement.bytes(1)), stage: stage,
      dueAt: statement.time(8), tries: Int64(statement.integer(3)), sentAt: statement.time(4),
      absenceConclusiveAt: statement.time(9), timeout: statement.optionalInteger(5),
      retriesLeft: Int64(statement.integer(6)), isCancelRequested: statement.integer(7) == 1,
      reason: statement.text(10).flatMap(OrderReason.init), refusals: Int64(statement.integer(11)),
      isRestored: statement.integer(12) == 1, request: statement.bytes(13))
  }

  /// The statement of a reader, which has no ``OrderStatements``.
  static func selection(on connection: Connection) -> Statement {
    Statement("SELECT \(columns) FROM orders WHERE job = ?", on: connection)
  }

  func insert(_ order: Order, job: Int64) throws(StoreError) {
    try insert.bind(1, job)
    try insert.bind(2, copying: order.digest.bytes)
    try insert.bind(3, order.idempotencyKey)
    try insert.bind(4, order.createdAt.milliseconds)
    try insert.bind(5, order.timeout)
    try insert.bind(6, order.retries)
    try insert.bind(7, copying: order.request)
    try insert.run()
    noteQueued()
  }

  func order(ofJob number: Int64) throws(StoreError) -> StoredOrder? {
    defer { select.reset() }
    try select.bind(1, number)
    return try select.step() ? try Self.read(select) : nil
  }

  func job(ofKey key: String) throws(StoreError) -> Int64? {
    defer { selectByKey.reset() }
    try selectByKey.bind(1, key)
    return try selectByKey.step() ? Int64(selectByKey.integer(0)) : nil
  }

  func request(ofJob number: Int64) throws(StoreError) -> [UInt8] {
    try order(ofJob: number)?.request ?? []
  }

  func canRetry(_ number: Int64) throws(StoreError) -> Bool {
    guard let order = try order(ofJob: number) else { return false }
    return order.retriesLeft > 0 && !order.isCancelRequested
  }
}

// MARK: - Steps

extension OrderStatements {
  /// Returns the orders of a stage that are due. Only queued ones with their requests.
  func due(_ stage: OrderStage, at now: Timestamp, limit: Int) throws(StoreError) -> [StoredOrder] {
    stage == .queued
      ? try Self.due(stage, at: now, limit, selectDueWhole) : try Self.due(stage, at: now, limit, selectDue)
  }

  private static func due(
    _ stage: OrderStage, at now: Timestamp, _ limit: Int, _ select: Statement
  ) throws(StoreError) -> [StoredOrder] {
    defer { select.reset() }
    try select.bind(1, stage.rawValue)
    try select.bind(2, now.milliseconds)
    // https://www.sqlite.org/lang_select.html#limitoffset: a negative limit is none.
    try select.bind(3, Int64(max(0, limit)))
    var orders: [StoredOrder] = []
    while try select.step() { orders.append(try read(select)) }
    return orders
  }

  /// Sets a stage other than `queued`.
  func set(_ stage: OrderStage, due: Timestamp?, _ number: Int64) throws(StoreError) {
    mayHaveLeft = true
    try setStage.bind(1, number)
    try setStage.bind(2, stage.rawValue)
    try setStage.bind(3, due?.milliseconds)
    try setStage.run()
  }

  func noteSending(_ number: Int64, at now: Timestamp) throws(StoreError) {
    try setSending.bind(1, number)
    try setSending.bind(2, now.milliseconds)
    try setSending.run()
    maxPossiblyQueued = maxPossiblyQueued.map { $0 - 1 }
  }

  func noteUnanswered(_ number: Int64, due: Timestamp, absenceConclusive: Timestamp) throws(StoreError) {
    try setUnanswered.bind(1, number)
    try setUnanswered.bind(2, due.milliseconds)
    try setUnanswered.bind(3, absenceConclusive.milliseconds)
    try setUnanswered.run()
  }

  func noteSubmitted(_ number: Int64) throws(StoreError) {
    try setSubmitted.bind(1, number)
    try setSubmitted.run()
  }

  /// Queues the next attempt after an interrupted prediction.
  func queueNextAttempt(_ number: Int64, at now: Timestamp) throws(StoreError) {
    try setNextAttempt.bind(1, number)
    try setNextAttempt.bind(2, now.advanced(byMilliseconds: Self.pauseBeforeRetry).milliseconds)
    try setNextAttempt.run()
    noteQueued()
    mayHaveLeft = true
  }

  /// An immediate retry is likely to be interrupted again. In milliseconds.
  private static let pauseBeforeRetry: Int64 = 2000

  func noteCancelRequested(_ number: Int64, due: Timestamp?) throws(StoreError) {
    try setCancelRequested.bind(1, number)
    try setCancelRequested.bind(2, due?.milliseconds)
    try setCancelRequested.run()
  }

  /// Deletes the order of an orphan that was merged into another job.
  func delete(_ number: Int64) throws(StoreError) {
    try delete.bind(1, number)
    try delete.run()
  }

  /// Inserts a cancel request for a job that was not created here.
  func insertCancel(_ number: Int64, due: Timestamp) throws(StoreError) {
    try insertCancel.bind(1, number)
    try insertCancel.bind(2, due.milliseconds)
    try insertCancel.run()
  }

  /// Marks calls that were in flight when the last daemon ended as unanswered.
  func recover(at now: Timestamp, absenceGracePeriod: Int64) throws(StoreError) {
    try recover.bind(1, now.milliseconds)
    try recover.bind(2, absenceGracePeriod)
    try recover.run()
  }
}

extension OrderStatements {
  func deferFirst(of stage: OrderStage, at now: Timestamp, until moment: Timestamp) throws(StoreError) {
    try deferFirst.bind(1, stage.rawValue)
    try deferFirst.bind(2, now.milliseconds)
    try deferFirst.bind(3, moment.milliseconds)
    try deferFirst.run()
  }

  /// Moves steps that are due after `moment` to it.
  ///
  /// Ends of the absence grace period after `absenceConclusive` are moved to that.
  func clamp(to moment: Timestamp, absenceConclusive: Timestamp) throws(StoreError) {
    try clampDue.bind(1, moment.milliseconds)
    try clampDue.bind(2, absenceConclusive.milliseconds)
    try clampDue.run()
  }
}

// MARK: - The queue

extension OrderStatements {
  /// Queues the order again after a call that had no effect.
  func requeue(
    _ number: Int64, due: Timestamp, because reason: OrderReason?, isRefusal: Bool
  ) throws(StoreError) {
    try requeue.bind(1, number)
    try requeue.bind(2, due.milliseconds)
    try requeue.bind(3, reason?.rawValue)
    try requeue.bind(4, isRefusal ? 1 : 0)
    try requeue.run()
    noteQueued()
  }

  /// Whether one more order may be queued.
  ///
  /// Counts the rows on first use, and again where the queue seems full but orders may have left it.
  func hasRoom(maxQueued: Int) throws(StoreError) -> Bool {
    if let bound = maxPossiblyQueued, bound < maxQueued || !mayHaveLeft { return bound < maxQueued }
    defer { countQueued.reset() }
    let count = try countQueued.step() ? countQueued.integer(0) : 0
    (maxPossiblyQueued, mayHaveLeft) = (count, false)
    return count < maxQueued
  }

  /// Discards the count. Call it after a failed transaction.
  func forgetCount() { maxPossiblyQueued = nil }

  private func noteQueued() { maxPossiblyQueued = maxPossiblyQueued.map { $0 + 1 } }

  /// Marks the open orders of a restored backup.
  ///
  /// Their predictions may have been created after the backup was made.
  func restore(at now: Timestamp, absenceGracePeriod: Int64) throws(StoreError) {
    try restore.bind(1, now.milliseconds)
    try restore.bind(2, absenceGracePeriod)
    try restore.run()
    forgetCount()
  }
}
