package import Ledger
package import EventLoop
package import Jobs
internal import StoreSeam
internal import Synchronization
internal import System

/// Submits the writes of one loop's connections to the group commit. Used on its loop only.
///
/// The submissions of one turn are queued together at its end, so that they share a group commit. Otherwise
/// the writer would commit the first one alone, and the others would wait for that sync. A single submission
/// waits for nothing. Where there are many, a part is queued earlier, and the writer begins while the loop
/// goes on.
package final class Recorder {
  let loop: EventLoop
  private let queue: CommitQueue
  private var pending: [CommitQueue.Entry] = []

  /// Submissions that are worth a sync of their own.
  ///
  /// With 64 connections, one half is committed while the other half is decoded.
  private static let earlyBatchSize = 32

  /// The result of recording one delivery.
  package typealias Outcome = Result<Recording, RecordingFailure>

  package init(loop: EventLoop, queue: CommitQueue) {
    self.loop = loop
    self.queue = queue
  }

  /// Records `delivery`; returns when it is durably committed, or has failed.
  package func record(_ delivery: Delivery) async -> Outcome {
    await withUnsafeContinuation {
      submit(.command(DeliverySubmission(delivery, LoopContinuation(loop: loop, continuation: $0))))
    }
  }

  /// Whether a delivery could be recorded now.
  ///
  /// It costs nothing while writing works. After a failure it tries to write as much as has failed.
  package func isReady() async -> Bool {
    guard queue.isFailing.load(ordering: .relaxed) else { return true }
    return await withUnsafeContinuation { submit(.probe(LoopContinuation(loop: loop, continuation: $0))) }
  }

  func submit(_ submission: CommitQueue.Entry) {
    pending.append(submission)
    if pending.count == 1 { loop.atEndOfTurn { [self] in queuePending() } }
    if pending.count == Self.earlyBatchSize { queuePending() }
  }

  private func queuePending() {
    let queued = queue.submissions.push(contentsOf: pending)
    for submission in pending.dropFirst(queued) {
      switch submission {
      case .command(let command): command.resume(.overloaded)
      case .probe(let waiting): waiting.continuation.resume(returning: false)
      }
    }
    pending.removeAll(keepingCapacity: true)
  }
}
