package import StoreSeam
package import Jobs
internal import Time
package import Work

/// An order that a transaction has loaded or made.
final class OrderEntry {
  /// As stored; nil for a new one.
  private(set) var stored: StoredOrder?
  var order: StoredOrder
  let idempotencyKey: String?
  let metadata: JobMetadata?
  /// The claim of the order's step; nil where none is held.
  var claim: WorkItem?
  /// Whether the step was claimed or moved, so that the stored work item is no longer the order's.
  var hasStepChanged: Bool
  /// Whether the request is no longer the stored one.
  var hasNewRequest = false

  init(stored: StoredOrder) {
    self.stored = stored
    order = stored
    (idempotencyKey, metadata) = (nil, nil)
    hasStepChanged = false
  }

  init(new order: StoredOrder, idempotencyKey: String?, metadata: JobMetadata?) {
    stored = nil
    self.order = order
    (self.idempotencyKey, self.metadata) = (idempotencyKey, metadata)
    hasStepChanged = true
  }

  /// Moves the due time as a write to the work table alone does, which no document counts as a change.
  func deferStep(until moment: Timestamp) {
    if order.dueAt != nil { order.dueAt = moment }
    if stored?.dueAt != nil { stored?.dueAt = moment }
  }
}

extension LedgerTransaction {
  func orderEntry(ofJob number: Int64) throws(StorageError) -> OrderEntry? {
    if let known = orders[number] { return known }
    let entry = try rows.order(ofJob: number).map { OrderEntry(stored: $0) }
    if let entry, let kind = entry.order.workKind,
      case .update(let deferred)? = work[WorkKey(kind, job: number)]
    {
      entry.deferStep(until: deferred.dueAt)
    }
    orders[number] = .some(entry)
    return entry
  }

  func order(ofJob number: Int64) throws(StorageError) -> StoredOrder? {
    try orderEntry(ofJob: number)?.order
  }

  /// The request of a job's order. Empty where there is none.
  func request(ofJob number: Int64) throws(StorageError) -> [UInt8] {
    guard let entry = try orderEntry(ofJob: number) else { return [] }
    if entry.order.request.isEmpty, entry.stored != nil {
      entry.order.request = try rows.request(ofJob: number)
    }
    return entry.order.request
  }

  /// Replaces the request of a stored order.
  func replaceRequest(ofJob number: Int64, with request: [UInt8]) throws(StorageError) {
    guard let entry = try orderEntry(ofJob: number), entry.stored != nil else { return }
    entry.order.request = request
    entry.hasNewRequest = true
  }

  func job(ofIdempotencyKey key: String) throws(StorageError) -> Int64? {
    if let known = jobsByKey[key] { return unlessDeleted(known) }
    return try rows.job(ofIdempotencyKey: key).flatMap(unlessDeleted)
  }

  func insertOrder(
    _ order: StoredOrder, idempotencyKey: String? = nil, metadata: JobMetadata? = nil
  ) {
    orders[order.number] = .some(OrderEntry(new: order, idempotencyKey: idempotencyKey, metadata: metadata))
    if let idempotencyKey { jobsByKey[idempotencyKey] = order.number }
    if order.stage == .queued { writes.queuedChange += 1 }
  }

  /// Changes an order. A change of its step ends the claim of that step.
  func updateOrder(
    ofJob number: Int64, _ change: (inout StoredOrder) -> Void
  ) throws(StorageError) {
    guard let entry = try orderEntry(ofJob: number) else { return }
    let before = entry.order
    change(&entry.order)
    writes.queuedChange += (entry.order.stage == .queued ? 1 : 0) - (before.stage == .queued ? 1 : 0)
    entry.claim = nil
    noteStepChanged(entry)
  }

  /// Notes that the step was claimed or moved: earlier writes of its work item are obsolete.
  private func noteStepChanged(_ entry: OrderEntry) {
    entry.hasStepChanged = true
    for kind in WorkKind.stepsOfOrders { work[WorkKey(kind, job: entry.order.number)] = nil }
  }

  /// Notes a cancel request beside a create call in flight, whose claim goes on.
  func noteCancelRequestedWhileSending(ofJob number: Int64) throws(StorageError) {
    try orderEntry(ofJob: number)?.order.isCancelRequested = true
  }

  /// Claims the step of an order for this process until `moment`.
  func claimStep(ofJob number: Int64, _ item: WorkItem, until moment: Timestamp) throws(StorageError) {
    guard let entry = try orderEntry(ofJob: number), let kind = entry.order.workKind else { return }
    var claim = WorkItem(
      WorkKey(kind, job: number, key: item.key.key), dueAt: item.dueAt, tries: item.tries)
    claim.claim(by: rules.owner, until: moment)
    entry.claim = claim
    noteStepChanged(entry)
  }

  /// Whether one more order may be queued.
  package func hasRoom(maxQueued: Int) throws(StorageError) -> Bool {
    guard maxQueued < .max else { return true }
    return try rows.unclaimedCount(of: .create) + writes.queuedChange < maxQueued
  }
}

extension StoredOrder {
  /// The kind of the order's next step, which the work table holds.
  package var workKind: WorkKind? {
    switch stage {
    case .queued, .sending: .create
    case .unanswered: .search
    case .submitted: .cancel
    case .ended: nil
    }
  }
}
