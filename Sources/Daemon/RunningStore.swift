internal import ChangeFeed
internal import GroupCommit
internal import JobsAPI
internal import Ledger
internal import Logging
internal import Observability
internal import Replicate
internal import SQLite
internal import SQLiteStore
internal import System

/// The open store: the queue of its writes, and the threads that commit and checkpoint.
struct RunningStore {
  let queue: CommitQueue
  /// The key of job tokens, which the database holds.
  let token: JobToken
  /// The keys of the capabilities.
  let keys: StoredKeys
  private let checkpointer: Checkpointer
  private let threads: [Thread]

  /// Claims and opens the database that the settings name, and starts the threads.
  ///
  /// - Parameters:
  ///   - feed: receives what each commit has changed.
  ///   - progress: receives the name of each migration before it runs.
  init(
    for settings: DaemonSettings, queue: CommitQueue, feed: ChangeFeed = ChangeFeed(),
    metrics: CommitMetrics, logger: Logger,
    progress: @Sendable (_ migration: String) -> Void = { _ in }
  ) throws(StartError) {
    self.queue = queue
    let path = settings.database.path
    let checkpointer = Checkpointer(
      observer: CheckpointObserver(
        walSize: { metrics.walSize.set($0) }, succeeded: { metrics.checkpoints.add() },
        failed: { logger.log(.checkpointFailed(cause: "\($0)")) }))
    self.checkpointer = checkpointer
    (token, keys, threads) = try StartError.converting {
      var lock = try DatabaseLock(claiming: path)
      let store = try SQLiteStore(for: settings, checkpointer: checkpointer, progress: progress)
      try lock.claimWAL()
      let connection = try DatabaseCheckpointer(path: path) { checkpointer.throttle() }
      let ledger = Ledger(of: store, for: settings)
      let token = try JobToken(storedBy: ledger)
      let keys = try StoredKeys(storedBy: ledger)
      let threads = [
        try Thread(named: "writer") {
          Committer(
            ledger: ledger, queue: queue, metrics: metrics, logger: logger, didCommit: feed.publish
          ).run()
        },
        try Thread(named: "checkpoint") { checkpointer.run(connection) },
      ]
      return (token, keys, threads)
    }
  }

  /// Commits what is queued, and ends the threads.
  func stop() {
    queue.close()
    checkpointer.close()
    for thread in threads { thread.join() }
  }
}
