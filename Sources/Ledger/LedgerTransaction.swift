package import Jobs
internal import Time

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
  @exclusivity(unchecked) private var jobs: [Int64: JobEntry?] = [:]
  /// Where a prediction or an id leads after the changes of this transaction. Nil: to no job.
  ///
  /// A lookup that finds nothing is not kept: most are of predictions that are inserted next.
  @exclusivity(unchecked) private var jobsByPrediction: [String: JobEntry?] = [:]
  @exclusivity(unchecked) private var jobsByID: [String: JobEntry?] = [:]
  @exclusivity(unchecked) private var orders: [Int64: OrderEntry?] = [:]
  @exclusivity(unchecked) private var jobsByKey: [String: Int64] = [:]
  @exclusivity(unchecked) private var deliveries: [String: EarlierDelivery] = [:]
  @exclusivity(unchecked) private var pastPredictions: [String: Int64] = [:]
  /// The jobs that took over the histories of merged orphans, by the orphans' numbers.
  @exclusivity(unchecked) private var adopters: [Int64: JobEntry] = [:]
  /// What identifies the deliveries of jobs that this transaction has deleted by request.
  @exclusivity(unchecked) private var tombstoneKeys: Set<TombstoneKey> = []
  /// Work that was written by itself, and not as the mirror of an order or a job.
  @exclusivity(unchecked) private var work: [WorkKey: WorkWrite] = [:]
  @exclusivity(unchecked) private(set) var transitions: [JobTransition] = []
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

/// A job that a transaction has loaded or made.
final class JobEntry {
  let number: Int64
  /// As stored; nil for a new one.
  let stored: JobVersion?
  @exclusivity(unchecked) fileprivate(set) var version: JobVersion
  let lastChange: Int64
  /// Nil until it is needed.
  @exclusivity(unchecked) fileprivate(set) var historyLength: Int64?
  /// The body of a new snapshot.
  @exclusivity(unchecked) fileprivate(set) var body: [UInt8]?
  @exclusivity(unchecked) fileprivate(set) var isChanged: Bool
  /// Whether the row itself has changed, and not only what other tables add to the job's document.
  @exclusivity(unchecked) fileprivate(set) var hasRowChanges: Bool
  /// Whether more than the job's revision and its order has changed what its document shows.
  @exclusivity(unchecked) fileprivate(set) var isShownAnew = false
  /// Why this transaction has deleted it.
  @exclusivity(unchecked) fileprivate(set) var deletion: DeletedJob.Reason?
  /// Whether its check was claimed or moved, so that the work item must be written.
  @exclusivity(unchecked) fileprivate(set) var isCheckChanged: Bool

  fileprivate var isDeleted: Bool { deletion != nil }

  fileprivate init(_ row: StoredRow) {
    number = row.number
    stored = row.version
    version = row.version
    lastChange = row.change
    historyLength = nil
    isChanged = false
    hasRowChanges = false
    isCheckChanged = false
  }

  fileprivate init(new job: Job, number: Int64, body: [UInt8]) {
    self.number = number
    stored = nil
    version = JobVersion(job)
    lastChange = 0
    historyLength = 0
    self.body = body
    isChanged = true
    hasRowChanges = true
    isCheckChanged = true
  }

  var job: Job { version.job }
}

/// An order that a transaction has loaded or made.
private final class OrderEntry {
  /// As stored; nil for a new one.
  private(set) var stored: StoredOrder?
  var order: StoredOrder
  let idempotencyKey: String?
  /// The claim of the order's step; nil where nobody holds one.
  var claim: WorkItem?
  /// Whether the step was claimed or moved, so that the stored work item is no longer the order's.
  var hasStepChanged: Bool

  init(stored: StoredOrder) {
    self.stored = stored
    order = stored
    idempotencyKey = nil
    hasStepChanged = false
  }

  init(new order: StoredOrder, idempotencyKey: String?) {
    stored = nil
    self.order = order
    self.idempotencyKey = idempotencyKey
    hasStepChanged = true
  }

  /// Moves the due time as a write to the work table alone does, which no document counts as a change.
  func deferStep(until moment: Timestamp) {
    if order.dueAt != nil { order.dueAt = moment }
    if stored?.dueAt != nil { stored?.dueAt = moment }
  }
}

// MARK: - Jobs

