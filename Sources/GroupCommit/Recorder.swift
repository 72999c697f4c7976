package import EventLoop
package import Jobs
package import Store
internal import Synchronization
internal import System

/// Where the connections of one loop hand over deliveries, and wait until they are on disk. Used on its loop only.
///
/// What comes in one turn of the loop is handed over at its end, all at once: the writer then finds a batch, where it would
/// take the first delivery alone and let the others wait for that sync. A delivery alone waits for nothing. Where many come,
/// a part is handed over before, so that the writer begins while the loop goes on.
package final class Recorder {
  let loop: EventLoop
  private let queue: CommitQueue
  private var gathered: [CommitQueue.Submission] = []

  /// So many are worth a sync of their own: with 64 connections half of them is written while the other half is decoded.
  private static let earlyBatch = 32

  /// What becomes of one delivery.
  package typealias Outcome = Result<Recording, RecordingFailure>

  package init(loop: EventLoop, queue: CommitQueue) {
    self.loop = loop
    self.queue = queue
  }

  /// Stores `delivery`; returns when it is durably committed, or is not going to be.
  package func record(_ delivery: Delivery) async -> Outcome {
    await withUnsafeContinuation { submit(.delivery(delivery, Waiting(loop: loop, continuation: $0))) }
  }

  /// Whether a delivery could be stored now. Costs nothing while writing works; after a failure it tries to write as
  /// much as has failed.
  package func isReady() async -> Bool {
    guard queue.isFailing.load(ordering: .relaxed) else { return true }
    return await withUnsafeContinuation { submit(.probe(Waiting(loop: loop, continuation: $0))) }
  }

  func submit(_ submission: CommitQueue.Submission) {
    gathered.append(submission)
    if gathered.count == 1 { loop.atEndOfTurn { [self] in handOver() } }
    if gathered.count == Self.earlyBatch { handOver() }
  }

  private func handOver() {
    let taken = queue.submissions.push(contentsOf: gathered)
    for submission in gathered.dropFirst(taken) {
      switch submission {
      case .delivery(_, let waiting): waiting.continuation.resume(returning: .failure(.overloaded))
      case .work(let work): work.refuse(.overloaded)
      case .probe(let waiting): waiting.continuation.resume(returning: false)
      }
    }
    gathered.removeAll(keepingCapacity: true)
  }
}

/// Why a delivery was not stored.
package enum RecordingFailure: Error, Sendable {
  case overloaded
  case unavailable(StoreError)
}
