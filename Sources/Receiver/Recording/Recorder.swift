package import EventLoop
package import Jobs
package import Store
internal import Synchronization

/// Where the loops hand over deliveries, and wait until they are on disk.
///
/// Behind it is one ``CommitThread``. While one batch is synced to the disk the next one gathers here, so under load a
/// delivery costs a fraction of a sync, and a delivery alone waits for nothing.
package final class Recorder: Sendable {
  /// Deliveries that may wait. A full queue means that the disk has stopped; senders try again for about a minute.
  private static let capacity = 4096

  let queue = BlockingQueue<Submission>(capacity: Recorder.capacity)
  /// The last attempt to write failed.
  let isFailing = Atomic(false)

  enum Submission: Sendable {
    case delivery(Delivery, Waiting<Outcome>)
    case probe(Waiting<Bool>)
  }

  /// What becomes of one delivery.
  package typealias Outcome = Result<Recording, RecordingFailure>

  package init() {}

  /// Stores `delivery`; returns when it is durably committed, or is not going to be.
  package func record(_ delivery: Delivery, from loop: EventLoop) async -> Outcome {
    await withUnsafeContinuation { continuation in
      let waiting = Waiting(loop: loop, continuation: continuation)
      if !queue.push(.delivery(delivery, waiting)) {
        continuation.resume(returning: .failure(.overloaded))
      }
    }
  }

  /// Whether a delivery could be stored now. Costs nothing while writing works; after a failure it tries to write.
  package func isReady(from loop: EventLoop) async -> Bool {
    guard isFailing.load(ordering: .relaxed) else { return true }
    return await withUnsafeContinuation { continuation in
      if !queue.push(.probe(Waiting(loop: loop, continuation: continuation))) {
        continuation.resume(returning: false)
      }
    }
  }

  /// Takes nothing more. What was taken is still stored.
  package func close() {
    queue.close()
  }
}

/// Why a delivery was not stored.
package enum RecordingFailure: Error, Sendable {
  case overloaded
  case unavailable(StoreError)
}

/// A task of a loop that waits for the writer.
struct Waiting<Answer: Sendable>: Sendable {
  let loop: EventLoop
  let continuation: UnsafeContinuation<Answer, Never>
}
