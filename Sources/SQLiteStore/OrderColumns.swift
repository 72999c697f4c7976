internal import Jobs
internal import StoreSeam
internal import SQLite
internal import Time
internal import Work

/// The columns that an order is read from: those of its row, and the due time of its step.
enum OrderColumn: Int32, ColumnSet {
  case job, digest, stage, dueAt, tries, sentAt, absenceConclusiveAt, timeout, retriesLeft
  case isCancelRequested, reason, refusals, isRestored, startBefore, retryOf

  var name: String {
    switch self {
    case .job: "orders.job"
    case .digest: "digest"
    case .stage: "stage"
    case .dueAt: "work.due_at"
    case .tries: "orders.tries"
    case .sentAt: "sent_at"
    case .absenceConclusiveAt: "certain_at"
    case .timeout: "timeout"
    case .retriesLeft: "retries_left"
    case .isCancelRequested: "cancel_requested"
    case .reason: "reason"
    case .refusals: "refusals"
    case .isRestored: "restored"
    case .startBefore: "start_before"
    case .retryOf: "retry_of"
    }
  }
}

/// The mapping between an order and its row.
enum OrderRow {
  /// What follows the columns of ``OrderColumn`` in ``selectWithRequest``.
  static let requestColumn = OrderColumn.count

  /// The step of an order by its stage. A call in flight is claimed, and its lease is no due time.
  private static let table = """
    FROM orders LEFT JOIN work ON work.job = orders.job AND work.key = ''
      AND work.kind = CASE stage WHEN 'queued' THEN 'create' WHEN 'unanswered' THEN 'search'
        WHEN 'placed' THEN 'cancel' END
    WHERE orders.job = ?1
    """
  /// Only the create step needs the request, which may be large.
  static let select = "SELECT \(OrderColumn.list) \(table)"
  static let selectWithRequest = "SELECT \(OrderColumn.list), request \(table)"

  static let insert = """
    INSERT INTO orders (job, digest, stage, tries, sent_at, certain_at, timeout, retries_left,
      cancel_requested, reason, refusals, restored, start_before, retry_of, idempotency_key, request)
    VALUES (?1, ?2, ?3, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
    """
  static let update = """
    UPDATE orders SET stage = ?3, tries = ?5, sent_at = ?6, certain_at = ?7, retries_left = ?9,
      cancel_requested = ?10, reason = ?11, refusals = ?12, restored = ?13
    WHERE job = ?1
    """
  private static let keyParameter: Int32 = 16
  private static let requestParameter: Int32 = 17

  static func read(_ statement: Statement, hasRequest: Bool) throws(DatabaseError) -> StoredOrder {
    let row = Row(statement, OrderColumn.self)
    guard let stage: OrderStage = row.value(.stage) else { throw .foreignRow }
    return StoredOrder(
      number: row.int64(.job), digest: BodyDigest(bytes: row.bytes(.digest)), stage: stage,
      dueAt: row.time(.dueAt), tries: row.int64(.tries), sentAt: row.time(.sentAt),
      absenceConclusiveAt: row.time(.absenceConclusiveAt), timeout: row.optionalInteger(.timeout),
      retriesLeft: row.int64(.retriesLeft), isCancelRequested: row.flag(.isCancelRequested),
      reason: row.value(.reason), refusals: row.int64(.refusals), isRestored: row.flag(.isRestored),
      startBefore: row.time(.startBefore), retryOf: row.text(.retryOf),
      request: hasRequest ? statement.bytes(requestColumn) : [])
  }

  /// Binds what changes of an order.
  static func bind(_ order: StoredOrder, to statement: Statement) throws(DatabaseError) {
    let row = Parameters(of: statement, OrderColumn.self)
    try row.bind(.job, order.number)
    try row.bind(.stage, order.stage.rawValue)
    try row.bind(.tries, order.tries)
    try row.bind(.sentAt, order.sentAt)
    try row.bind(.absenceConclusiveAt, order.absenceConclusiveAt)
    try row.bind(.retriesLeft, order.retriesLeft)
    try row.bind(.isCancelRequested, order.isCancelRequested)
    try row.bind(.reason, order.reason?.rawValue)
    try row.bind(.refusals, order.refusals)
    try row.bind(.isRestored, order.isRestored)
  }

