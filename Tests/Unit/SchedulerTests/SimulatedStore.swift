import EventLoop
@testable import GroupCommit
import Jobs
import Logging
@testable import Observability
@testable import Replicate
import Samples
@testable import Scheduler
import Scratch
import Simulation
import Ledger
import StoreSeam
import StoreFixture
import SQLiteStore
import Synchronization
@testable import System
import Testing
@testable import Time
import Work

/// A loop on a simulated kernel, and a store that commits between its turns.
///
/// The test's thread drives both, so every run is the same.
final class SimulatedStore {
  let kernel: SimulatedKernel
  let loop: EventLoop
  let queue = CommitQueue()
  let metrics = SchedulerMetrics()
  let logger: Logger
  private let database: TemporaryDatabase
  private let store: any Store
  private var processes: [(queue: CommitQueue, committer: Committer)] = []
  private let recorder: Confined<Recorder>
  private let lines = Lines()

  /// - Parameter isShared: whether the rules take it for a store that other processes write, too.
  init(seed: UInt64 = 1, isShared: Bool = false) throws {
    kernel = SimulatedKernel(seed: seed, faults: .none)
    loop = EventLoop(kernel: kernel)
    logger = Logger(label: "test") { [lines] _ in lines }
    database = try TemporaryDatabase()
    let sqlite = try SQLiteStore(path: database.path, busyTimeout: 0)
    store = isShared ? SharedStore(sqlite) : sqlite
    recorder = Confined(Recorder(loop: loop, queue: queue))
    addProcess("one", queue)
  }

  /// Adds a process that shares the store.
  ///
  /// - Returns: the queue of its commits.
  @discardableResult
  func addProcess(_ owner: String, _ queue: CommitQueue = CommitQueue()) -> CommitQueue {
    let ledger = Ledger(
      store: store,
      rules: LedgerRules(
        polling: PollPolicy(timeout: 900_000, firstPoll: 30_000), validateOutput: RequestedOutput().validate,
        restore: ErasedData.restore, owner: owner))
    processes.append(
      (queue, Committer(ledger: ledger, queue: queue, metrics: CommitMetrics(queue: queue), logger: logger)))
    return queue
  }

  var path: String { database.path }
  var log: String { lines.text.storage.withLock { $0 } }
  var now: Timestamp { Timestamp(milliseconds: kernel.wallTimeMilliseconds) }
  var clock: SchedulerClock { SchedulerClock(kernel: kernel) }

  func reader() throws -> SQLiteReader { try SQLiteReader(path: path) }

  func schedulerStore(_ policy: SchedulerPolicy = .test) throws -> SchedulerStore {
    SchedulerStore(
      reader: try reader(), recorder: Recorder(loop: loop, queue: queue), policy: policy, logger: logger)
  }

  /// Makes the store reject every history row, each by itself.
  func poison() throws {
    try execute(
      """
      CREATE TRIGGER poison BEFORE INSERT ON deliveries BEGIN SELECT RAISE(ABORT, 'poisoned'); END
      """)
  }

  /// Runs SQL on a connection of its own.
  func execute(_ sql: String) throws { try Scratch.execute(sql, in: path) }
}

// MARK: - Running

extension SimulatedStore {
  /// A condition that did not come true.
  struct Timeout: Error {}

  /// Runs `operation` on the loop to its end.
  func run<Value: Sendable>(_ operation: @escaping @Sendable () async -> Value) throws -> Value {
    let result = OneShot<Value>()
    loop.start { result.set(await operation()) }
    try run(until: { result.current != nil })
    return try #require(result.current)
  }

  /// Runs the loop until `condition` is true, for at most that time of the simulated clock.
  func run(until condition: () throws -> Bool, within limit: Duration = .seconds(7200)) throws {
    let end = kernel.monotonicTime + limit
    // The clock may stand still, if nothing is due.
    for _ in 0..<100_000 {
      settle()
      if try condition() { return }
      guard kernel.monotonicTime < end else { break }
      loop.turn(waits: true)
    }
    throw Timeout()
  }

  func run(for duration: Duration) throws {
    let end = kernel.monotonicTime + duration
    kernel.after(duration) { [kernel] in kernel.wake() }
    try run(until: { [kernel] in kernel.monotonicTime >= end })
  }

