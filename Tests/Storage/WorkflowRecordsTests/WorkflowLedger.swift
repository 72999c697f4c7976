import Jobs
import Ledger
import StoreFixture
import StoreSeam
import Synchronization
import Tables
import Testing
import Time
import Work
import WorkflowDefinitions
import WorkflowRecords
import WorkflowRules

/// Notes the announcements of all transactions.
final class AnnouncementHook: TransactionHook {
  private let noted = Mutex<[String]>([])

  var types: [String] { noted.withLock { $0 } }

  func writes(after transitions: [JobTransition], reading rows: HookRows) -> HookWrites {
    noted.withLock { $0 += rows.announcements.map { "\($0.subject) \($0.type)" } }
    return HookWrites()
  }
}

/// A store with workflows, whose jobs end as a test says.
final class WorkflowLedger {
  let context: WorkflowContext
  let store: OrderedStore
  let announcements = AnnouncementHook()
  private var deliveries = 0

  /// - Parameters:
  ///   - backend: nil for a new one.
  ///   - retainingKinds: the kinds of work that keep jobs and workflows.
  init(
    copies: [any KeptCopies] = [], endGate: (any EndGate)? = nil, on backend: (any StoreBackend)? = nil,
    owner: String = LedgerRules().owner, retainingKinds: Set<WorkKind> = []
  ) throws {
    context = WorkflowContext(copies: copies)
    store = try OrderedStore(
      on: backend, owner: owner, tables: WorkflowTables.all, hooks: [announcements],
      reactions: [WorkflowReaction(context)], retainingKinds: retainingKinds, endGate: endGate)
    // Files expire by the wall clock, so it begins late enough for the times of samples.
    store.now = Timestamp(milliseconds: 100_000_000)
  }

  @discardableResult
  func create(
    _ body: String, id: String = "w", key: String? = nil, maxQueued: Int = .max
  ) throws -> WorkflowCreation {
    let bytes = Array(body.utf8)
    let definition = try WorkflowDefinition(body: bytes)
    let (now, context) = (store.now, context)
    let digest = WorkflowDefinition.digest(of: bytes.span)
    return try store.commit { (transaction) throws(StorageError) in
      try transaction.createWorkflow(
        definition, id: definition.id ?? id, digest: digest, idempotencyKey: key, maxQueued: maxQueued,
        at: now, context)
    }
  }

  func run(_ id: String = "w") async throws -> WorkflowRun {
    try #require(try await store.reader.workflow(id, context)).run
  }

  /// The states of the steps in the order of the definition.
  func states(_ id: String = "w") async throws -> [StepRun.State] { try await run(id).steps.map(\.state) }

  func output(_ id: String = "w") async throws -> String? {
    try await run(id).output.map { String(decoding: $0, as: UTF8.self) }
  }

  func input(ofJob id: String) async throws -> String {
    String(decoding: try await store.order(id).request, as: UTF8.self)
  }

  /// Sends the queued orders.
  @discardableResult
  func send() throws -> [OrderStep] { try store.steps(creates: 1000, others: 1000) }

  /// A delivery that ends a job.
  func delivery(
    _ job: String, _ phase: Phase = .succeeded, output: String = "null", of prediction: String? = nil,
    error: JobError? = nil, completed: Timestamp? = nil
  ) -> Delivery {
    deliveries += 1
    let prediction = prediction ?? "p-\(job)"
    let text = #"{"id":"\#(prediction)","status":"\#(phase)","output":\#(output)}"#
    return Delivery(
      webhookID: "msg-\(deliveries)", receivedAt: store.now,
      snapshot: Snapshot(
        predictionID: prediction, providerStatus: phase.rawValue, phase: phase, model: "owner/model",
        error: phase == .failed ? error ?? JobError(code: "unknown", message: "out of luck") : nil,
        createdAt: store.now, startedAt: store.now,
        completedAt: phase.isTerminal ? completed ?? store.now : nil,
        predictMilliseconds: phase.isTerminal ? 1000 : nil,
        evidence: Evidence(logsSize: 0, outputSize: output.utf8.count, digest: Sample.digest(of: text))),
      body: Array(text.utf8), namedJob: job)
  }

  /// Sends what is queued, and records the end of a job.
  func end(_ job: String, _ phase: Phase = .succeeded, output: String = "null") throws {
    try send()
    _ = try store.ledger.commit([delivery(job, phase, output: output)])
  }

  func cancel(_ id: String = "w") throws -> WorkflowCancellation {
    let (now, context) = (store.now, context)
    return try store.commit { (transaction) throws(StorageError) in
      try transaction.cancelWorkflow(id, at: now, context)
    }
  }

  func resume(_ id: String = "w", isStrict: Bool = false) throws -> WorkflowRenewal {
    let (now, context) = (store.now, context)
    return try store.commit { (transaction) throws(StorageError) in
      try transaction.resumeWorkflow(id, isStrict: isStrict, at: now, context)
    }
  }

  func passDeadline(_ id: String = "w") throws {
    let (now, context) = (store.now, context)
    try store.commit { (transaction) throws(StorageError) in
      try transaction.noteDeadline(ofWorkflow: id, at: now, context)
    }
  }

  func check(_ id: String = "w") throws -> Bool {
    let (now, context) = (store.now, context)
    return try store.commit { (transaction) throws(StorageError) in
      try transaction.checkWorkflow(id, at: now, context)
    }
  }

  func beginErasure(_ id: String = "w") throws -> WorkflowErasure {
    let (now, context) = (store.now, context)
    return try store.commit { (transaction) throws(StorageError) in
      try transaction.beginErasure(ofWorkflow: id, at: now, context)
    }
  }

  /// Deletes in steps, as the service does.
  func erase(_ id: String = "w", limit: Int = 2) async throws -> WorkflowRemoval {
    let (now, context) = (store.now, context)
    return try await removing(id, limit) { (transaction, jobs) throws(StorageError) in
      try transaction.eraseWorkflow(
        id, jobs: jobs, tombstoneUntil: now.advanced(byMilliseconds: OrderedStore.aWhile), at: now, context)
    }
  }

  func prune(_ id: String = "w", endedBefore limit: Timestamp) async throws -> WorkflowRemoval {
    let now = store.now
    return try await removing(id, 2) { (transaction, jobs) throws(StorageError) in
      try transaction.pruneWorkflow(
        id, jobs: jobs, endedBefore: limit, deliveredBefore: .distantFuture, at: now)
    }
  }

  private func removing(
    _ id: String, _ limit: Int,
    _ step: @escaping (LedgerTransaction, [String]) throws(StorageError) -> WorkflowRemoval
  ) async throws -> WorkflowRemoval {
    for _ in 0..<100 {
      let jobs = try await store.reader.jobs(ofWorkflow: id, limit: limit)
      let removal = try store.commit { (transaction) throws(StorageError) in try step(transaction, jobs) }
      guard removal == .more else { return removal }
    }
    Issue.record("a removal does not end")
    return .more
  }

  /// How many rows the tables of workflows have.
  func rows() async throws -> Int {
    var count = 0
    for table in WorkflowTables.all {
      count += try await store.reader.rows(TableQuery(table, limit: 500)).count
    }
    return count
  }
}
