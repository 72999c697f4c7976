internal import EventLoop
internal import Jobs
package import Logging
internal import Observability
package import Store
internal import Synchronization
internal import System
internal import Time

/// The store's only writer: it makes the group commits.
///
/// A group commit is one transaction for all waiting submissions, and one sync. Then every submitter is
/// resumed. It is used by one thread at a time: the commit thread in ``run()``, or a simulation between two
/// turns of its loop.
package final class Committer {
  private let writer: StoreWriter
  private let queue: CommitQueue
  private let checkpointer: Checkpointer
  private let metrics: CommitMetrics
  private let logger: Logger
  private let maxWALPages: Int
  private var probeState = WriteProbe()
  private var failureLog: WriteFailureLog

  /// Deliveries in one group commit. With more, the first ones wait longer than a sync takes.
  private static let maxBatchSize = 512

  /// Pages in the WAL from which the writer makes the checkpoint itself: 256 MiB.
  ///
  /// Everybody waits meanwhile. Where the checkpointer falls behind, the WAL would otherwise fill the disk.
  static let maxWALPages = 16 * Checkpointer.checkpointThresholdPages

  /// The WAL's size at the last request of a checkpoint. The next one is due after as much growth again.
  private var pagesAtLastCheckpoint = 0

  private typealias Submitted = (delivery: Delivery, waiting: LoopContinuation<Recorder.Outcome>)

  package init(
    writer: StoreWriter, queue: CommitQueue, checkpointer: Checkpointer, metrics: CommitMetrics,
    logger: Logger, maxWALPages: Int = Committer.maxWALPages
  ) {
    self.maxWALPages = maxWALPages
    self.writer = writer
    self.queue = queue
    self.checkpointer = checkpointer
    self.metrics = metrics
    self.logger = logger
    failureLog = WriteFailureLog(logger: logger)
  }

  /// Runs the commit thread.
  ///
  /// A slow disk blocks it instead of a loop. Returns when the queue is closed and all its submissions are
  /// committed.
  package func run() {
    while let submissions = queue.submissions.popAll(timeout: timeout) { process(submissions) }
    finish()
  }

  /// Maximum time between calls of ``process(_:)``; nil for no maximum.
  var timeout: Duration? { failureLog.timeToReport(at: MonotonicClock.now) }

  /// Commits `submissions`. Returns when each has its result.
  func process(_ submissions: [CommitQueue.Submission]) {
    failureLog.report(at: MonotonicClock.now)
    var deliveries: [Submitted] = []
    var writes: [StoreWrite] = []
    var probes: [LoopContinuation<Bool>] = []
    for submission in submissions {
      switch submission {
      case .delivery(let delivery, let waiting): deliveries.append((delivery, waiting))
      case .write(let write): writes.append(write)
      case .probe(let waiting): probes.append(waiting)
      }
    }
    for start in stride(from: 0, to: deliveries.count, by: Self.maxBatchSize) {
      let batch = Array(deliveries[start..<min(start + Self.maxBatchSize, deliveries.count)])
      resume(batch, with: record(batch))
      checkpointIfNeeded()
    }
    if !writes.isEmpty {
      perform(writes)
      checkpointIfNeeded()
    }
    if !probes.isEmpty { resume(probes, isReady: probe()) }
  }

  /// Checkpoints and truncates the WAL after the last submission.
  func finish() {
    failureLog.reportAll()
    do throws(StoreError) {
      try checkpointer.withCheckpointLock { () throws(StoreError) in try writer.checkpointAndTruncate() }
    } catch {
      logger.log(.finalCheckpointFailed(cause: error))
    }
  }

  private func record(_ batch: [Submitted]) -> [Recorder.Outcome] {
    do throws(StoreError) {
      return try commit(batch.map(\.delivery)).map { .success($0) }
    } catch {
      guard batch.count > 1, !error.concernsWholeStore else {
        return batch.map { _ in .failure(.unavailable(error)) }
      }
      return recordEach(of: batch)
    }
  }

  /// Commits each delivery by itself: a rejected one fails no other.
  private func recordEach(of batch: [Submitted]) -> [Recorder.Outcome] {
    var outcomes: [Recorder.Outcome] = []
    while outcomes.count < batch.count {
      do throws(StoreError) {
        outcomes += try commit([batch[outcomes.count].delivery]).map { .success($0) }
      } catch {
        // A failure of the whole store, such as another process's lock, would make each of the rest wait
        // again.
        let failed = error.concernsWholeStore ? batch.count - outcomes.count : 1
        outcomes += Array(repeating: .failure(.unavailable(error)), count: failed)
      }
    }
    return outcomes
  }

  /// Commits all writes together, or each by itself where that fails.
  private func perform(_ writes: [StoreWrite]) {
    do throws(StoreError) {
      let reports = try commit(writes)
      for report in reports { report() }
    } catch {
      guard writes.count > 1, !error.concernsWholeStore else {
        for write in writes { write.fail(.unavailable(error)) }
        return
      }
      for write in writes { perform([write]) }
    }
  }

  private func commit(_ writes: [StoreWrite]) throws(StoreError) -> [@Sendable () -> Void] {
    try measured(room: 0) { () throws(StoreError) in
      try writer.commit { (transaction) throws(StoreError) in
        var reports: [@Sendable () -> Void] = []
        for write in writes { reports.append(try write.perform(transaction)) }
        return reports
      }
    }
  }

  private func commit(_ deliveries: [Delivery]) throws(StoreError) -> [Recording] {
    let room = WriteProbe.room(
      deliveries: deliveries.count, bodyBytes: deliveries.reduce(0) { $0 + $1.body.count })
    return try measured(room: room) { () throws(StoreError) in try writer.commit(deliveries) }
  }

  private func measured<Result>(
    room: Int, _ commit: () throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    let start = MonotonicClock.now
    do throws(StoreError) {
      let result = try commit()
      metrics.duration.record(MonotonicClock.now - start)
      metrics.commits.add()
      noteSuccess(room: room)
      return result
    } catch {
      noteFailure(error, room: room)
      throw error
    }
  }

  private func probe() -> Bool {
    let room = probeState.missingRoom ?? 0
    do throws(StoreError) {
      try writer.probe(room: room)
      noteSuccess(room: room)
      return true
    } catch {
      noteFailure(error, room: room)
      return false
    }
  }

  private func noteSuccess(room: Int) {
    guard probeState.noteSuccess(room: room) else { return }
    queue.isFailing.store(false, ordering: .relaxed)
    failureLog.noteRecovery(at: MonotonicClock.now)
  }

  private func noteFailure(_ error: StoreError, room: Int) {
    metrics.failures.add()
    probeState.noteFailure(error, room: room)
    queue.isFailing.store(true, ordering: .relaxed)
    failureLog.noteFailure("\(error)", at: MonotonicClock.now)
  }

  /// Requests or makes a checkpoint if one is due. Called between group commits.
  private func checkpointIfNeeded() {
    let pages = writer.walPages
    metrics.walSize.set(writer.walBytes)
    checkpointer.noteWAL(pages: pages)
    // The WAL was reset.
    if pages < pagesAtLastCheckpoint { pagesAtLastCheckpoint = 0 }
    let shouldFinish = checkpointer.consumeFinishRequest()
    guard shouldFinish || pages - pagesAtLastCheckpoint >= Checkpointer.checkpointThresholdPages else {
      return
    }
    pagesAtLastCheckpoint = pages
    guard shouldFinish || pages >= maxWALPages else { return checkpointer.request() }
    do throws(StoreError) {
      _ = try checkpointer.withCheckpointLock { () throws(StoreError) in try writer.checkpoint() }
      metrics.checkpoints.add()
    } catch {
      noteFailure(error, room: 0)
    }
  }
}

// MARK: - Resuming submitters

extension Committer {
  private typealias Outcome = (waiting: LoopContinuation<Recorder.Outcome>, outcome: Recorder.Outcome)

  /// Posts one message to each loop.
  ///
  /// A wake-up costs more than its contents.
  private func resume(_ batch: [Submitted], with outcomes: [Recorder.Outcome]) {
    // A sender without an answer would wait for ever.
    precondition(outcomes.count == batch.count, "a delivery has no outcome")
    var byLoop: [ObjectIdentifier: (loop: EventLoop, results: [Outcome])] = [:]
    for (submitted, outcome) in zip(batch, outcomes) {
      let loop = submitted.waiting.loop
      byLoop[ObjectIdentifier(loop), default: (loop, [])].results.append((submitted.waiting, outcome))
    }
    for (loop, results) in byLoop.values {
      loop.post {
        for (waiting, outcome) in results { waiting.continuation.resume(returning: outcome) }
      }
    }
  }

  private func resume(_ probes: [LoopContinuation<Bool>], isReady: Bool) {
    for waiting in probes {
      waiting.loop.post { waiting.continuation.resume(returning: isReady) }
    }
  }
}