extension LedgerTransaction {
  func job(number: Int64) throws(StorageError) -> JobEntry? {
    if let known = jobs[number] { return known.flatMap { $0.isDeleted ? nil : $0 } }
    return load(try rows.job(number: number), number: number)
  }

  func job(id: String) throws(StorageError) -> JobEntry? {
    if let known = jobsByID[id] { return known }
    return adopt(try rows.job(id: id)).flatMap { $0.job.origin?.id == id ? $0 : nil }
  }

  func job(ofPrediction id: String) throws(StorageError) -> JobEntry? {
    if let known = jobsByPrediction[id] { return known }
    // A job that was loaded under another name may have lost this prediction meanwhile.
    return adopt(try rows.job(ofPrediction: id)).flatMap {
      $0.job.snapshot?.predictionID == id ? $0 : nil
    }
  }

  /// Finds a job by its own id or its prediction's.
  func job(named name: String) throws(StorageError) -> JobEntry? {
    if let found = try job(id: name) { return found }
    return try job(ofPrediction: name)
  }

  /// A job that a row of another table names.
  func requiredJob(number: Int64) throws(StorageError) -> JobEntry {
    guard let entry = try job(number: number) else { throw .corrupt("a row belongs to no job") }
    return entry
  }

  private func adopt(_ row: StoredRow?) -> JobEntry? {
    guard let row else { return nil }
    if let known = jobs[row.number] { return known.flatMap { $0.isDeleted ? nil : $0 } }
    return load(row, number: row.number)
  }

  private func load(_ row: StoredRow?, number: Int64) -> JobEntry? {
    let entry = row.map { JobEntry($0) }
    jobs[number] = .some(entry)
    return entry
  }

  func insertJob(_ job: Job, body: [UInt8], snapshot: Snapshot?) throws(StorageError) -> JobEntry {
    var kept = job
    kept.dropUnstored()
    let entry = JobEntry(new: kept, number: try rows.nextJobNumber(), body: body)
    jobs[entry.number] = .some(entry)
    if let id = job.origin?.id { jobsByID[id] = .some(entry) }
    if let id = job.snapshot?.predictionID { jobsByPrediction[id] = .some(entry) }
    note(
      JobTransition(
        number: entry.number, before: nil, after: entry.version, snapshot: snapshot, cause: .recorded))
    return entry
  }

  /// Changes a job.
  ///
  /// - Parameters:
  ///   - body: the body of a new snapshot; nil where the snapshot is unchanged.
  ///   - snapshot: the snapshot that causes the change.
  func update(
    _ entry: JobEntry, to job: Job, body: [UInt8]? = nil, snapshot: Snapshot? = nil,
    cause: JobTransition.Cause = .recorded
  ) {
    let before = entry.version
    assert(before.job.mayBecome(job), "a job goes backwards, or changes without a revision")
    // Later commands of this transaction find what those of a later one would.
    var kept = job
    kept.dropUnstored()
    entry.version = JobVersion(kept)
    entry.isChanged = true
    entry.hasRowChanges = true
    if let body { entry.body = body }
    if before.job.pollState.dueAt != job.pollState.dueAt { noteCheckChanged(entry) }
    let (old, new) = (before.job.snapshot?.predictionID, job.snapshot?.predictionID)
    if old != new {
      if let old { jobsByPrediction[old] = .some(nil) }
      if let new { jobsByPrediction[new] = .some(entry) }
    }
    note(
      JobTransition(
        number: entry.number, before: before, after: entry.version, snapshot: snapshot, cause: cause))
  }

  /// Notes that the check was claimed or moved: an earlier write of its work item is obsolete.
  func noteCheckChanged(_ entry: JobEntry) {
    entry.isCheckChanged = true
    entry.isChanged = true
    work[WorkKey(.poll, job: entry.number)] = nil
  }

  func noteShownAnew(_ entry: JobEntry) {
    entry.isShownAnew = true
    entry.isChanged = true
  }

  private func note(_ transition: JobTransition) {
    if rules.hasHooks { transitions.append(transition) }
  }

  func body(of entry: JobEntry) throws(StorageError) -> [UInt8] {
    if let body = entry.body { return body }
    return try rows.body(ofJob: entry.number)
  }

