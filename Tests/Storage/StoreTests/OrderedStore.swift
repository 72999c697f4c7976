import Jobs
import Scratch
import Store
import Testing
@testable import Time

/// A store in which jobs are created.
///
/// Time stands still unless a test advances it, in milliseconds.
final class OrderedStore {
  let database: TemporaryDatabase
  private(set) var writer: StoreWriter
  private(set) var reader: StoreReader
  private let validateOutput: OutputValidator
  private let policy: PollPolicy
  var now = Timestamp(milliseconds: 1_000_000)

  /// Longer than the timeout, and within the same day.
  static let aWhile: Int64 = 3_600_000

  init(
    policy: PollPolicy = PollPolicy(timeout: 900_000, firstPoll: 30_000),
    validateOutput: @escaping OutputValidator = { _, _, standing in standing }
  ) throws {
    database = try TemporaryDatabase()
    (self.validateOutput, self.policy) = (validateOutput, policy)
    writer = try StoreWriter(path: database.path, polling: policy, validateOutput: validateOutput)
    reader = try StoreReader(path: database.path)
  }

  /// Reopens the store, as after a kill.
  ///
  /// The policy may be another.
  func reopen(policy: PollPolicy? = nil) throws {
    writer = try StoreWriter(
      path: database.path, polling: policy ?? self.policy, validateOutput: validateOutput)
    reader = try StoreReader(path: database.path)
  }

  func advance(_ milliseconds: Int64) { now = now.advanced(byMilliseconds: milliseconds) }

  func commit<Value>(_ work: (StoreTransaction) throws(StoreError) -> Value) throws -> Value {
    try writer.commit(work)
  }
}

// MARK: - Orders

extension OrderedStore {
  static func order(
    _ id: String, key: String? = nil, request: String = "{}", at now: Timestamp, timeout: Int64? = nil,
    retries: Int64 = 0, model: String? = "owner/model"
  ) -> Order {
    Order(
      id: id, idempotencyKey: key, digest: Sample.digest(of: request), request: Array(request.utf8),
      model: model, createdAt: now, timeout: timeout, retries: retries)
  }

  @discardableResult
  func place(
    _ id: String, key: String? = nil, request: String = "{}", timeout: Int64? = nil, retries: Int64 = 0,
    model: String? = "owner/model"
  ) throws -> EnqueueResult {
    let order = Self.order(
      id, key: key, request: request, at: now, timeout: timeout, retries: retries, model: model)
    return try commit { (transaction) throws(StoreError) in try transaction.enqueue(order) }
  }

  func steps(creates: Int = 10, others: Int = 10) throws -> [OrderStep] {
    let now = now
    return try commit { (transaction) throws(StoreError) in
      try transaction.claimOrderSteps(
        at: now, creates: creates, cancels: others, finds: others, lease: 35_000)
    }
  }

  /// The only step that is due.
  func step() throws -> OrderStep {
    let steps = try steps()
    #expect(steps.count == 1)
    return try #require(steps.first)
  }

  /// Enqueues a job and claims its create step.
  func send(_ id: String, retries: Int64 = 0, timeout: Int64? = nil) throws -> OrderStep {
    try place(id, timeout: timeout, retries: retries)
    return try step()
  }

  func reschedule(_ step: OrderStep, by milliseconds: Int64 = 1000) throws {
    let now = now
    _ = try commit { (transaction) throws(StoreError) in
      try transaction.reschedule(step.order, until: now.advanced(byMilliseconds: milliseconds), at: now)
    }
  }

  func noteUnanswered(_ step: OrderStep, nextSearchIn milliseconds: Int64 = 5000) throws {
    let now = now
    try commit { (transaction) throws(StoreError) in
      try transaction.noteUnanswered(
        step.order, nextSearch: now.advanced(byMilliseconds: milliseconds),
        absenceConclusive: now.advanced(byMilliseconds: 60_000))
    }
  }

  func cancel(_ id: String) throws -> CancelResult {
    let now = now
    return try commit { (transaction) throws(StoreError) in try transaction.cancel(id, at: now) }
  }

  @discardableResult
  func end(_ step: OrderStep, of prediction: String? = nil, code: String = "invalid_input") throws -> Job? {
    let now = now
    return try commit { (transaction) throws(StoreError) in
      try transaction.end(
        step.order.number, of: prediction, as: .failed, because: JobError(code: code, message: nil), at: now)
    }
  }
}

// MARK: - Snapshots

extension OrderedStore {
  @discardableResult
  func deliver(
    _ webhookID: String, of prediction: String = "p1", _ phase: Phase, naming job: String? = nil,
    error: JobError? = nil, logs: Int = 0, ruleViolation: JobError? = nil
  ) throws -> Recording {
    let polled = snapshot(
      of: prediction, phase, from: .webhook, error: error, logs: logs, ruleViolation: ruleViolation)
    return try writer.commit([
      Delivery(
        webhookID: webhookID, receivedAt: now, snapshot: polled.snapshot, body: polled.body, namedJob: job)
    ])[0]
  }

  @discardableResult
  func report(
    _ number: Int64, of prediction: String = "p1", _ phase: Phase
  ) throws -> Recording? {
    try report(.answer, number, of: prediction, phase)
  }

  /// Records a polled snapshot of the job with that number.
  @discardableResult
  func report(
    _ source: SnapshotSource, _ number: Int64, of prediction: String = "p1", _ phase: Phase,
    error: JobError? = nil, logs: Int = 0
  ) throws -> Recording? {
    let polled = snapshot(of: prediction, phase, from: source, error: error, logs: logs, ruleViolation: nil)
    return try commit { (transaction) throws(StoreError) in try transaction.record(polled, ofJob: number) }
  }

  private func snapshot(
    of prediction: String, _ phase: Phase, from source: SnapshotSource, error: JobError?, logs: Int,
    ruleViolation: JobError?
  ) -> PolledSnapshot {
    let status = [Phase.pending: "starting", .running: "processing"][phase] ?? phase.rawValue
    let text = #"{"id":"\#(prediction)","status":"\#(status)","logs":\#(logs)}"#
    return PolledSnapshot(
      source: source, receivedAt: now,
      snapshot: Snapshot(
        predictionID: prediction, providerStatus: status, phase: phase, model: "owner/model", error: error,
        ruleViolation: ruleViolation, createdAt: Timestamp(milliseconds: 1000),
        startedAt: Timestamp(milliseconds: 3000),
        completedAt: phase.isTerminal ? Timestamp(milliseconds: 8000) : nil,
        predictMilliseconds: phase.isTerminal ? 4000 : nil,
        evidence: Evidence(logsSize: logs, outputSize: 0, digest: Sample.digest(of: text))),
      body: Array(text.utf8))
  }

  func job(_ id: String) throws -> Job { try #require(try reader.job(id)).job }

  func number(_ id: String) throws -> Int64 { try #require(try reader.job(id)).number }

  func order(_ id: String) throws -> StoredOrder {
    try #require(try reader.order(ofJob: try number(id)))
  }

  func outcomes(_ id: String) throws -> [DeliveryOutcome] {
    try reader.history(ofJob: try number(id), after: 0, limit: 100).map(\.outcome)
  }
}

let interruption = JobError(code: JobError.interrupted, message: "Prediction interrupted")

extension NextDue {
  /// The next search or cancel call.
  var otherStep: Timestamp? { [find, cancel].compactMap(\.self).min() }
}
