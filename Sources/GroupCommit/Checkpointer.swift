internal import EventLoop
package import Logging
package import Observability
package import Store
internal import Synchronization
internal import System

/// Moves the write-ahead log into the database, on a thread of its own, so that no acknowledgement waits for it.
///
/// SQLite begins the log anew only when all of it was moved, and beside a busy writer another thread never quite gets there.
/// So this one follows the log until little has come meanwhile, and leaves that to the writer.
package final class Checkpointer: Sendable {
  /// Pages in the log from which moving them is worth two syncs: 16 MiB. Pages of indexes change again with nearly every
  /// commit: the longer the log, the fewer of them are moved for each delivery.
  static let checkpointThresholdPages = 4096

  /// So little the writer can move between two commits without keeping anybody waiting: 2 MiB.
  private static let maxInlineCheckpointPages = 512

  /// Against a writer that is faster than this thread it is no use to go on.
  private static let maxPasses = 6

  /// Pages in the log from which it no longer rests: 48 MiB.
  static let urgentPages = 3 * checkpointThresholdPages

  private let requests = BlockingQueue<Void>(capacity: 1)
  private let shouldWriterFinish = Atomic(false)
  /// Held while pages are moved: SQLite turns away whoever else wants to do it then.
  private let moving = Lock(())
  private let isUrgent = Atomic(false)
  private let isClosed = Atomic(false)

  package init() {}

  /// Asks for a checkpoint; one that is due already is enough.
  func request() {
    _ = requests.push(())
  }

  /// Whether there is little left for the writer to move. True once each time.
  func consumeFinishRequest() -> Bool {
    shouldWriterFinish.exchange(false, ordering: .relaxed)
  }

  /// Runs `body`, which moves pages, when nobody else moves any: waits for that if need be.
  func withCheckpointLock<Result>(_ body: () throws(StoreError) -> Result) throws(StoreError) -> Result {
    try moving.withLock(body)
  }

  /// What it does between pages, so that those whom senders wait for find a processor and the disk.
  package func throttle() {
    guard mayThrottle else { return }
    Thread.sleep(for: .microseconds(500))
  }

  var mayThrottle: Bool { !isUrgent.load(ordering: .relaxed) && !isClosed.load(ordering: .relaxed) }

  /// To be told after each commit: how many pages the log has.
  func noteWAL(pages: Int) {
    isUrgent.store(pages >= Self.urgentPages, ordering: .relaxed)
  }

  package func close() {
    isClosed.store(true, ordering: .relaxed)
    requests.close()
  }

  /// Returns when the checkpointer is closed.
  package func run(_ store: StoreCheckpointer, metrics: Metrics, logger: Logger) {
    while requests.popAll() != nil {
      do throws(StoreError) {
        try follow(store)
        metrics.checkpoints.add()
      } catch {
        logger.warning("a checkpoint failed and will be tried again", metadata: ["cause": "\(error)"])
      }
    }
  }

  private func follow(_ store: StoreCheckpointer) throws(StoreError) {
    var last = try withCheckpointLock { () throws(StoreError) in try store.checkpoint() }
    for _ in 0..<Self.maxPasses {
      // Now, and not when the writer waits for it.
      try store.syncDatabase()
      let next = try withCheckpointLock { () throws(StoreError) in try store.checkpoint() }
      let growth = next.walPages - last.walPages
      // Nothing has come, or a reader needs what is left.
      guard growth > 0, next.pendingPages == 0 else { return }
      guard growth > Self.maxInlineCheckpointPages else {
        return shouldWriterFinish.store(true, ordering: .relaxed)
      }
      last = next
    }
  }
}
