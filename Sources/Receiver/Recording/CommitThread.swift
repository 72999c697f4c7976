internal import EventLoop

/// Where the writer runs: a thread of its own, so that a slow disk never stops a loop.
struct CommitThread {
  let queue: CommitQueue
  let committer: Committer

  /// Returns when the queue is closed and everything that it took is stored.
  func run() {
    while let submissions = queue.submissions.popAll(patience: committer.patience) {
      committer.process(submissions)
    }
    committer.finish()
  }
}
