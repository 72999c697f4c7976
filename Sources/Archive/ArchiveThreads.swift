internal import System

/// Threads for calls that block, each with a value of its own.
///
/// A call resumes its task on the task's own executor. More calls than threads wait their turn.
final class ArchiveThreads<Context>: Sendable {
  private typealias Call = @Sendable (Context) -> Void

  private let calls = SharedQueue<Call>(capacity: 1024)

  /// - Parameters:
  ///   - name: the threads' name before their numbers.
  ///   - make: makes the value of a thread.
  init(_ count: Int, named name: String, _ make: () throws -> sending Context) throws {
    for number in 0..<count {
      let (calls, context) = (calls, try make())
      _ = try Thread(named: "\(name)-\(number)") {
        while let call = calls.pop() { call(context) }
      }
    }
  }

  /// - Returns: nil after ``close()``.
  func run<Value: Sendable>(_ body: @escaping @Sendable (Context) -> Value) async -> Value? {
    await withUnsafeContinuation { (continuation: UnsafeContinuation<Value?, Never>) in
      let isTaken = calls.push { continuation.resume(returning: body($0)) }
      if !isTaken { continuation.resume(returning: nil) }
    }
  }

  /// Ends the threads when their calls have returned.
  func close() { calls.close() }
}