  /// Deletes a job and all that belongs to it.
  func delete(_ entry: JobEntry, _ reason: DeletedJob.Reason) {
    entry.deletion = reason
    if let id = entry.job.origin?.id { jobsByID[id] = .some(nil) }
    if let id = entry.job.snapshot?.predictionID { jobsByPrediction[id] = .some(nil) }
    orders[entry.number] = .some(nil)
    for key in work.keys where key.job == entry.number { work[key] = nil }
    let keys = discardWrites(of: entry)
    var cause = JobTransition.Cause.deleted
    if case .merged = reason { cause = .merged }
    note(
      JobTransition(number: entry.number, before: entry.version, after: nil, snapshot: nil, cause: cause))
    var isRequested = false
    if case .requested = reason { isRequested = true }
    if isRequested { tombstoneKeys.formUnion(keys) }
    // Nobody has seen an orphan that this transaction made.
    guard entry.stored != nil || isRequested else { return }
    writes.deletedJobs.append(
      DeletedJob(
        number: entry.number, reason: reason, id: entry.job.id, lastChange: entry.lastChange,
        keys: isRequested ? keys : []))
  }

  /// Discards the rows that this transaction would write for a job beside the job's own.
  ///
  /// - Returns: what identifies deliveries of the job, as far as this transaction knows it.
  private func discardWrites(of entry: JobEntry) -> [TombstoneKey] {
    var keys: [TombstoneKey] = []
    if let id = entry.job.origin?.id { keys.append(.job(id)) }
    if let id = entry.job.snapshot?.predictionID { keys.append(.prediction(id)) }
    for row in writes.history where row.job == entry.number && !row.isRepeat {
      if let id = row.webhookID { keys.append(.webhook(id)) }
    }
    for attempt in writes.attempts where attempt.job == entry.number {
      keys.append(.prediction(attempt.predictionID))
    }
    writes.history.removeAll { $0.job == entry.number }
    writes.attempts.removeAll { $0.job == entry.number }
    writes.refusals.removeAll { $0.job == entry.number }
    return keys
  }

  /// The reason for which this transaction has deleted the job. Nil where it has not.
  private func deletion(of number: Int64) -> DeletedJob.Reason? { jobs[number].flatMap { $0?.deletion } }

  private func unlessDeleted(_ number: Int64) -> Int64? { deletion(of: number) == nil ? number : nil }

  /// Whether an app has deleted the delivery's job, so that the delivery is dropped.
  func isOfDeletedJob(_ delivery: Delivery) throws(StorageError) -> Bool {
    let prediction = delivery.snapshot.predictionID
    if tombstoneKeys.contains(.prediction(prediction)) { return true }
    if let number = try rows.job(ofPastPrediction: prediction), deletion(of: number) != nil { return true }
    if try rows.isDeleted(prediction: prediction) { return true }
    guard let name = delivery.namedJob, try job(id: name) == nil else { return false }
    if tombstoneKeys.contains(.job(name)) { return true }
    return try rows.isDeleted(job: name)
  }

  /// Whether this transaction changes the job or its history.
  func isTouched(_ number: Int64) -> Bool {
    jobs[number].flatMap { $0 }.map { $0.isChanged || $0.isDeleted } ?? false
      || writes.history.contains { $0.job == number }
  }
}

// MARK: - Histories

extension LedgerTransaction {
  func historyLength(of entry: JobEntry) throws(StorageError) -> Int64 {
    if let length = entry.historyLength { return length }
    let length = try rows.historyLength(ofJob: entry.number)
    entry.historyLength = length
    return length
  }

  /// The first delivery with that webhook id.
  func earlierDelivery(webhookID: String) throws(StorageError) -> EarlierDelivery? {
    if let known = deliveries[webhookID] { return current(known) }
    return try rows.delivery(webhookID: webhookID).flatMap(current)
  }

  /// An earlier delivery after the merges and deletions of this transaction.
  private func current(_ found: EarlierDelivery) -> EarlierDelivery? {
    guard var number = found.job else { return found }
    while let adopter = adopters[number] { number = adopter.number }
    switch deletion(of: number) {
    case nil: return EarlierDelivery(job: number, digest: found.digest)
    case .requested: return EarlierDelivery(job: nil, digest: nil)
    case .pruned, .merged: return nil
    }
  }

