internal import GroupCommit
internal import Jobs
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

  /// Claims and opens the database at `path`, and starts the threads.
  init(
    path: String, polling: PollPolicy, queue: CommitQueue, metrics: CommitMetrics, logger: Logger
  ) throws(StartError) {
    self.queue = queue
    (token, threads) = try StartError.converting { [checkpointer] in
      var lock = try DatabaseLock(claiming: path)
      let writer = try StoreWriter(
        path: path, polling: polling, validateOutput: RequestedOutput.validate, restore: ErasedData.restore)
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

extension JobToken {
  /// The token with the stored key; a new key is stored if there is none.
  fileprivate init(storedBy writer: StoreWriter) throws(StoreError) {
    let newKey = Self.makeKey()
    self.init(
      key: try writer.commit { (transaction) throws(StoreError) in
        try transaction.key(Self.keyName, orStore: newKey)
      })
  }
}
