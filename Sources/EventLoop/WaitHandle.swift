internal import Time

/// How a wait ended.
package enum WaitOutcome: Equatable, Sendable {
  case ready
  case deadline
  /// ``EventLoop/interrupt(_:)`` was called: the caller should stop waiting.
  case interrupted
}

/// The wait state of one task of a loop.
///
/// A task waits for a socket, or for time alone. Used on the loop's thread only.
package final class WaitHandle {
  enum Interest {
    case reading, writing, time
    /// The peer has shut down its side, or the connection broke.
    case hangUp
  }

  /// The readiness that the kernel reported last.
  ///
  /// Readiness is latched: only a call that would have blocked clears it.
  var canRead = true
  var canWrite = true
  var hungUp = false

  let descriptor: Int32?
  /// The registration. An event of an earlier owner of the same descriptor has another token.
  var token: UInt64 = 0

  fileprivate(set) var interest = Interest.time
  fileprivate(set) var deadline = MonotonicTime(nanoseconds: .max)
  fileprivate var continuation: UnsafeContinuation<WaitOutcome, Never>?

  /// Maintained by ``DeadlineQueue``.
  var heapIndex: Int?
  var wakesAt = MonotonicTime(nanoseconds: .max)

  init(descriptor: Int32?) {
    self.descriptor = descriptor
  }

  var isWaiting: Bool { continuation != nil }

  func begin(
    _ interest: Interest, until deadline: MonotonicTime,
    _ continuation: UnsafeContinuation<WaitOutcome, Never>
  ) {
    precondition(self.continuation == nil, "two tasks wait for one socket")
    self.interest = interest
    self.deadline = deadline
    self.continuation = continuation
  }

  func end(_ outcome: WaitOutcome) {
    guard let continuation else { return }
    self.continuation = nil
    continuation.resume(returning: outcome)
  }

  var isSatisfied: Bool {
    switch interest {
    case .reading: canRead
    case .writing: canWrite
    case .time: false
    case .hangUp: hungUp
    }
  }
}