  /// Appends a row for a snapshot to a job's history.
  func appendHistory(
    _ polled: PolledSnapshot, webhookID: String?, isRepeat: Bool = false, outcome: DeliveryOutcome,
    to entry: JobEntry
  ) throws(StorageError) {
    let position = try nextPosition(of: entry)
    let digest = polled.snapshot.evidence.digest
    writes.history.append(
      HistoryRow(
        job: entry.number, position: position, webhookID: webhookID, source: HistorySource(polled.source),
        isRepeat: isRepeat, digest: digest, providerStatus: polled.snapshot.providerStatus,
        receivedAt: polled.receivedAt, outcome: outcome, phase: entry.job.phase,
        revision: entry.job.revision))
    if let webhookID, !isRepeat {
      deliveries[webhookID] = EarlierDelivery(job: entry.number, digest: digest)
    }
  }

  /// Appends a row without a snapshot to a job's history.
  func appendHistory(
    _ source: HistorySource, status: String, at moment: Timestamp, outcome: DeliveryOutcome,
    to entry: JobEntry
  ) throws(StorageError) {
    writes.history.append(
      HistoryRow(
        job: entry.number, position: try nextPosition(of: entry), webhookID: nil, source: source,
        isRepeat: false, digest: nil, providerStatus: status, receivedAt: moment, outcome: outcome,
        phase: entry.job.phase, revision: entry.job.revision))
  }

  private func nextPosition(of entry: JobEntry) throws(StorageError) -> Int64 {
    let position = try historyLength(of: entry) + 1
    entry.historyLength = position
    return position
  }

  /// Appends the history of one job to that of another.
  func moveHistory(of entry: JobEntry, to other: JobEntry) throws(StorageError) {
    let (moved, offset) = (try historyLength(of: entry), try historyLength(of: other))
    if entry.stored != nil {
      writes.movedHistories.append(MovedHistory(from: entry.number, to: other.number, offset: offset))
    }
    for index in writes.history.indices where writes.history[index].job == entry.number {
      writes.history[index].job = other.number
      writes.history[index].position += offset
    }
    adopters[entry.number] = other
    other.historyLength = offset + moved
  }

  /// The times of a job's latest consecutive 404s that are later than `moment`, newest first.
  func notFoundAnswers(of entry: JobEntry, after moment: Timestamp) throws(StorageError) -> [Timestamp] {
    let move = writes.movedHistories.last { $0.to == entry.number }
    let own = writes.history.filter { $0.job == entry.number && $0.position > move?.offset ?? 0 }
    var answers: [Timestamp] = []
    for row in own.sorted(by: { $0.position > $1.position }) {
      guard row.outcome == .notFound, moment < row.receivedAt else { return answers }
      answers.append(row.receivedAt)
    }
    // An adopted history begins with a delivery, which ends the 404s before it.
    if let move { return answers + (try rows.notFoundAnswers(ofJob: move.from, after: moment)) }
    guard entry.stored != nil else { return answers }
    return answers + (try rows.notFoundAnswers(ofJob: entry.number, after: moment))
  }

  /// The job that had this prediction in a past attempt.
  func job(ofPastPrediction id: String) throws(StorageError) -> Int64? {
    if let known = pastPredictions[id] { return unlessDeleted(known) }
    return try rows.job(ofPastPrediction: id).flatMap(unlessDeleted)
  }

  func noteRefusal(_ error: JobError, of entry: JobEntry, at now: Timestamp) {
    writes.refusals.append(RefusalWrite(job: entry.number, error: error, endedAt: now))
    noteShownAnew(entry)
  }

  func notePastAttempt(_ snapshot: Snapshot, of entry: JobEntry, at now: Timestamp) {
    pastPredictions[snapshot.predictionID] = entry.number
    writes.attempts.append(
      AttemptWrite(
        predictionID: snapshot.predictionID, job: entry.number, error: snapshot.error, endedAt: now))
  }
}

// MARK: - Orders