  /// Runs what can run without a wait.
  func settle() {
    var hasCommitted = false
    repeat {
      loop.turn(waits: false)
      hasCommitted = false
      for process in processes {
        let submissions = process.queue.submissions.popAll(timeout: .zero) ?? []
        guard !submissions.isEmpty else { continue }
        hasCommitted = true
        process.committer.process(submissions)
      }
    } while hasCommitted || loop.isBusy || kernel.hasReports
  }

  /// Commits `work`, as another thread does.
  @discardableResult
  func write<Value: Sendable>(
    _ work: @escaping @Sendable (LedgerTransaction) throws(StorageError) -> Value
  ) throws -> Value {
    try run { [recorder] in await recorder.value.write(work) }.get()
  }
}

// MARK: - Rows

extension SimulatedStore {
  static func order(_ id: String, at now: Timestamp) throws -> Order {
    Order(
      id: id, idempotencyKey: nil, digest: .repeating(1),
      request: Array(#"{"model":"owner/model","input":{"prompt":"\#(id)"}}"#.utf8), model: "owner/model",
      createdAt: now, timeout: nil, retries: 0)
  }

  func enqueue(_ id: String) throws {
    let order = try Self.order(id, at: now)
    try write { transaction throws(StorageError) in _ = try transaction.enqueue(order) }
  }

  /// Enqueues an order, and claims its create call.
  func send(_ id: String) throws -> OrderStep {
    let (order, now) = (try Self.order(id, at: now), now)
    let steps = try write { transaction throws(StorageError) in
      _ = try transaction.enqueue(order)
      return try transaction.claimOrderSteps(at: now, creates: 9, cancels: 0, finds: 0, lease: 1000)
    }
    return try #require(steps.first { $0.job.id == id })
  }

  /// Enqueues an order whose create call had no answer.
  ///
  /// - Parameters:
  ///   - sentAt: when the call was made.
  ///   - conclusive: from when on its absence is conclusive.
  func lose(_ id: String, sentAt: Timestamp, conclusiveAt conclusive: Timestamp) throws {
    let order = try Self.order(id, at: sentAt)
    try write { transaction throws(StorageError) in
      _ = try transaction.enqueue(order)
      for step in try transaction.claimOrderSteps(at: sentAt, creates: 1, cancels: 0, finds: 0, lease: 1000) {
        try transaction.noteUnanswered(step.order, nextSearch: sentAt, absenceConclusive: conclusive)
      }
    }
  }

  /// Records a delivery of a prediction that no order has created.
  func deliver(_ prediction: String, _ status: String, _ phase: Phase, at moment: Timestamp) throws {
    let delivery = Delivery(
      webhookID: "\(prediction) \(status)", receivedAt: moment,
      snapshot: Snapshot(
        predictionID: prediction, providerStatus: status, phase: phase,
        evidence: Evidence(logsSize: 0, outputSize: 0, digest: .repeating(1))), body: [])
    try write { transaction throws(StorageError) in _ = try transaction.record(delivery) }
  }

  func job(_ id: String) throws -> JobRecord? { try reader().job(id) }

  func stage(_ id: String) throws -> OrderStage? { try job(id)?.order?.stage }

  /// Moves the next calls of all orders.
  func setDue(_ kind: WorkKind, to moment: Int64) throws {
    try execute("UPDATE work SET due_at = \(moment) WHERE kind = '\(kind.rawValue)'")
  }

  /// Moves the next checks of open jobs, or of one prediction's.
  func setChecksDue(to moment: Int64, ofPrediction id: String? = nil) throws {
    let jobs = "SELECT number FROM jobs \(id.map { "WHERE prediction_id = '\($0)'" } ?? "")"
    try execute(
      """
      UPDATE work SET due_at = \(moment) WHERE kind = 'poll' AND job IN (\(jobs));
      UPDATE jobs SET due_at = \(moment) WHERE number IN (\(jobs))
      """)
  }
}

extension SchedulerPolicy {
  static var test: SchedulerPolicy {
    SchedulerPolicy(createsPerMinute: 600, retentionMilliseconds: 86_400_000, fetchesSecret: false)
  }
}

/// A value that the test's thread alone uses, through the loop that it drives.
struct Confined<Value>: @unchecked Sendable {
  let value: Value

  init(_ value: Value) {
    self.value = value
  }
}

/// Records log messages.
private struct Lines: LogHandler {
  let text = Text()
  var logLevel = Logger.Level.info
  var metadata: Logger.Metadata = [:]

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    text.storage.withLock { $0 += "\(event.message)\n" }
  }

  final class Text: Sendable {
    let storage = Mutex("")
  }
}
