package import Jobs
package import Ledger
package import StoreSeam
package import Tables
internal import Testing
package import Time
package import Work

/// A store in which jobs are created.
///
/// Time stands still unless a test advances it, in milliseconds.
package final class OrderedStore {
  package let backend: any StoreBackend
  package private(set) var ledger: Ledger
  package private(set) var reader: any StoreReader
  private let validateOutput: OutputValidator
  private let policy: PollPolicy
  private let tables: [TableDeclaration]
  private let hooks: [any TransactionHook]
  private let reactions: [any TransactionReaction]
  private let retainingKinds: Set<WorkKind>
  private let endGate: (any EndGate)?
  private let isNumbered: Bool
  package var now = Timestamp(milliseconds: 1_000_000)

  /// Longer than the timeout, and within the same day.
  package static let aWhile: Int64 = 3_600_000

  /// - Parameters:
  ///   - backend: nil for one of the kind that the suite runs on.
  ///   - opened: the backend's store; nil to open it.
  ///   - owner: names the process among those that share the store.
  ///   - tables: those of the capabilities whose hooks and reactions follow.
  ///   - retainingKinds: see ``LedgerRules``, as for `endGate`.
  ///   - isNumbered: whether jobs are numbered from 1 without gaps, which no store promises.
  package init(
    on backend: (any StoreBackend)? = nil, opened: (any Store)? = nil, owner: String = LedgerRules().owner,
    policy: PollPolicy = PollPolicy(timeout: 900_000, firstPoll: 30_000),
    validateOutput: @escaping OutputValidator = { _, _, standing in standing },
    tables: [TableDeclaration] = [], hooks: [any TransactionHook] = [],
    reactions: [any TransactionReaction] = [], retainingKinds: Set<WorkKind> = [],
    endGate: (any EndGate)? = nil, isNumbered: Bool = false
  ) throws {
    self.backend = try backend ?? StoreKind.current.makeBackend()
    (self.validateOutput, self.policy, self.tables, self.hooks) = (validateOutput, policy, tables, hooks)
    self.reactions = reactions
    self.retainingKinds = retainingKinds
    self.endGate = endGate
    self.isNumbered = isNumbered
    let store = try opened ?? self.backend.open(tables: tables)
    ledger = Ledger(
      store: isNumbered ? NumberedStore(store) : store,
      rules: LedgerRules(
        polling: policy, validateOutput: validateOutput, owner: owner, retainingKinds: retainingKinds,
        endGate: endGate),
      hooks: hooks, reactions: reactions)
    reader = try self.backend.openReader()
  }

  /// Reopens the store, as after a kill.
  ///
  /// The policy may be another, and the gate may be gone.
  package func reopen(policy: PollPolicy? = nil, withoutGate: Bool = false) throws {
    let store = try backend.open(tables: tables)
    ledger = Ledger(
      store: store,
      rules: LedgerRules(
        polling: policy ?? self.policy, validateOutput: validateOutput, retainingKinds: retainingKinds,
        endGate: withoutGate ? nil : endGate),
      hooks: hooks, reactions: reactions)
    reader = try backend.openReader()
  }

  package func advance(_ milliseconds: Int64) { now = now.advanced(byMilliseconds: milliseconds) }

  @discardableResult
  package func commit<Value>(
    _ work: @escaping (LedgerTransaction) throws(StorageError) -> Value
  ) throws -> Value {
    try ledger.commit(work)
  }
}

// MARK: - Orders

extension OrderedStore {
  package static func order(
    _ id: String, key: String? = nil, request: String = "{}", at now: Timestamp, timeout: Int64? = nil,
    retries: Int64 = 0, model: String? = "owner/model", metadata: JobMetadata? = nil,
    startBefore: Timestamp? = nil, retryOf: String? = nil, callback: Order.Callback? = nil,
    archive: String? = nil
  ) -> Order {
    Order(
      id: id, idempotencyKey: key, digest: Sample.digest(of: request), request: Array(request.utf8),
      model: model, createdAt: now, timeout: timeout, retries: retries, metadata: metadata,
      startBefore: startBefore, retryOf: retryOf, callback: callback, archive: archive)
  }

