internal import EventLoop
internal import GroupCommit
internal import JobsAPI
internal import Ledger
internal import Logging
internal import Observability
internal import StoreSeam
internal import Tables
internal import Time
internal import WorkflowRecords
internal import WorkflowRules

/// Stops workflows at their deadlines, deletes them, and checks those that are open at start.
///
/// All else happens in the transactions that record the ends of jobs.
actor WorkflowKeeper: Service {
  private nonisolated let loop: EventLoop
  private let timer: WakeableTimer
  private let recorder: Recorder
  private let reader: any StoreReader
  private let runtime: WorkflowRuntime
  private let logger: Logger
  private var pruneDueAt: MonotonicTime
  private var isChecked = false

  nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  private static let pageSize = 50
  /// In one transaction: there may be thousands, and each commit takes a sync.
  private static let checksAtOnce = 10
  private static let maxPause = Duration.seconds(15)
  /// While a deletion waits for jobs, and after a failure.
  private static let shortPause = Duration.seconds(1)
  private static let stepPause = Duration.milliseconds(20)
  private static let prunePause = Duration.seconds(3600)

  /// - Parameter reader: moves to the loop.
  init(
    loop: EventLoop, queue: CommitQueue, reader: sending any StoreReader, runtime: WorkflowRuntime,
    logger: Logger
  ) {
    self.loop = loop
    timer = WakeableTimer(loop: loop)
    recorder = Recorder(loop: loop, queue: queue)
    self.reader = reader
    self.runtime = runtime
    self.logger = logger
    // Not at once: the clock may be wrong at start.
    pruneDueAt = loop.kernel.monotonicTime + Self.prunePause
    runtime.begin(with: timer)
  }

  private var now: MonotonicTime { loop.kernel.monotonicTime }
  private var time: Timestamp { Timestamp(milliseconds: loop.kernel.wallTimeMilliseconds) }

  func run() async {
    await withTaskCancellationHandler {
      while !Task.isCancelled {
        let pause: Duration
        do throws(StorageError) {
          pause = try await runDueWork()
        } catch {
          // The commit thread has logged the cause, or the reader will.
          pause = Self.shortPause
        }
        await timer.sleep(until: now + pause)
      }
    } onCancel: {
      timer.wake()
    }
  }

  /// - Returns: the time until something is due.
  private func runDueWork() async throws(StorageError) -> Duration {
    if !isChecked {
      try await checkOpenWorkflows()
      isChecked = true
    }
    var pause = min(Self.maxPause, try await passDeadlines())
    if try await eraseWorkflows() { pause = min(pause, Self.shortPause) }
    if pruneDueAt <= now { try await pruneWorkflows() }
    return min(pause, max(.zero, pruneDueAt - now))
  }

  /// - Returns: nil where the store rejects this work alone, such as for a damaged row: the commit thread has
  ///   logged it, and it keeps no other workflow waiting.
  private func writeApart<Value: Sendable>(
    _ work: @escaping @Sendable (LedgerTransaction) throws(StorageError) -> Value
  ) async throws(StorageError) -> Value? {
    do throws(StorageError) {
      return try await write(work)
    } catch {
      guard !error.concernsWholeStore else { throw error }
      return nil
    }
  }

  private func write<Value: Sendable>(
    _ work: @escaping @Sendable (LedgerTransaction) throws(StorageError) -> Value
  ) async throws(StorageError) -> Value {
    do throws(RecordingFailure) {
      return try await recorder.write(work).get()
    } catch {
      throw error.storageError
    }
  }
}

// MARK: - Deadlines

extension WorkflowKeeper {
  private func passDeadlines() async throws(StorageError) -> Duration {
    var query = TableQuery(WorkflowTable.declaration, limit: Self.pageSize)
    query.index = WorkflowTable.byDeadline
    query.prefix = [.integer(1)]
    while true {
      let time = time
      let open = try await reader.rows(query).compactMap { StoredWorkflow($0)?.run }
      // One that was stopped stays open until its jobs have ended, and keeps its deadline.
      let due = open.filter { $0.deadlineAt <= time && $0.stop == nil }
      for run in due {
        let (id, context) = (run.id, runtime.context)
        _ = try await writeApart { transaction throws(StorageError) in
          try transaction.noteDeadline(ofWorkflow: id, at: time, context)
        }
      }
      guard let last = open.last, open.count == Self.pageSize, last.deadlineAt <= time else {
        let next = open.first { time < $0.deadlineAt }?.deadlineAt
        return next.map { .milliseconds(min($0.milliseconds - time.milliseconds, 86_400_000)) }
          ?? Self.maxPause
      }
      query.after = [.integer(last.deadlineAt.milliseconds), .text(last.id)]
    }
  }
}

