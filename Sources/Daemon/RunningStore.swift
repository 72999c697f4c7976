internal import GroupCommit
internal import Logging
internal import Observability
internal import Replicate
internal import SQLite
internal import Store
internal import System

/// The open store: the queue of its writes, and the threads that commit and checkpoint.
struct RunningStore {
  let queue: CommitQueue
  /// The key of job tokens, which the database holds.
  let token: JobToken
  private let checkpointer = Checkpointer()
  private let threads: [Thread]

  /// Claims and opens the database that the settings name, and starts the threads.
  init(
    for settings: DaemonSettings, queue: CommitQueue, metrics: CommitMetrics, logger: Logger
  ) throws(StartError) {
    self.queue = queue
    let path = settings.database.path
    (token, threads) = try StartError.converting { [checkpointer] in
      var lock = try DatabaseLock(claiming: path)
      let writer = try StoreWriter(for: settings)
      try lock.claimWAL()
      let connection = try DatabaseCheckpointer(path: path) { checkpointer.throttle() }
      let token = try JobToken(storedBy: writer)
      let threads = [
        try Thread(named: "writer") {
          Committer(
            writer: writer, queue: queue, checkpointer: checkpointer, metrics: metrics, logger: logger
          ).run()
        },
        try Thread(named: "checkpoint") {
          checkpointer.run(connection, metrics: metrics, logger: logger)
        },
      ]
      return (token, threads)
    }
  }

  /// Commits what is queued, and ends the threads.
  func stop() {
    queue.close()
    checkpointer.close()
    for thread in threads { thread.join() }
  }
}
