internal import EventLoop
internal import Synchronization
internal import System

/// The submissions of all threads that wait for the next group commit.
package final class CommitQueue: Sendable {
  /// Submissions that may wait. A full queue means that the disk has stopped; senders retry for about a
  /// minute.
  static let capacity = 4096

  let submissions = BlockingQueue<Entry>(capacity: CommitQueue.capacity)
  /// Whether writing has failed and not worked since: see ``WriteProbe``.
  let isFailing = Atomic(false)

  package init() {}

  enum Entry: Sendable {
    case command(any Submission)
    case probe(LoopContinuation<Bool>)
  }

  /// Accepts no more submissions. Accepted ones are still committed.
  package func close() {
    submissions.close()
  }
}

/// A task of a loop that waits for a group commit.
struct LoopContinuation<Value: Sendable>: Sendable {
  let loop: EventLoop
  let continuation: UnsafeContinuation<Value, Never>
}
