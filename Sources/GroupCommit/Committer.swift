internal import EventLoop
internal import Jobs
package import Logging
package import Observability
package import Store
internal import Synchronization
internal import System
internal import Time

/// The one writer: commits all that was submitted in one transaction, and wakes all who waited. Used by one thread at a
/// time: the one in ``run()``, or a simulation that commits between two turns of its loop.
package final class Committer {
  private let writer: StoreWriter
  private let queue: CommitQueue
  private let checkpointer: Checkpointer
  private let metrics: Metrics
  private let logger: Logger
  private let largestLog: Int
  private var health = WritingHealth()
  private var log: WritingLog

  /// Deliveries in one transaction: beyond this, those at the front wait longer than a sync costs.
  private static let batchLimit = 512

  /// Pages in the log (256 MiB) from which the writer moves them itself, though everybody waits meanwhile: where the
  /// checkpointer cannot follow, the log would grow until the disk is full.
  static let largestLog = 16 * Checkpointer.checkpointThresholdPages

  /// The log's size when the last checkpoint was asked for: the next is worthwhile when it has grown as much again.
  private var pagesAtLastCheckpoint = 0

  private typealias Submitted = (delivery: Delivery, waiting: Waiting<Recorder.Outcome>)

  package init(
    writer: StoreWriter, queue: CommitQueue, checkpointer: Checkpointer, metrics: Metrics, logger: Logger,
    largestLog: Int = Committer.largestLog
  ) {
    self.largestLog = largestLog
    self.writer = writer
    self.queue = queue
    self.checkpointer = checkpointer
    self.metrics = metrics
    self.logger = logger
    log = WritingLog(logger: logger)
  }

  /// The commit thread: a thread of its own, so that a slow disk never stops a loop. Returns when the queue is closed and
  /// everything that it took is stored.
  package func run() {
    while let submissions = queue.submissions.popAll(timeout: patience) { process(submissions) }
    finish()
  }

  /// How long ``process(_:)`` need not be called where nothing is submitted; nil: until something is.
  var patience: Duration? { log.patience(at: MonotonicClock.now) }

  /// Returns when everything is stored or refused, and answered.
  func process(_ submissions: [CommitQueue.Submission]) {
    log.tell(at: MonotonicClock.now)
    var deliveries: [Submitted] = []
    var works: [StoreWork] = []
    var probes: [Waiting<Bool>] = []
    for submission in submissions {
      switch submission {
      case .delivery(let delivery, let waiting): deliveries.append((delivery, waiting))
      case .work(let work): works.append(work)
      case .probe(let waiting): probes.append(waiting)
      }
    }
    for start in stride(from: 0, to: deliveries.count, by: Self.batchLimit) {
      let batch = Array(deliveries[start..<min(start + Self.batchLimit, deliveries.count)])
      answer(batch, with: store(batch))
      checkpointIfNeeded()
    }
    if !works.isEmpty {
      perform(works)
      checkpointIfNeeded()
    }
    if !probes.isEmpty { answer(probes, isReady: probe()) }
  }

  /// Leaves everything in the database and nothing in the log, once nothing more is submitted.
  func finish() {
    log.tellAll()
    do throws(StoreError) {
      try checkpointer.withCheckpointLock { () throws(StoreError) in try writer.checkpointAndTruncate() }
    } catch {
      logger.warning("the last checkpoint failed; nothing is lost", metadata: ["cause": "\(error)"])
    }
  }

  private func store(_ batch: [Submitted]) -> [Recorder.Outcome] {
    do throws(StoreError) {
      return try commit(batch.map(\.delivery)).map { .success($0) }
    } catch {
      guard batch.count > 1, !error.concernsWholeStore else {
        return batch.map { _ in .failure(.unavailable(error)) }
      }
      return storeEach(of: batch)
    }
  }

  /// One delivery that the store refuses must not fail its neighbours: each gets a transaction of its own.
  private func storeEach(of batch: [Submitted]) -> [Recorder.Outcome] {
    var outcomes: [Recorder.Outcome] = []
    while outcomes.count < batch.count {
      do throws(StoreError) {
        outcomes += try commit([batch[outcomes.count].delivery]).map { .success($0) }
      } catch {
        // What the whole store suffers from (a lock that another process keeps), each of the rest would wait for again.
        let failed = error.concernsWholeStore ? batch.count - outcomes.count : 1
        outcomes += Array(repeating: .failure(.unavailable(error)), count: failed)
      }
    }
    return outcomes
  }

  /// Like deliveries: all in one transaction, and each in one of its own where that fails.
  private func perform(_ works: [StoreWork]) {
    do throws(StoreError) {
      let answers = try commit(works)
      for answer in answers { answer() }
    } catch {
      guard works.count > 1, !error.concernsWholeStore else {
        for work in works { work.refuse(.unavailable(error)) }
        return
      }
      for work in works { perform([work]) }
    }
  }

  private func commit(_ works: [StoreWork]) throws(StoreError) -> [@Sendable () -> Void] {
    try measured(room: 0) { () throws(StoreError) in
      try writer.commit { (transaction) throws(StoreError) in
        var answers: [@Sendable () -> Void] = []
        for work in works { answers.append(try work.perform(transaction)) }
        return answers
      }
    }
  }

  private func commit(_ deliveries: [Delivery]) throws(StoreError) -> [Recording] {
    let room = WritingHealth.room(
      deliveries: deliveries.count, bodyBytes: deliveries.reduce(0) { $0 + $1.body.count })
    return try measured(room: room) { () throws(StoreError) in try writer.commit(deliveries) }
  }

  private func measured<Result>(
    room: Int, _ commit: () throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    let start = MonotonicClock.now
    do throws(StoreError) {
      let result = try commit()
      metrics.commitDuration.record(MonotonicClock.now - start)
      metrics.commits.add()
      noteSuccess(room: room)
      return result
    } catch {
      noteFailure(error, room: room)
      throw error
    }
  }

  private func probe() -> Bool {
    let room = health.missingRoom ?? 0
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
    guard health.noteSuccess(room: room) else { return }
    queue.isFailing.store(false, ordering: .relaxed)
    log.noteRecovery(at: MonotonicClock.now)
  }

  private func noteFailure(_ error: StoreError, room: Int) {
    metrics.commitFailures.add()
    health.noteFailure(error, room: room)
    queue.isFailing.store(true, ordering: .relaxed)
    log.noteFailure("\(error)", at: MonotonicClock.now)
  }

  /// Between two batches, when everybody has their answer.
  private func checkpointIfNeeded() {
    let pages = writer.walPages
    checkpointer.noteWAL(pages: pages)
    // The log began anew.
    if pages < pagesAtLastCheckpoint { pagesAtLastCheckpoint = 0 }
    let isRemainder = checkpointer.consumeFinishRequest()
    guard isRemainder || pages - pagesAtLastCheckpoint >= Checkpointer.checkpointThresholdPages else {
      return
    }
    pagesAtLastCheckpoint = pages
    guard isRemainder || pages >= largestLog else { return checkpointer.request() }
    do throws(StoreError) {
      _ = try checkpointer.withCheckpointLock { () throws(StoreError) in try writer.checkpoint() }
      metrics.checkpoints.add()
    } catch {
      noteFailure(error, room: 0)
    }
  }
}

// MARK: - Waking those who wait

extension Committer {
  /// One message a loop, however many wait there: a wake-up costs more than what it tells.
  private func answer(_ batch: [Submitted], with outcomes: [Recorder.Outcome]) {
    // A sender without an answer would wait for ever.
    precondition(outcomes.count == batch.count, "a delivery has no outcome")
    var byLoop:
      [ObjectIdentifier: (loop: EventLoop, answers: [(Waiting<Recorder.Outcome>, Recorder.Outcome)])] = [:]
    for (submitted, outcome) in zip(batch, outcomes) {
      let loop = submitted.waiting.loop
      byLoop[ObjectIdentifier(loop), default: (loop, [])].answers.append((submitted.waiting, outcome))
    }
    for (loop, answers) in byLoop.values {
      loop.post {
        for (waiting, outcome) in answers { waiting.continuation.resume(returning: outcome) }
      }
    }
  }

  private func answer(_ probes: [Waiting<Bool>], isReady: Bool) {
    for waiting in probes {
      waiting.loop.post { waiting.continuation.resume(returning: isReady) }
    }
  }
}
