internal import Jobs
internal import Time

/// The statements for what was asked for here.
final class OrderStatements {
  /// At most so many orders are queued; nil: they have to be counted.
  private var maxPossiblyQueued: Int?
  /// Fewer orders may be queued than ``maxPossiblyQueued`` says.
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
  private let setPlaced: Statement
  private let setLeft: Statement
  private let setCancelRequested: Statement
  private let insertCancel: Statement
  private let recover: Statement
  private let hasten: Statement
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
    // Only who creates needs the request, which may be large.
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
    // Where it was asked for meanwhile, the prediction is to be canceled at once.
    setPlaced = Statement(
      """
      UPDATE orders SET stage = 'placed', due_at = CASE cancel_requested WHEN 1 THEN 0 END WHERE job = ?1
      """, on: connection)
    setLeft = Statement(
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
    hasten = Statement(
      """
      UPDATE orders SET due_at = min(due_at, ?1), certain_at = min(certain_at, ?2)
      WHERE due_at > ?1 OR due_at IS NOT NULL AND certain_at > ?2
      """, on: connection)
    delete = Statement("DELETE FROM orders WHERE job = ?", on: connection)
    // Read from the index on the due times alone.
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
      certainAt: statement.time(9), timeout: statement.optionalInteger(5),
      retriesLeft: Int64(statement.integer(6)), isCancelRequested: statement.integer(7) == 1,
      reason: statement.text(10).flatMap(OrderReason.init), refusals: Int64(statement.integer(11)),
      isRestored: statement.integer(12) == 1, request: statement.bytes(13))
  }

  /// For a reader, which has no statements of the writer.
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
  /// Those that wait for their turn with their requests, others without.
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

  /// To a stage other than `queued`.
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

  func noteUnanswered(_ number: Int64, due: Timestamp, certain: Timestamp) throws(StoreError) {
    try setUnanswered.bind(1, number)
    try setUnanswered.bind(2, due.milliseconds)
    try setUnanswered.bind(3, certain.milliseconds)
    try setUnanswered.run()
  }

  func notePlaced(_ number: Int64) throws(StoreError) {
    try setPlaced.bind(1, number)
    try setPlaced.run()
  }

  /// For the next attempt: the prediction was interrupted.
  func noteLeft(_ number: Int64, at now: Timestamp) throws(StoreError) {
    try setLeft.bind(1, number)
    try setLeft.bind(2, now.advanced(byMilliseconds: Self.pauseBeforeRetry).milliseconds)
    try setLeft.run()
    noteQueued()
    mayHaveLeft = true
  }

  /// What was interrupted a moment ago is likely to be again.
  private static let pauseBeforeRetry: Int64 = 2000

  func noteCancelRequested(_ number: Int64, due: Timestamp?) throws(StoreError) {
    try setCancelRequested.bind(1, number)
    try setCancelRequested.bind(2, due?.milliseconds)
    try setCancelRequested.run()
  }

  /// Of a job that another has taken over.
  func delete(_ number: Int64) throws(StoreError) {
    try delete.bind(1, number)
    try delete.run()
  }

  /// For a job that was not created here.
  func insertCancel(_ number: Int64, due: Timestamp) throws(StoreError) {
    try insertCancel.bind(1, number)
    try insertCancel.bind(2, due.milliseconds)
    try insertCancel.run()
  }

  /// What was under way when the last daemon ended may have reached the provider or not.
  func recover(at now: Timestamp, certainty: Int64) throws(StoreError) {
    try recover.bind(1, now.milliseconds)
    try recover.bind(2, certainty)
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

  /// Lets no step be due later than that, and no absence from the provider's list count later than `certain`.
  func hasten(to moment: Timestamp, certain: Timestamp) throws(StoreError) {
    try hasten.bind(1, moment.milliseconds)
    try hasten.bind(2, certain.milliseconds)
    try hasten.run()
  }
}

// MARK: - The queue

extension OrderStatements {
  /// The call was not carried out: the order is queued again until it may be made once more.
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

  /// Whether one order more may be queued. They are counted at first, and where the queue looks full and some may have left.
  func hasRoom(maxQueued: Int) throws(StoreError) -> Bool {
    if let bound = maxPossiblyQueued, bound < maxQueued || !mayHaveLeft { return bound < maxQueued }
    defer { countQueued.reset() }
    let count = try countQueued.step() ? countQueued.integer(0) : 0
    (maxPossiblyQueued, mayHaveLeft) = (count, false)
    return count < maxQueued
  }

  /// A transaction failed: what was counted in it is not so.
  func forgetCount() { maxPossiblyQueued = nil }

  private func noteQueued() { maxPossiblyQueued = maxPossiblyQueued.map { $0 + 1 } }

  /// The file is a backup that was restored. What waits in it may have been created since it was made.
  func restore(at now: Timestamp, certainty: Int64) throws(StoreError) {
    try restore.bind(1, now.milliseconds)
    try restore.bind(2, certainty)
    try restore.run()
    forgetCount()
  }
}
