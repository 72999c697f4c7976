internal import EventLoop
internal import Logging
internal import Store

/// Moves the write-ahead log into the database, on a thread of its own, so that no acknowledgement waits for it.
final class Checkpointer: Sendable {
  /// Pages in the log from which moving them is worth two syncs: 16 MiB. Pages of indexes change again with nearly every
  /// commit: the longer the log, the fewer of them are moved for each delivery.
  static let worthwhilePages = 4096

  private let requests = BlockingQueue<Void>(capacity: 1)

  /// Asks for a checkpoint; one that is due already is enough.
  func request() {
    _ = requests.push(())
  }

  func close() {
    requests.close()
  }

  /// Returns when the checkpointer is closed.
  func run(_ store: StoreCheckpointer, metrics: Metrics, logger: Logger) {
    while requests.popAll() != nil {
      do throws(StoreError) {
        _ = try store.checkpoint()
        metrics.checkpoints.add()
      } catch {
        logger.warning("a checkpoint failed and will be tried again", metadata: ["cause": "\(error)"])
      }
    }
  }
}
