internal import Jobs
internal import StoreSeam
internal import PostgreSQL
internal import PostgreSQLSchema
internal import Time
internal import Work

/// What belongs to jobs: histories, orders and work.
extension PostgreSQLWrites {
  private static let moveHistory = Query(
    "UPDATE deliveries SET job = $2, position = position + $3 WHERE job = $1")
  private static let insertAttempts = Query(
    """
    INSERT INTO attempts (prediction_id, job, error_code, error_message, ended_at)
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bytea[], $5::bigint[])
    """)
  /// The positions go on after those that are stored.
  private static let insertRefusals = Query(
    """
    INSERT INTO refusals (job, position, error_code, error_message, ended_at)
    SELECT job, (SELECT coalesce(max(position), 0) FROM refusals WHERE refusals.job = u.job)
      + row_number() OVER (PARTITION BY job ORDER BY n), error_code, error_message, ended_at
    FROM unnest($1::bigint[], $2::text[], $3::bytea[], $4::bigint[]) WITH ORDINALITY
      AS u (job, error_code, error_message, ended_at, n)
    """)

  mutating func add(_ move: MovedHistory) {
    add(Self.moveHistory, [.integer(move.from), .integer(move.to), .integer(move.offset)])
  }

  mutating func add(_ history: [HistoryRow]) {
    if !history.isEmpty { add(HistoryColumn.insert, HistoryColumn.parameters(history)) }
  }

  mutating func add(_ attempts: [AttemptWrite]) {
    guard !attempts.isEmpty else { return }
    rows.memory.hasAttempts = true
    add(
      Self.insertAttempts,
      [
        .texts(attempts.map(\.predictionID)), .integers(attempts.map(\.job)),
        .texts(attempts.map { $0.error?.code }), .byteArrays(attempts.map { $0.error?.message?.bytes }),
        .integers(attempts.map(\.endedAt.milliseconds)),
      ])
  }

  mutating func add(_ refusals: [RefusalWrite]) {
    guard !refusals.isEmpty else { return }
    add(
      Self.insertRefusals,
      [
        .integers(refusals.map(\.job)), .texts(refusals.map(\.error.code)),
        .byteArrays(refusals.map { $0.error.message?.bytes }),
        .integers(refusals.map(\.endedAt.milliseconds)),
      ])
  }
}

// MARK: - Orders and work

extension PostgreSQLWrites {
  private static let insertMetadata = Query(
    "INSERT INTO metadata (job, text) SELECT * FROM unnest($1::bigint[], $2::bytea[])")
  private static let insertMembers = Query(
    """
    INSERT INTO metadata_members (job, key, value)
    SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bytea[])
    """)

  private static let updateRequests = Query(
    """
    UPDATE orders SET request = u.request
    FROM unnest($1::bigint[], $2::bytea[]) AS u (job, request) WHERE orders.job = u.job
    """)

  mutating func write(_ orders: [OrderWrite]) {
    var requests: [(job: Int64, request: [UInt8])] = []
    var inserted: [(order: StoredOrder, idempotencyKey: String?)] = []
    var updated: [StoredOrder] = []
    var metadata: [(job: Int64, metadata: JobMetadata)] = []
    for write in orders {
      switch write {
      case .insert(let order, let key, let data):
        inserted.append((order, key))
        if let data { metadata.append((order.number, data)) }
      case .update(let order): updated.append(order)
      case .replaceRequest(let job, let request): requests.append((job, request))
      }
    }
    if !inserted.isEmpty { add(OrderRow.insert, OrderRow.parameters(inserting: inserted)) }
    if !updated.isEmpty { add(OrderRow.update, OrderRow.parameters(updating: updated)) }
    if !requests.isEmpty {
      add(Self.updateRequests, [.integers(requests.map(\.job)), .byteArrays(requests.map(\.request))])
    }
    guard !metadata.isEmpty else { return }
    add(
      Self.insertMetadata,
      [.integers(metadata.map(\.job)), .byteArrays(metadata.map(\.metadata.text))])
    let members = metadata.flatMap { row in row.metadata.members.map { (job: row.job, member: $0) } }
    guard !members.isEmpty else { return }
    add(
      Self.insertMembers,
      [
        .integers(members.map(\.job)), .byteArrays(members.map(\.member.key.bytes)),
        .byteArrays(members.map(\.member.value.bytes)),
      ])
  }

  /// The last write of each key counts.
  mutating func write(_ work: [WorkWrite]) {
    guard !work.isEmpty else { return }
    var last: [WorkKey: WorkItem?] = [:]
    var keys: [WorkKey] = []
    for write in work {
      switch write {
      case .insert(let item), .update(let item):
        if last.updateValue(stored(item), forKey: item.key) == nil { keys.append(item.key) }
      case .delete(let key):
        if last.updateValue(nil, forKey: key) == nil { keys.append(key) }
      }
    }
    let items = keys.compactMap { last[$0] ?? nil }
    let deleted = keys.filter { (last[$0] ?? nil) == nil }
    if !deleted.isEmpty { add(WorkColumn.delete, WorkColumn.parameters(deleting: deleted)) }
    if !items.isEmpty { add(WorkColumn.put, WorkColumn.parameters(putting: items)) }
  }

  /// A claimed item, with the times of the server's clock.
  private func stored(_ item: WorkItem) -> WorkItem {
    guard item.owner != nil else { return item }
    var item = item
    item.dueAt = clock.server(item.dueAt)
    item.leaseEnd = item.leaseEnd.map(clock.server)
    return item
  }
}
