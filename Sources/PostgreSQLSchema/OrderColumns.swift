package import Jobs
package import StoreSeam
package import PostgreSQL
internal import Time
package import Work

/// The columns that an order is read from.
///
/// They are those of its row, and the due time of its step.
package enum OrderColumn: Int32, ColumnSet {
  case job, digest, stage, dueAt, tries, sentAt, absenceConclusiveAt, timeout, retriesLeft
  case isCancelRequested, reason, refusals, isRestored, startBefore, retryOf

  /// As a SELECT lists it. The order's row has no due time.
  package var name: String { self == .dueAt ? "work.due_at" : "orders.\(column)" }

  package var column: String {
    switch self {
    case .job: "job"
    case .digest: "digest"
    case .stage: "stage"
    case .dueAt: "due_at"
    case .tries: "tries"
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

  package var type: ColumnType {
    switch self {
    case .digest: .bytes
    case .stage, .reason, .retryOf: .text
    case .isCancelRequested, .isRestored: .boolean
    case .job, .dueAt, .tries, .sentAt, .absenceConclusiveAt, .timeout, .retriesLeft, .refusals, .startBefore:
      .integer
    }
  }
}

/// The mapping between an order and its row.
package enum OrderRow {
  /// What follows the columns of ``OrderColumn``, where a statement selects it.
  package static let requestColumn = OrderColumn.count

  /// The step of an order by its stage. A call in flight is claimed, and its lease is no due time.
  package static let source = """
    orders LEFT JOIN work ON work.job = orders.job AND work.key = ''
      AND work.kind = CASE stage WHEN 'queued' THEN 'create' WHEN 'unanswered' THEN 'search'
        WHEN 'placed' THEN 'cancel' END
    """

  /// - Parameter requestColumn: the column of the request. Nil where it was not read.
  package static func read(
    _ rows: Rows, _ index: Int, requestColumn: Int32?
  ) throws(StorageError) -> StoredOrder {
    let row = Row(rows, index, OrderColumn.self)
    guard let stage: OrderStage = row.value(.stage) else { throw .foreignRow }
    return StoredOrder(
      number: row.integer(.job), digest: BodyDigest(bytes: row.bytes(.digest)), stage: stage,
      dueAt: row.time(.dueAt), tries: row.integer(.tries), sentAt: row.time(.sentAt),
      absenceConclusiveAt: row.time(.absenceConclusiveAt), timeout: row.optionalInteger(.timeout),
      retriesLeft: row.integer(.retriesLeft), isCancelRequested: row.flag(.isCancelRequested),
      reason: row.value(.reason), refusals: row.integer(.refusals), isRestored: row.flag(.isRestored),
      startBefore: row.time(.startBefore), retryOf: row.text(.retryOf),
      request: requestColumn.map { rows.bytes(index, $0) } ?? [])
  }

  private static let inserted = OrderColumn.allCases.filter { $0 != .dueAt }
  private static let updated: [OrderColumn] = [
    .job, .stage, .tries, .sentAt, .absenceConclusiveAt, .retriesLeft, .isCancelRequested, .reason,
    .refusals, .isRestored,
  ]

  package static let insert = Query(
    ArrayRows.insert(
      into: "orders",
      inserted.map { ($0.column, $0.type) } + [("idempotency_key", .text), ("request", .bytes)]))

  package static let update = Query(ArrayRows.update("orders", updated.map { ($0.column, $0.type) }))

  package static func parameters(
    inserting orders: [(order: StoredOrder, idempotencyKey: String?)]
  ) -> [Parameter] {
    let rows = orders.map(\.order)
    return inserted.map { parameter($0, of: rows) } + [
      .texts(orders.map(\.idempotencyKey)), .byteArrays(rows.map(\.request)),
    ]
  }

  package static func parameters(updating orders: [StoredOrder]) -> [Parameter] {
    updated.map { parameter($0, of: orders) }
  }

  private static func parameter(_ column: OrderColumn, of orders: [StoredOrder]) -> Parameter {
    switch column {
    case .job: .integers(orders.map(\.number))
    case .digest: .byteArrays(orders.map { $0.digest?.bytes ?? [] })
    case .stage: .texts(orders.map(\.stage.rawValue))
    case .dueAt: .integers(orders.map { $0.dueAt?.milliseconds })
    case .tries: .integers(orders.map(\.tries))
    case .sentAt: .integers(orders.map { $0.sentAt?.milliseconds })
    case .absenceConclusiveAt: .integers(orders.map { $0.absenceConclusiveAt?.milliseconds })
    case .timeout: .integers(orders.map(\.timeout))
    case .retriesLeft: .integers(orders.map(\.retriesLeft))
    case .isCancelRequested: .booleans(orders.map(\.isCancelRequested))
    case .reason: .texts(orders.map { $0.reason?.rawValue })
    case .refusals: .integers(orders.map(\.refusals))
    case .isRestored: .booleans(orders.map(\.isRestored))
    case .startBefore: .integers(orders.map { $0.startBefore?.milliseconds })
    case .retryOf: .texts(orders.map(\.retryOf))
    }
  }
}

/// The columns of `work`.
package enum WorkColumn: Int32, ColumnSet {
  case job, kind, key, dueAt, tries, owner, leaseEnd

  package var name: String {
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

  package var type: ColumnType {
    switch self {
    case .job, .dueAt, .tries, .leaseEnd: .integer
    case .kind, .key, .owner: .text
    }
  }

  /// Inserts items, or replaces those with their keys.
  package static let put = Query(
    """
    \(ArrayRows.insert(into: "work", allCases.map { ($0.name, $0.type) }))
    ON CONFLICT (job, kind, key) DO UPDATE SET due_at = excluded.due_at, tries = excluded.tries,
      owner = excluded.owner, lease_until = excluded.lease_until
    """)

  package static let delete = Query(
    """
    DELETE FROM work
    USING (\(ArrayRows.select([("job", .integer), ("kind", .text), ("key", .text)]))) AS u
    WHERE work.job = u.job AND work.kind = u.kind AND work.key = u.key
    """)

  package static func parameters(putting items: [WorkItem]) -> [Parameter] {
    parameters(deleting: items.map(\.key)) + [
      .integers(items.map(\.dueAt.milliseconds)), .integers(items.map(\.tries)), .texts(items.map(\.owner)),
      .integers(items.map { $0.leaseEnd?.milliseconds }),
    ]
  }

  package static func parameters(deleting keys: [WorkKey]) -> [Parameter] {
    [.integers(keys.map(\.job)), .texts(keys.map(\.kind.rawValue)), .texts(keys.map(\.key))]
  }

  package static func read(_ rows: Rows, _ index: Int) -> WorkItem {
    let row = Row(rows, index, WorkColumn.self)
    let key = WorkKey(
      WorkKind(rawValue: row.text(.kind) ?? ""), job: row.integer(.job), key: row.text(.key) ?? "")
    return WorkItem(
      key, dueAt: Timestamp(milliseconds: row.integer(.dueAt)), tries: row.integer(.tries),
      owner: row.text(.owner), leaseEnd: row.time(.leaseEnd))
  }
}

/// The columns of `deliveries`.
package enum HistoryColumn: Int32, ColumnSet {
  case job, position, webhookID, source, isRepeat, digest, receivedAt, providerStatus, outcome, phase
  case revision

  package var name: String {
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

  package var type: ColumnType {
    switch self {
    case .job, .position, .receivedAt, .revision: .integer
    case .webhookID, .source, .outcome, .phase: .text
    case .isRepeat: .boolean
    case .digest, .providerStatus: .bytes
    }
  }

  package static let insert = Query(
    ArrayRows.insert(into: "deliveries", allCases.map { ($0.name, $0.type) }))

  package static func parameters(_ rows: [HistoryRow]) -> [Parameter] {
    allCases.map { column -> Parameter in
      switch column {
      case .job: .integers(rows.map(\.job))
      case .position: .integers(rows.map(\.position))
      case .webhookID: .texts(rows.map(\.webhookID))
      case .source: .texts(rows.map(\.source.rawValue))
      case .isRepeat: .booleans(rows.map(\.isRepeat))
      case .digest: .byteArrays(rows.map { $0.digest?.bytes ?? [] })
      case .receivedAt: .integers(rows.map(\.receivedAt.milliseconds))
      case .providerStatus: .byteArrays(rows.map(\.providerStatus.bytes))
      case .outcome: .texts(rows.map(\.outcome.rawValue))
      case .phase: .texts(rows.map(\.phase.rawValue))
      case .revision: .integers(rows.map(\.revision))
      }
    }
  }

  package static func read(_ rows: Rows, _ index: Int) throws(StorageError) -> HistoryEntry {
    let row = Row(rows, index, HistoryColumn.self)
    guard let status = row.utf8(.providerStatus), let source: HistorySource = row.value(.source),
      let outcome: DeliveryOutcome = row.value(.outcome), let phase: Phase = row.value(.phase)
    else { throw .foreignRow }
    return HistoryEntry(
      position: row.integer(.position), webhookID: row.text(.webhookID), source: source,
      receivedAt: Timestamp(milliseconds: row.integer(.receivedAt)), providerStatus: status, outcome: outcome,
      digest: BodyDigest(bytes: row.bytes(.digest)), phase: phase, revision: row.integer(.revision))
  }
}