extension LedgerTransaction {
  private func orderEntry(ofJob number: Int64) throws(StorageError) -> OrderEntry? {
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

  func job(ofIdempotencyKey key: String) throws(StorageError) -> Int64? {
    if let known = jobsByKey[key] { return unlessDeleted(known) }
    return try rows.job(ofIdempotencyKey: key).flatMap(unlessDeleted)
  }

  func insertOrder(_ order: StoredOrder, idempotencyKey: String? = nil) {
    orders[order.number] = .some(OrderEntry(new: order, idempotencyKey: idempotencyKey))
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
  func hasRoom(maxQueued: Int) throws(StorageError) -> Bool {
    guard maxQueued < .max else { return true }
    return try rows.unclaimedCount(of: .create) + writes.queuedChange < maxQueued
  }
}

// MARK: - Work

extension LedgerTransaction {
  /// The due steps of orders of one kind, as this transaction has left them.
  func dueSteps(_ kind: WorkKind, at now: Timestamp, limit: Int) throws(StorageError) -> [WorkItem] {
    guard limit > 0 else { return [] }
    let stored = try rows.work(kind, dueAt: now, limit: limit + orders.count + work.count)
    return sorted(steps(kind, stored), dueAt: now, limit)
  }

  /// The steps of orders of one kind that are due after `moment`.
  func laterSteps(_ kind: WorkKind, after moment: Timestamp) throws(StorageError) -> [WorkItem] {
    steps(kind, try rows.work(kind, dueAfter: moment)).filter { moment < $0.dueAt }
  }

  /// The create calls that some process has claimed.
  func claimedCreates() throws(StorageError) -> [WorkItem] {
    steps(.create, try rows.claimedWork(.create)).filter { $0.owner != nil }
  }

  /// Replaces those of the stored items that this transaction has changed.
  private func steps(_ kind: WorkKind, _ stored: [WorkItem]) -> [WorkItem] {
    var items = stored.filter { item in
      guard work[item.key] == nil, deletion(of: item.key.job) == nil else { return false }
      return orders[item.key.job].flatMap { $0 }.map { !$0.hasStepChanged } ?? true
    }
    for case let entry? in orders.values where entry.hasStepChanged {
      guard let item = Self.workItem(of: entry.order, entry.claim), item.key.kind == kind,
        work[item.key] == nil
      else { continue }
      items.append(item)
    }
    return items + ownWork(kind)
  }

  /// The due checks of open jobs, as this transaction has left them.
  func dueChecks(at now: Timestamp, limit: Int) throws(StorageError) -> [WorkItem] {
    guard limit > 0 else { return [] }
    var due: [WorkItem] = []
    for item in try rows.work(.poll, dueAt: now, limit: limit + jobs.count + work.count) {
      let known = jobs[item.key.job].flatMap { $0 }
      let isCurrent = known.map { !$0.isCheckChanged && !$0.isDeleted } ?? true
      if work[item.key] == nil, isCurrent { due.append(item) }
    }
    for case let entry? in jobs.values where entry.isCheckChanged && !entry.isDeleted {
      let key = WorkKey(.poll, job: entry.number)
      if let moment = entry.job.pollState.dueAt, work[key] == nil { due.append(WorkItem(key, dueAt: moment)) }
    }
    return sorted(due + ownWork(.poll), dueAt: now, limit)
  }

  private func ownWork(_ kind: WorkKind) -> [WorkItem] {
    work.values.compactMap { write in
      switch write {
      case .insert(let item), .update(let item): item.key.kind == kind ? item : nil
      case .delete: nil
      }
    }
  }

  private func sorted(_ items: [WorkItem], dueAt now: Timestamp, _ limit: Int) -> [WorkItem] {
    let due = items.filter { $0.dueAt <= now }
    return Array(due.sorted { ($0.dueAt, $0.key.job) < ($1.dueAt, $1.key.job) }.prefix(limit))
  }

  func write(_ write: WorkWrite) {
    switch write {
    case .insert(let item), .update(let item): work[item.key] = write
    case .delete(let key): work[key] = write
    }
  }

  /// Deletes an item whose order has passed it.
  func deleteStray(_ item: WorkItem) {
    if item.key.kind == .create, item.owner == nil { writes.queuedChange -= 1 }
    write(.delete(item.key))
  }

  /// Moves an item that is due to `moment`, without a change of its order or job.
  func deferItem(_ item: WorkItem, until moment: Timestamp) {
    var deferred = item
    deferred.dueAt = moment
    write(.update(deferred))
    if case let entry?? = orders[item.key.job], entry.order.workKind == item.key.kind {
      entry.deferStep(until: moment)
    }
  }
}

// MARK: - The write set

extension LedgerTransaction {
  /// The writes that make the store what this transaction has decided.
  func writeSet(hooks: [any TransactionHook]) throws(StorageError) -> WriteSet {
    if !transitions.isEmpty {
      let rows = HookRows(rows)
      for hook in hooks {
        let added = try hook.writes(after: transitions, reading: rows)
        writes.tables += added.tables
        for item in added.work { write(item) }
      }
    }
    try noteShownOrders()
    // In the order of the numbers: equal transactions make equal writes.
    let changed = jobs.values.compactMap { $0.flatMap { $0.isChanged && !$0.isDeleted ? $0 : nil } }
    for entry in changed.sorted(by: { $0.number < $1.number }) { writeJob(entry) }
    let ordered = orders.values.compactMap { $0 }
    for entry in ordered.sorted(by: { $0.order.number < $1.order.number }) { writeOrder(entry) }
    // What was written by itself comes last: a deferred step stays deferred.
    writes.work += work.values
    // A dictionary has no order, and runs are to repeat. The sort is stable.
    writes.work = writes.work.enumerated().sorted { left, right in
      let (one, other) = (left.element.key, right.element.key)
      return (one.job, one.kind.rawValue, one.key, left.offset)
        < (other.job, other.kind.rawValue, other.key, right.offset)
    }.map(\.element)
    return writes
  }

  /// Marks the jobs whose documents show another state of their orders.
  private func noteShownOrders() throws(StorageError) {
    for case let entry? in orders.values {
      if let stored = entry.stored, stored.isShownAlike(entry.order) { continue }
      try job(number: entry.order.number)?.isChanged = true
    }
  }

  private func writeJob(_ entry: JobEntry) {
    let (before, after) = (entry.stored?.job.pollState.dueAt, entry.job.pollState.dueAt)
    if entry.isCheckChanged {
      let key = WorkKey(.poll, job: entry.number)
      switch (before, after) {
      case (nil, let due?): writes.work.append(.insert(WorkItem(key, dueAt: due)))
      case (_?, let due?): writes.work.append(.update(WorkItem(key, dueAt: due)))
      case (_, nil): if entry.stored != nil { writes.work.append(.delete(key)) }
      }
    }
    writes.jobs.append(JobWrite(entry: entry, isShown: isShownAnew(entry)))
  }

  /// Whether the job's document differs from that of the stored job.
  private func isShownAnew(_ entry: JobEntry) -> Bool {
    guard let stored = entry.stored else { return true }
    if entry.isShownAnew || stored.job.revision != entry.job.revision { return true }
    guard !entry.job.phase.isTerminal, let known = orders[entry.number] else { return false }
    switch (known?.stored, known?.order) {
    case (let old?, let new?): return !old.isShownAlike(new)
    case (nil, nil): return false
    case (nil, _), (_, nil): return true
    }
  }

  private func writeOrder(_ entry: OrderEntry) {
    let order = entry.order
    guard let stored = entry.stored else {
      writes.orders.append(.insert(order, idempotencyKey: entry.idempotencyKey))
      if let item = Self.workItem(of: order, entry.claim) { writes.work.append(.insert(item)) }
      return
    }
    if !order.hasSameRow(as: stored) { writes.orders.append(.update(order)) }
    let old = stored.hasWork ? stored.workKind : nil
    let item = Self.workItem(of: order, entry.claim)
    if let old, old != item?.key.kind { writes.work.append(.delete(WorkKey(old, job: order.number))) }
    guard let item else { return }
    if old != item.key.kind {
      writes.work.append(.insert(item))
    } else if entry.hasStepChanged {
      writes.work.append(.update(item))
    }
  }

  private static func workItem(of order: StoredOrder, _ claim: WorkItem?) -> WorkItem? {
    guard order.hasWork, let kind = order.workKind else { return nil }
    if let claim { return claim }
    return WorkItem(WorkKey(kind, job: order.number), dueAt: order.dueAt ?? Timestamp(milliseconds: 0))
  }
}

extension Job {
  /// Whether `next` may follow: no revision goes backwards, and no ended job is open again.
  fileprivate func mayBecome(_ next: Job) -> Bool {
    next.revision >= revision && next.updatedAt >= updatedAt
      && (next.phase == phase && next.verdict == verdict || next.revision > revision)
      && (next.phase.isTerminal || !phase.isTerminal)
  }
}

extension WorkWrite {
  fileprivate var key: WorkKey {
    switch self {
    case .insert(let item), .update(let item): item.key
    case .delete(let key): key
    }
  }
}

extension StoredOrder {
  /// Whether the row of the order is the same: its due time is in the work table.
  fileprivate func hasSameRow(as other: StoredOrder) -> Bool {
    stage == other.stage && tries == other.tries && sentAt == other.sentAt
      && absenceConclusiveAt == other.absenceConclusiveAt && retriesLeft == other.retriesLeft
      && isCancelRequested == other.isCancelRequested && reason == other.reason
      && refusals == other.refusals && isRestored == other.isRestored
  }
}
