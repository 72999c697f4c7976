import EventLoop
@testable import GroupCommit
import Jobs
import Logging
@testable import Observability
@testable import Replicate
import Samples
@testable import Scheduler
import Scratch
import Store
@testable import System
import Testing
@testable import Time

/// A store with a running ``Committer``. Tests write to it and wait.
final class CommittingStore {
  private let database: TemporaryDatabase
  var path: String { database.path }
  let queue = CommitQueue()
  let metrics = SchedulerMetrics()
  let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
  private let writing: Thread

  /// - Parameter busyTimeout: how many milliseconds a commit waits for another's lock.
  init(busyTimeout: Int32 = 5000) throws {
    database = try TemporaryDatabase()
    let writer = try StoreWriter(
      path: database.path, busyTimeout: busyTimeout, validateOutput: RequestedOutput.validate,
      restore: ErasedData.restore
    )
    writing = try Thread(named: "writer") { [queue, logger] in
      let committer = Committer(
        writer: writer, queue: queue, checkpointer: Checkpointer(),
        metrics: CommitMetrics(queue: queue), logger: logger)
      committer.run()
    }
  }

  deinit {
    queue.close()
    writing.join()
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

  static func order(_ id: String, at now: Timestamp) throws -> Order {
    return Order(
      id: id, idempotencyKey: nil, digest: .repeating(1), request: Array("{}".utf8), model: nil,
      createdAt: now,
      timeout: nil, retries: 0)
  }
}