  /// Enqueues a job with metadata, whose text lists the members.
  package func place(
    _ id: String, _ members: [(String, String)], model: String? = "owner/model", request: String = "{}"
  ) throws {
    let metadata = JobMetadata(
      text: Array("\(members)".utf8), members: members.map { MetadataMember(key: $0.0, value: $0.1) })
    let order = Self.order(id, request: request, at: now, model: model, metadata: metadata)
    try commit { (transaction) throws(StorageError) in _ = try transaction.enqueue(order) }
  }

  @discardableResult
  package func place(
    _ id: String, key: String? = nil, request: String = "{}", timeout: Int64? = nil, retries: Int64 = 0,
    model: String? = "owner/model", startsWithin: Int64? = nil, retryOf: String? = nil,
    callback: Order.Callback? = nil
  ) throws -> EnqueueResult {
    let order = Self.order(
      id, key: key, request: request, at: now, timeout: timeout, retries: retries, model: model,
      startBefore: startsWithin.map { now.advanced(byMilliseconds: $0) }, retryOf: retryOf,
      callback: callback)
    return try commit { (transaction) throws(StorageError) in try transaction.enqueue(order) }
  }

  package func steps(creates: Int = 10, others: Int = 10) throws -> [OrderStep] {
    let now = now
    return try commit { (transaction) throws(StorageError) in
      try transaction.claimOrderSteps(
        at: now, creates: creates, cancels: others, finds: others, lease: 35_000)
    }
  }

  /// The only step that is due.
  package func step() throws -> OrderStep {
    let steps = try steps()
    #expect(steps.count == 1)
    return try #require(steps.first)
  }

  /// Enqueues a job and claims its create step.
  package func send(_ id: String, retries: Int64 = 0, timeout: Int64? = nil) throws -> OrderStep {
    try place(id, timeout: timeout, retries: retries)
    return try step()
  }

  package func reschedule(_ step: OrderStep, by milliseconds: Int64 = 1000) throws {
    let now = now
    try commit { (transaction) throws(StorageError) in
      try transaction.reschedule(step.order, until: now.advanced(byMilliseconds: milliseconds), at: now)
    }
  }

  package func noteUnanswered(_ step: OrderStep, nextSearchIn milliseconds: Int64 = 5000) throws {
    let now = now
    try commit { (transaction) throws(StorageError) in
      try transaction.noteUnanswered(
        step.order, nextSearch: now.advanced(byMilliseconds: milliseconds),
        absenceConclusive: now.advanced(byMilliseconds: 60_000))
    }
  }

  package func cancel(_ id: String) throws -> CancelResult {
    let now = now
    return try commit { (transaction) throws(StorageError) in try transaction.cancel(id, at: now) }
  }

  @discardableResult
  package func end(
    _ step: OrderStep, of prediction: String? = nil, code: String = "invalid_input"
  ) throws -> Job? {
    let now = now
    return try commit { (transaction) throws(StorageError) in
      try transaction.end(
        step.order.number, of: prediction, as: .failed, because: JobError(code: code, message: nil), at: now)
    }
  }

  /// Deletes an ended job. Its tombstone stays for an hour.
  @discardableResult
  package func delete(_ id: String) throws -> Job? {
    let expiresAt = now.advanced(byMilliseconds: Self.aWhile)
    return try commit { (transaction) throws(StorageError) in
      try transaction.deleteJob(id, tombstoneUntil: expiresAt)
    }
  }

  @discardableResult
  package func claimPolls(limit: Int = 100) throws -> DuePolls {
    let now = now
    return try commit { (transaction) throws(StorageError) in
      try transaction.claimDuePolls(at: now, clockSetAt: nil, limit: limit) { 0 }
    }
  }
}

// MARK: - Snapshots

extension OrderedStore {
  @discardableResult
  package func deliver(
    _ webhookID: String, of prediction: String = "p1", _ phase: Phase, naming job: String? = nil,
    error: JobError? = nil, logs: Int = 0, ruleViolation: JobError? = nil
  ) throws -> Recording {
    let polled = Sample.polled(
      .webhook, of: prediction, phase, at: now, error: error, logs: logs, ruleViolation: ruleViolation)
    return try #require(
      try ledger.commit([
        Delivery(
          webhookID: webhookID, receivedAt: now, snapshot: polled.snapshot, body: polled.body, namedJob: job)
      ]).first)
  }

  @discardableResult
  package func report(
    _ number: Int64, of prediction: String = "p1", _ phase: Phase
  ) throws -> Recording? {
    try report(.answer, number, of: prediction, phase)
  }

  /// Records a polled snapshot of the job with that number.
  @discardableResult
  package func report(
    _ source: SnapshotSource, _ number: Int64, of prediction: String = "p1", _ phase: Phase,
    error: JobError? = nil, logs: Int = 0
  ) throws -> Recording? {
    let polled = Sample.polled(source, of: prediction, phase, at: now, error: error, logs: logs)
    return try commit { (transaction) throws(StorageError) in try transaction.record(polled, ofJob: number) }
  }
}

