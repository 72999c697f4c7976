internal import EventLoop
internal import System

/// How a retry by request wakes the sender, which runs on another loop.
final class Waker: Sendable {
  private let timer = Lock<WakeableTimer?>(nil)

  /// - Parameter timer: on which the sender sleeps.
  func begin(with timer: WakeableTimer) { self.timer.withLock { $0 = timer } }

  func wake() { timer.withLock { $0 }?.wake() }
}
