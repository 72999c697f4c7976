internal import EventLoop
internal import Jobs
internal import Store
internal import Synchronization
internal import System

/// What waits for the one ``Committer``, from the recorders of all loops.
package final class CommitQueue: Sendable {
  /// Deliveries that may wait. A full queue means that the disk has stopped; senders try again for about a minute.
  private static let capacity = 4096

  let submissions = BlockingQueue<Submission>(capacity: CommitQueue.capacity)
  /// Writing has failed, and has not been seen to work again: see ``WritingHealth``.
  let isFailing = Atomic(false)

  package init() {}

  enum Submission: Sendable {
    case delivery(Delivery, Waiting<Recorder.Outcome>)
    case work(StoreWork)
    case probe(Waiting<Bool>)
  }

  /// Takes nothing more. What was taken is still stored.
  package func close() {
    submissions.close()
  }
}

/// A task of a loop that waits for the writer.
struct Waiting<Answer: Sendable>: Sendable {
  let loop: EventLoop
  let continuation: UnsafeContinuation<Answer, Never>
}
