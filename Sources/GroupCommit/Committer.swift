internal import EventLoop
package import Ledger
package import StoreSeam
package import Logging
internal import Observability
internal import Synchronization
internal import System
internal import Time

/// The ledger's only user: it makes the group commits.
///
/// A group commit is one transaction for all waiting submissions, and one sync. Then every submitter is
/// resumed. It is used by one thread at a time: the commit thread in ``run()``, or a simulation between two
/// turns of its loop.
package final class Committer {
  private let ledger: Ledger
  private let queue: CommitQueue
  private let metrics: CommitMetrics
  private let logger: Logger
  private let progress: CommitProgress
  private let didCommit: ([CommittedChange]) -> Void
  private let didAnnounce: () -> Void
  private var probeState = WriteProbe()
  private var failureLog: WriteFailureLog

  /// Submissions in one group commit. With more, the first ones wait longer than a sync takes.
  static let maxBatchSize = 512
  /// Bodies in one group commit, in bytes: the store holds them in memory.
  static let maxBatchBytes = 16 << 20

  /// - Parameters:
  ///   - progress: shows that the thread moves.
  ///   - didCommit: receives what each commit has changed, before its submitters are resumed.
  ///   - didAnnounce: called after a commit with events that may come without a change of a job.
  package init(
    ledger: Ledger, queue: CommitQueue, metrics: CommitMetrics, logger: Logger,
    progress: CommitProgress = CommitProgress(),
    didCommit: @escaping ([CommittedChange]) -> Void = { _ in }, didAnnounce: @escaping () -> Void = {}
  ) {
    self.ledger = ledger
    self.queue = queue
    self.metrics = metrics
    self.logger = logger
    self.progress = progress
    self.didCommit = didCommit
    self.didAnnounce = didAnnounce
    failureLog = WriteFailureLog(logger: logger)
  }

  /// Runs the commit thread.
  ///
  /// A slow disk blocks it instead of a loop. Returns when the queue is closed and all its submissions are
  /// committed.
  package func run() {
    while let submissions = queue.submissions.popAll(timeout: timeout) {
      progress.note(isBusy: true)
      process(submissions)
      progress.note(isBusy: false)
    }
    finish()
  }

  /// Maximum time between calls of ``process(_:)``; nil for no maximum.
  var timeout: Duration? { failureLog.timeToReport(at: MonotonicClock.now) }

  /// Commits `entries`. Returns when each has its result.
  func process(_ entries: [CommitQueue.Entry]) {
    failureLog.report(at: MonotonicClock.now)
    var commands: [any Submission] = []
    commands.reserveCapacity(entries.count)
    var probes: [LoopContinuation<Bool>] = []
    for entry in entries {
      switch entry {
      case .command(let command): commands.append(command)
      case .probe(let waiting): probes.append(waiting)
      }
    }
    var rest = commands[...]
    while !rest.isEmpty {
      let batch = rest.prefix(Self.batchSize(of: rest))
      rest = rest.dropFirst(commit(batch).count)
      progress.noteTurn()
      maintain()
      progress.noteTurn()
    }
    if !probes.isEmpty { resume(probes, isReady: probe()) }
  }

  private static func batchSize(of commands: ArraySlice<any Submission>) -> Int {
    var (count, bytes) = (0, 0)
    for command in commands.prefix(maxBatchSize) {
      bytes += command.bodySize ?? 0
      guard count == 0 || bytes <= maxBatchBytes else { break }
      count += 1
    }
    return count
  }

  /// Ends the store's work after the last submission.
  func finish() {
    failureLog.reportAll()
    do throws(StorageError) {
      try ledger.store.finish()
    } catch {
      logger.log(.finalCheckpointFailed(cause: "\(error)"))
    }
  }

  /// The commands of a batch that have their results, always the first ones.
  private struct Progress {
    var count: Int
    /// Why the whole store cannot write. Nil where it can.
    var failure: StorageError?
  }

  /// Commits `batch` together, or in halves where that fails: a rejected command fails no other.
  ///
  /// A command that sweeps many rows ends its batch.
  private func commit(_ batch: ArraySlice<any Submission>) -> Progress {
    do throws(StorageError) {
      let committed = try measured(batch)
      didCommit(committed.changes)
      if committed.hasAnnouncements { didAnnounce() }
      resume(batch.prefix(committed.count), nil)
      return Progress(count: committed.count)
    } catch {
      guard batch.count > 1, !error.concernsWholeStore else {
        resume(batch, .unavailable(error))
        return Progress(count: batch.count, failure: error.concernsWholeStore ? error : nil)
      }
      return commitHalves(of: batch)
    }
  }

  private func commitHalves(of batch: ArraySlice<any Submission>) -> Progress {
    let middle = batch.startIndex + batch.count / 2
    var progress = commit(batch[..<middle])
    // The rest was not tried, because a sweep ended its batch.
    guard progress.count == middle - batch.startIndex else { return progress }
    if let failure = progress.failure {
      // Each part of the rest would wait again, as for another process's lock.
      resume(batch[middle...], .unavailable(failure))
      return Progress(count: batch.count, failure: failure)
    }
    let second = commit(batch[middle...])
    progress.count += second.count
    progress.failure = second.failure
    return progress
  }

  private func measured(_ batch: ArraySlice<any Submission>) throws(StorageError) -> LedgerCommit {
    let room = room(for: batch)
    let start = MonotonicClock.now
    do throws(StorageError) {
      let committed = try ledger.commit(batch.map { $0 as any LedgerCommand }[...])
      metrics.duration.record(MonotonicClock.now - start)
      metrics.commits.add()
      metrics.submissions.add(committed.count)
      noteSuccess(room: room)
      return committed
    } catch {
      noteFailure(error, room: room)
      throw error
    }
  }

  private func room(for batch: ArraySlice<any Submission>) -> Int {
    var (deliveries, bytes) = (0, 0)
    for case let size? in batch.lazy.map(\.bodySize) {
      deliveries += 1
      bytes += size
    }
    return WriteProbe.room(deliveries: deliveries, bodyBytes: bytes)
  }

  private func probe() -> Bool {
    let room = probeState.missingRoom ?? 0
    do throws(StorageError) {
      try ledger.store.probe(room: room)
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

  private func noteFailure(_ error: StorageError, room: Int) {
    metrics.failures.add()
    probeState.noteFailure(error, room: room)
    queue.isFailing.store(true, ordering: .relaxed)
    failureLog.noteFailure("\(error)", at: MonotonicClock.now)
  }

  private func maintain() {
    do throws(StorageError) {
      try ledger.store.maintain()
    } catch {
      noteFailure(error, room: 0)
    }
  }
}

// MARK: - Resuming submitters

extension Committer {
  /// Posts one message to each loop.
  ///
  /// A wake-up costs more than its contents.
  private func resume(_ batch: ArraySlice<any Submission>, _ failure: RecordingFailure?) {
    var byLoop: [ObjectIdentifier: (loop: EventLoop, submissions: [any Submission])] = [:]
    for submission in batch {
      guard let loop = submission.loop else {
        submission.resume(failure)
        continue
      }
      byLoop[ObjectIdentifier(loop), default: (loop, [])].submissions.append(submission)
    }
    for (loop, submissions) in byLoop.values {
      loop.post {
        for submission in submissions { submission.resume(failure) }
      }
    }
  }

  private func resume(_ probes: [LoopContinuation<Bool>], isReady: Bool) {
    for waiting in probes {
      waiting.loop.post { waiting.continuation.resume(returning: isReady) }
    }
  }
}
