internal import EventLoop
internal import Jobs
package import Ledger
package import StoreSeam
internal import System

/// A command that waits for its commit, and the one who waits for its result.
///
/// It passes from its submitter to the commit thread and back. Only one of them uses it at a time.
protocol Submission: LedgerCommand, Sendable {
  /// The size of a delivery's body. Nil for other commands, which take little space.
  var bodySize: Int? { get }
  /// The loop on which the submitter is resumed. Nil for a thread.
  var loop: EventLoop? { get }
  /// Resumes the submitter, on its loop.
  ///
  /// - Parameter failure: nil where the command was committed.
  func resume(_ failure: RecordingFailure?)
}

/// Why a submission was not committed.
package enum RecordingFailure: Error, Sendable {
  case overloaded
  case unavailable(StorageError)

  /// The failure as one of the store.
  package var storageError: StorageError {
    switch self {
    case .overloaded: .overloaded
    case .unavailable(let error): error
    }
  }
}

/// The result of a write that is no delivery.
package typealias StoreResult<Value> = Result<Value, RecordingFailure>

/// A delivery to record.
///
/// `@unchecked Sendable`: see ``Submission``.
final class DeliverySubmission: Submission, @unchecked Sendable {
  let delivery: Delivery
  private let waiting: LoopContinuation<Recorder.Outcome>
  private var recording: Recording?

  init(_ delivery: Delivery, _ waiting: LoopContinuation<Recorder.Outcome>) {
    self.delivery = delivery
    self.waiting = waiting
  }

  var bodySize: Int? { delivery.body.count }
  var loop: EventLoop? { waiting.loop }

  func addKeys(to keys: inout LedgerKeys) { keys.add(delivery) }

  func decide(in transaction: LedgerTransaction) throws(StorageError) {
    recording = try transaction.record(delivery)
  }

  func resume(_ failure: RecordingFailure?) {
    waiting.continuation.resume(returning: outcome(failure, recording))
  }
}

/// A write that is no delivery: an order, an answer, claimed polls.
///
/// `@unchecked Sendable`: see ``Submission``.
final class WorkSubmission<Value: Sendable>: Submission, @unchecked Sendable {
  private let keys: LedgerKeys
  private let work: @Sendable (LedgerTransaction) throws(StorageError) -> Value
  let loop: EventLoop?
  private let report: @Sendable (StoreResult<Value>) -> Void
  private var value: Value?

  init(
    reading keys: LedgerKeys, loop: EventLoop?,
    _ work: @escaping @Sendable (LedgerTransaction) throws(StorageError) -> Value,
    report: @escaping @Sendable (StoreResult<Value>) -> Void
  ) {
    self.keys = keys
    self.loop = loop
    self.work = work
    self.report = report
  }

  var bodySize: Int? { nil }

  func addKeys(to keys: inout LedgerKeys) { keys.formUnion(self.keys) }

  func decide(in transaction: LedgerTransaction) throws(StorageError) {
    value = try work(transaction)
  }

  func resume(_ failure: RecordingFailure?) { report(outcome(failure, value)) }
}

/// The outcome of a submission. Without a failure it was decided, and so has a value.
private func outcome<Value>(_ failure: RecordingFailure?, _ value: Value?) -> StoreResult<Value> {
  if let failure { return .failure(failure) }
  guard let value else { return .failure(.unavailable(.rejected("a command was committed undecided"))) }
  return .success(value)
}

extension CommitQueue {
  /// Executes `work` in a group commit.
  ///
  /// Blocks until that is on disk or has failed, so no loop may call it.
  ///
  /// - Parameter keys: what `work` is known to read.
  package func write<Value: Sendable>(
    reading keys: LedgerKeys = .none,
    _ work: @escaping @Sendable (LedgerTransaction) throws(StorageError) -> Value
  ) -> StoreResult<Value> {
    let result = OneShot<StoreResult<Value>>()
    let submission = WorkSubmission(reading: keys, loop: nil, work) { result.set($0) }
    guard submissions.push(.command(submission)) else { return .failure(.overloaded) }
    return result.wait()
  }
}

extension Recorder {
  /// Executes `work` in a group commit.
  ///
  /// Returns when that is on disk or has failed.
  ///
  /// - Parameter keys: what `work` is known to read.
  package func write<Value: Sendable>(
    reading keys: LedgerKeys = .none,
    _ work: @escaping @Sendable (LedgerTransaction) throws(StorageError) -> Value
  ) async -> StoreResult<Value> {
    await withUnsafeContinuation { (continuation: UnsafeContinuation<StoreResult<Value>, Never>) in
      submit(
        .command(
          WorkSubmission(reading: keys, loop: loop, work) { continuation.resume(returning: $0) }))
    }
  }
}
