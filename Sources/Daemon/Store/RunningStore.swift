internal import ChangeFeed
internal import Crypto
internal import GroupCommit
internal import JobsAPI
internal import Ledger
internal import StoreSeam
internal import Logging
internal import Observability
internal import Replicate
internal import System

/// The open store: the queue of its writes, and the threads that commit.
struct RunningStore {
  let queue: CommitQueue
  /// The key of job tokens, which the database holds.
  let token: JobToken
  /// The keys of the capabilities.
  let keys: StoredKeys
  let engine: any StoreEngine
  /// Of each writer.
  let progress: [CommitProgress]
  private let writers: [Thread]
  private let others: [Thread]

  /// Opens the store of `engine`, and starts the threads.
  ///
  /// - Parameters:
  ///   - feed: receives what each commit has changed.
  ///   - migrating: receives the name of each migration before it runs.
  init(
    of engine: any StoreEngine, for settings: DaemonSettings, queue: CommitQueue,
    feed: ChangeFeed = ChangeFeed(), metrics: CommitMetrics, logger: Logger,
    migrating: @Sendable (_ migration: String) -> Void = { _ in }
  ) throws(StartError) {
    self.queue = queue
    self.engine = engine
    let owner = Ledger.newOwner()
    @Sendable func openLedger(
      progress: @Sendable (_ migration: String) -> Void
    ) throws -> sending Ledger {
      Ledger(of: try engine.openStore(progress: progress), for: settings, owner: owner)
    }
    let progress = (0..<engine.writerCount).map { _ in CommitProgress() }
    self.progress = progress
    @Sendable func write(with ledger: sending Ledger, _ progress: CommitProgress) throws -> Thread {
      try Thread(named: "writer") {
        Committer(ledger: ledger, queue: queue, metrics: metrics, logger: logger, progress: progress) {
          changes in
          feed.publish(changes)
          engine.noteCommitted(changes)
        } didAnnounce: {
          feed.announce()
        }.run()
      }
    }
    (token, keys, writers, others) = try StartError.converting {
      let first = try openLedger(progress: migrating)
      let (token, keys): (JobToken, StoredKeys)
      do throws(StorageError) {
        (token, keys) = (try JobToken(storedBy: first), try StoredKeys(storedBy: first))
      } catch {
        throw engine.startError(of: error)
      }
      let others = try engine.startThreads(publishingTo: feed)
      var writers = [try write(with: first, progress[0])]
      for progress in progress.dropFirst() {
        writers.append(try write(with: try openLedger { _ in }, progress))
      }
      return (token, keys, writers, others)
    }
  }

  /// Commits what is queued, and ends the threads.
  func stop() {
    queue.close()
    engine.abandonWaits()
    for writer in writers { writer.join() }
    engine.close()
    for thread in others { thread.join() }
  }
}
