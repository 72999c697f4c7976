internal import Synchronization
internal import System

/// Receives what checkpoints do, for metrics and logs.
package struct CheckpointObserver: Sendable {
  package let walSize: @Sendable (_ bytes: Int) -> Void
  package let succeeded: @Sendable () -> Void
  let failed: @Sendable (DatabaseError) -> Void

  /// - Parameters:
  ///   - walSize: receives the size of the WAL after each commit.
  ///   - succeeded: called after each checkpoint.
  ///   - failed: receives the error of a checkpoint on the checkpointer's thread.
  package init(
    walSize: @escaping @Sendable (_ bytes: Int) -> Void = { _ in },
    succeeded: @escaping @Sendable () -> Void = {},
    failed: @escaping @Sendable (DatabaseError) -> Void = { _ in }
  ) {
    self.walSize = walSize
    self.succeeded = succeeded
    self.failed = failed
  }
}

/// Background checkpoints of the WAL, on a thread of their own.
///
/// No group commit waits for them. SQLite resets the WAL only after a checkpoint of all its frames. While a
/// busy writer appends, another thread never quite gets there. This one therefore repeats until few new
/// frames are left, and the writer finishes with those.
package final class Checkpointer: Sendable {
  /// Pages in the WAL that are worth a checkpoint: 16 MiB.
  ///
  /// A checkpoint takes two syncs.
  /// Pages of indexes change again with nearly every commit: the longer the WAL, the fewer of them are
  /// written for each delivery.
  package static let checkpointThresholdPages = 4096

  /// Pages that the writer may checkpoint between two commits: 2 MiB.
  private static let maxInlineCheckpointPages = 512

  /// Passes of one checkpoint. A writer that is faster than this thread gains nothing from more.
  private static let maxPasses = 6

  /// Pages in the WAL from which checkpoints are no longer throttled: 48 MiB.
  package static let urgentPages = 3 * checkpointThresholdPages

  private let requests = BlockingQueue<Void>(capacity: 1)
  private let shouldWriterFinish = Atomic(false)
  /// Held during a checkpoint: SQLite rejects a second one meanwhile.
  private let checkpointLock = Lock(())
  private let isUrgent = Atomic(false)
  private let isClosed = Atomic(false)

  package let observer: CheckpointObserver

  package init(observer: CheckpointObserver = CheckpointObserver()) { self.observer = observer }

  /// Requests a checkpoint; requests are coalesced.
  package func request() {
    _ = requests.push(())
  }

  /// Whether the writer should finish the checkpoint. True once for each request.
  package func consumeFinishRequest() -> Bool {
    shouldWriterFinish.exchange(false, ordering: .relaxed)
  }

  /// Runs `body`, a checkpoint, after any other checkpoint has ended.
  package func withCheckpointLock<Result>(
    _ body: () throws(DatabaseError) -> Result
  ) throws(DatabaseError) -> Result {
    try checkpointLock.withLock(body)
  }

  /// Sleeps between pages, which leaves processor and disk to group commits.
  package func throttle() {
    guard mayThrottle else { return }
    Thread.sleep(for: .microseconds(500))
  }

  package var mayThrottle: Bool { !isUrgent.load(ordering: .relaxed) && !isClosed.load(ordering: .relaxed) }

  /// Notes the size of the WAL. Called after each commit.
  package func noteWAL(pages: Int) {
    isUrgent.store(pages >= Self.urgentPages, ordering: .relaxed)
  }

  package func close() {
    isClosed.store(true, ordering: .relaxed)
    requests.close()
  }

  /// Returns when the checkpointer is closed.
  package func run(_ store: DatabaseCheckpointer) {
    while requests.popAll() != nil {
      do throws(DatabaseError) {
        try checkpoint(store)
        observer.succeeded()
      } catch {
        observer.failed(error)
      }
    }
  }

  private func checkpoint(_ store: DatabaseCheckpointer) throws(DatabaseError) {
    var last = try withCheckpointLock { () throws(DatabaseError) in try store.checkpoint() }
    for _ in 0..<Self.maxPasses {
      // Synced here, because otherwise the writer's next checkpoint would wait for the disk.
      try store.syncDatabase()
      let next = try withCheckpointLock { () throws(DatabaseError) in try store.checkpoint() }
      let growth = next.walPages - last.walPages
      // Either the WAL has not grown, or a reader pins the remaining frames.
      guard growth > 0, next.pendingPages == 0 else { return }
      guard growth > Self.maxInlineCheckpointPages else {
        return shouldWriterFinish.store(true, ordering: .relaxed)
      }
      last = next
    }
  }
}