// MARK: - Removal

extension WorkflowKeeper {
  /// - Returns: whether some wait for their jobs.
  private func eraseWorkflows() async throws(StorageError) -> Bool {
    var query = TableQuery(WorkflowErasureTable.declaration, limit: Self.pageSize)
    var isWaiting = false
    while true {
      let ids = try await reader.rows(query).compactMap { $0.text("workflow") }
      for id in ids {
        let context = runtime.context
        let removal = try await remove(id) { [runtime] (transaction, jobs, time) throws(StorageError) in
          try transaction.eraseWorkflow(
            id, jobs: jobs, tombstoneUntil: time.advanced(byMilliseconds: runtime.replayTime), at: time,
            context)
        }
        if removal != .done { isWaiting = true }
      }
      // Those that wait for their jobs keep no others waiting.
      guard let last = ids.last, ids.count == Self.pageSize else { return isWaiting }
      query.after = [.text(last)]
    }
  }

  private func pruneWorkflows() async throws(StorageError) {
    pruneDueAt = now + Self.prunePause
    let start = time
    let limit = start.advanced(byMilliseconds: -runtime.retention)
    let replayLimit = start.advanced(byMilliseconds: -runtime.replayTime)
    var query = TableQuery(WorkflowTable.declaration, limit: Self.pageSize)
    query.index = WorkflowTable.byEnd
    query.prefix = [.integer(0)]
    query.bounds = 0...max(0, limit.milliseconds)
    var count = 0
    while true {
      let ended = try await reader.rows(query).compactMap { StoredWorkflow($0)?.run }
      for run in ended {
        let removal = try await remove(run.id) { (transaction, jobs, time) throws(StorageError) in
          try transaction.pruneWorkflow(
            run.id, jobs: jobs, endedBefore: limit, deliveredBefore: replayLimit, at: time)
        }
        if removal == .done { count += 1 }
      }
      guard let last = ended.last, ended.count == Self.pageSize else { break }
      query.after = [.integer(last.endedAt?.milliseconds ?? 0), .text(last.id)]
    }
    if count > 0 { logger.log(.workflowsPruned(count: count)) }
  }

  /// Deletes the jobs of a workflow in short transactions, and then its own rows.
  private func remove(
    _ id: String,
    by step:
      @escaping @Sendable (LedgerTransaction, [String], Timestamp) throws(StorageError)
      -> WorkflowRemoval
  ) async throws(StorageError) -> WorkflowRemoval {
    while true {
      let jobs = try await reader.jobs(ofWorkflow: id, limit: WorkflowRoutes.batchSize)
      let time = time
      let removal = try await writeApart { transaction throws(StorageError) in
        try step(transaction, jobs, time)
      }
      guard let removal else { return .waiting }
      guard removal == .more, await loop.pause(for: Self.stepPause) else { return removal }
    }
  }
}

// MARK: - Check

extension WorkflowKeeper {
  /// Lets open workflows follow ends that were recorded while the capability was not there.
  private func checkOpenWorkflows() async throws(StorageError) {
    var query = TableQuery(WorkflowTable.declaration, limit: Self.pageSize)
    query.index = WorkflowTable.byDeadline
    query.prefix = [.integer(1)]
    while true {
      let open = try await reader.rows(query).compactMap { StoredWorkflow($0)?.run }
      for first in stride(from: 0, to: open.count, by: Self.checksAtOnce) {
        // Sorted, as the reaction locks them: see there.
        let ids = open[first..<min(first + Self.checksAtOnce, open.count)].map(\.id).sorted()
        try await check(ids)
      }
      guard let last = open.last, open.count == Self.pageSize else { return }
      query.after = [.integer(last.deadlineAt.milliseconds), .text(last.id)]
    }
  }

  private func check(_ ids: [String]) async throws(StorageError) {
    let (time, context) = (time, runtime.context)
    let repaired = try await writeApart { transaction throws(StorageError) in
      var repaired: [String] = []
      for id in ids where try transaction.checkWorkflow(id, at: time, context) { repaired.append(id) }
      return repaired
    }
    if repaired == nil, ids.count > 1 {
      for id in ids { try await check([id]) }
    }
    for id in repaired ?? [] { logger.log(.workflowRepaired(id)) }
  }
}
