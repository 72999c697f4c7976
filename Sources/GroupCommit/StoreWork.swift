internal import EventLoop
package import Store
internal import System

/// Something to be written that is no delivery: an order, an answer of the provider, a look at open jobs.
struct StoreWork: Sendable {
  /// Does it inside a commit, and returns what to say once that is on disk. Done again where the commit failed and is tried
  /// once more, so it must change nothing but the store.
  let perform: @Sendable (StoreTransaction) throws(StoreError) -> @Sendable () -> Void
  /// Says that it was not done.
  let refuse: @Sendable (RecordingFailure) -> Void
}

/// What came of a ``StoreWork``.
package typealias StoreResult<Value> = Result<Value, RecordingFailure>

extension CommitQueue {
  /// Does `work` in a commit, and blocks until that is on disk or has failed: for threads of their own, never for a loop.
  package func write<Value: Sendable>(
    _ work: @escaping @Sendable (StoreTransaction) throws(StoreError) -> Value
  ) -> StoreResult<Value> {
    let answer = OneShot<StoreResult<Value>>()
    let isTaken = submissions.push(
      .work(
        StoreWork(
          perform: { transaction throws(StoreError) in
            let value = try work(transaction)
            return { answer.set(.success(value)) }
          },
          refuse: { failure in answer.set(.failure(failure)) })))
    guard isTaken else { return .failure(.overloaded) }
    return answer.wait()
  }
}

extension Recorder {
  /// Does `work` in a commit; returns when that is on disk or has failed.
  package func write<Value: Sendable>(
    _ work: @escaping @Sendable (StoreTransaction) throws(StoreError) -> Value
  ) async -> StoreResult<Value> {
    await withUnsafeContinuation { (continuation: UnsafeContinuation<StoreResult<Value>, Never>) in
      let loop = loop
      submit(
        .work(
          StoreWork(
            perform: { transaction throws(StoreError) in
              let value = try work(transaction)
              return { loop.post { continuation.resume(returning: .success(value)) } }
            },
            refuse: { failure in loop.post { continuation.resume(returning: .failure(failure)) } })))
    }
  }
}