  /// Binds what never changes of an order.
  static func bindIdentity(
    of order: StoredOrder, idempotencyKey: String?, to statement: Statement
  ) throws(DatabaseError) {
    let row = Parameters(of: statement, OrderColumn.self)
    try row.bind(.digest, copying: order.digest?.bytes ?? [])
    try row.bind(.timeout, order.timeout)
    try row.bind(.startBefore, order.startBefore)
    try row.bind(.retryOf, order.retryOf)
    try statement.bind(keyParameter, idempotencyKey)
    try statement.bind(requestParameter, copying: order.request)
  }
}

/// The columns of `work`.
enum WorkColumn: Int32, ColumnSet {
  case job, kind, key, dueAt, tries, owner, leaseEnd

  var name: String {
    switch self {
    case .job: "job"
    case .kind: "kind"
    case .key: "key"
    case .dueAt: "due_at"
    case .tries: "tries"
    case .owner: "owner"
    case .leaseEnd: "lease_until"
    }
  }

  /// Inserts an item, or replaces the one with its key.
  static let put = """
    INSERT INTO work (\(list)) VALUES (\(parameters))
    ON CONFLICT DO UPDATE SET due_at = ?4, tries = ?5, owner = ?6, lease_until = ?7
    """

  static func read(_ statement: Statement) -> WorkItem {
    let row = Row(statement, WorkColumn.self)
    let key = WorkKey(
      WorkKind(rawValue: row.text(.kind) ?? ""), job: row.int64(.job), key: row.text(.key) ?? "")
    return WorkItem(
      key, dueAt: Timestamp(milliseconds: row.int64(.dueAt)), tries: row.int64(.tries),
      owner: row.text(.owner), leaseEnd: row.time(.leaseEnd))
  }

  static func bind(_ item: WorkItem, to statement: Statement) throws(DatabaseError) {
    let row = Parameters(of: statement, WorkColumn.self)
    try row.bind(.job, item.key.job)
    try row.bind(.kind, item.key.kind.rawValue)
    try row.bind(.key, item.key.key)
    try row.bind(.dueAt, item.dueAt)
    try row.bind(.tries, item.tries)
    try row.bind(.owner, item.owner)
    try row.bind(.leaseEnd, item.leaseEnd)
  }
}

/// The columns of `deliveries`.
enum HistoryColumn: Int32, ColumnSet {
  case job, position, webhookID, source, isRepeat, digest, receivedAt, providerStatus, outcome, phase
  case revision

  var name: String {
    switch self {
    case .job: "job"
    case .position: "position"
    case .webhookID: "webhook_id"
    case .source: "source"
    case .isRepeat: "is_repeat"
    case .digest: "digest"
    case .receivedAt: "received_at"
    case .providerStatus: "provider_status"
    case .outcome: "outcome"
    case .phase: "phase"
    case .revision: "revision"
    }
  }

  static let insert = "INSERT INTO deliveries (\(list)) VALUES (\(parameters))"

  static func bind(_ row: HistoryRow, to statement: Statement) throws(DatabaseError) {
    let parameters = Parameters(of: statement, HistoryColumn.self)
    try parameters.bind(.job, row.job)
    try parameters.bind(.position, row.position)
    try parameters.bind(.webhookID, row.webhookID)
    try parameters.bind(.source, row.source.rawValue)
    try parameters.bind(.isRepeat, row.isRepeat)
    try parameters.bind(.digest, copying: row.digest?.bytes ?? [])
    try parameters.bind(.receivedAt, row.receivedAt)
    try parameters.bind(.providerStatus, row.providerStatus)
    try parameters.bind(.outcome, row.outcome.rawValue)
    try parameters.bind(.phase, row.phase.rawValue)
    try parameters.bind(.revision, row.revision)
  }

  static func read(_ statement: Statement) throws(DatabaseError) -> HistoryEntry {
    let row = Row(statement, HistoryColumn.self)
    guard let status = row.text(.providerStatus), let source: HistorySource = row.value(.source),
      let outcome: DeliveryOutcome = row.value(.outcome), let phase: Phase = row.value(.phase)
    else { throw .foreignRow }
    return HistoryEntry(
      position: row.int64(.position), webhookID: row.text(.webhookID), source: source,
      receivedAt: Timestamp(milliseconds: row.int64(.receivedAt)), providerStatus: status, outcome: outcome,
      digest: BodyDigest(bytes: row.bytes(.digest)), phase: phase, revision: row.int64(.revision))
  }
}
