internal import EventLoop
package import Store
internal import System

/// A write that is no delivery: an order, an answer, claimed polls.
struct StoreWrite: Sendable {
  /// Executes the write inside a group commit. Returns what reports success once that is on disk.
  ///
  /// It is executed again if the commit fails and is retried, so it must change nothing but the store.
  let perform: @Sendable (StoreTransaction) throws(StoreError) -> @Sendable () -> Void
  /// Reports that the write was not committed.
  let fail: @Sendable (RecordingFailure) -> Void
}

/// The result of a ``StoreWrite``.
package typealias StoreResult<Value> = Result<Value, RecordingFailure>

extension CommitQueue {
  /// Executes `work` in a group commit.
  ///
  /// Blocks until that is on disk or has failed, so no loop may call it.
  package func write<Value: Sendable>(
    _ work: @escaping @Sendable (StoreTransaction) throws(StoreError) -> Value
  ) -> StoreResult<Value> {
    let result = OneShot<StoreResult<Value>>()
    let isQueued = submissions.push(
      .write(
        StoreWrite(
          perform: { transaction throws(StoreError) in
            let value = try work(transaction)
            return { result.set(.success(value)) }
          },
          fail: { failure in result.set(.failure(failure)) })))
    guard isQueued else { return .failure(.overloaded) }
    return result.wait()
  }
}

extension Recorder {
  /// Executes `work` in a group commit.
  ///
  /// Returns when that is on disk or has failed.
  package func write<Value: Sendable>(
    _ work: @escaping @Sendable (StoreTransaction) throws(StoreError) -> Value
  ) async -> StoreResult<Value> {
    await withUnsafeContinuation { (continuation: UnsafeContinuation<StoreResult<Value>, Never>) in
      let loop = loop
      submit(
        .write(
          StoreWrite(
            perform: { transaction throws(StoreError) in
              let value = try work(transaction)
              return { loop.post { continuation.resume(returning: .success(value)) } }
            },
            fail: { failure in loop.post { continuation.resume(returning: .failure(failure)) } })))
    }
  }
}