// MARK: - Rows

extension OrderedStore {
  /// Reads rows as the rules do, and writes nothing.
  ///
  /// - Parameter keys: what a store across a network reads ahead.
  package func read<Value>(
    reading keys: LedgerKeys = .none, _ body: (any StoredRows) throws(StorageError) -> Value
  ) throws -> Value {
    var value: Value?
    _ = try ledger.store.commit(reading: { keys }) { (rows) throws(StorageError) in
      value = try body(rows)
      return WriteSet()
    }
    return try #require(value)
  }

  /// All work of that kind, the earliest first.
  package func work(_ kind: WorkKind) throws -> [WorkItem] {
    try read { (rows) throws(StorageError) in
      try rows.work(kind, dueAt: .distantFuture, limit: 10_000)
    }
  }
}

// MARK: - Reading

extension OrderedStore {
  package func record(_ id: String) async throws -> JobRecord { try #require(try await reader.job(id)) }

  package func job(_ id: String) async throws -> Job { try await record(id).job }

  package func number(_ id: String) async throws -> Int64 { try await record(id).number }

  package func change(_ id: String) async throws -> Int64 { try await record(id).change }

  package func order(_ id: String) async throws -> StoredOrder { try #require(try await record(id).order) }

  package func history(_ id: String) async throws -> [HistoryEntry] {
    try #require(try await reader.history(ofJob: id, after: 0, limit: 10_000)).entries
  }

  package func outcomes(_ id: String) async throws -> [DeliveryOutcome] {
    try await history(id).map(\.outcome)
  }

  package func jobCount() async throws -> Int {
    try await reader.jobs(matching: JobFilter(), before: nil, limit: 100_000).jobs.count
  }

  /// The ids of the jobs that match, newest first.
  package func ids(_ filter: JobFilter = JobFilter(), limit: Int = 100) async throws -> [String] {
    try await reader.jobs(matching: filter, before: nil, limit: limit).jobs.map(\.id)
  }
}

/// What the document of a job shows, as far as the store holds it.
package struct ShownJob: Equatable, Sendable {
  private let job: Job
  private let body: [UInt8]
  private let attempts: [PastAttempt]
  private let order: ShownOrder?

  private struct ShownOrder: Equatable {
    let stage: OrderStage
    let tries: Int64
    let dueAt: Timestamp?
    let reason: OrderReason?
    let isCancelRequested: Bool
  }

  package init(_ record: JobRecord) {
    let job = record.job
    // No document shows when the job is polled, nor whether a webhook was lost.
    self.job = Job(
      origin: job.origin, phase: job.phase, snapshot: job.snapshot, verdict: job.verdict, model: job.model,
      attempt: job.attempt, revision: job.revision, updatedAt: job.updatedAt,
      lastDeliveryAt: job.lastDeliveryAt,
      pollState: PollState(
        lastActivityAt: Timestamp(milliseconds: 0), dueAt: nil, staleAt: job.pollState.staleAt),
      endFoundByPolling: false, endSource: job.endSource)
    (body, attempts) = (record.body, record.attempts)
    order = record.order.flatMap { order in
      guard order.isShown(of: job) else { return nil }
      return ShownOrder(
        stage: order.stage, tries: order.tries, dueAt: order.dueAt, reason: order.reason,
        isCancelRequested: order.isCancelRequested)
    }
  }
}

/// The provider's error of a prediction that it interrupted.
package let interruption = JobError(code: JobError.interrupted, message: "Prediction interrupted")

extension NextDue {
  /// The next search or cancel call.
  package var otherStep: Timestamp? { [find, cancel].compactMap(\.self).min() }
}
