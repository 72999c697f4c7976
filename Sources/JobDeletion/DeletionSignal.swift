internal import EventLoop
internal import Synchronization

/// Wakes the service of pending deletions. Callable from any thread.
final class DeletionSignal: Sendable {
  private let timer = Mutex<WakeableTimer?>(nil)
  private let hasNew = Atomic(true)

  /// - Parameter timer: the sleep of the service.
  func attach(_ timer: WakeableTimer) {
    hasNew.store(true, ordering: .releasing)
    self.timer.withLock { $0 = timer }
  }

  /// Announces a new pending deletion.
  func wake() {
    hasNew.store(true, ordering: .releasing)
    timer.withLock { $0 }?.wake()
  }

  /// Lets the next run read all pending deletions again.
  func wakeLater() { hasNew.store(true, ordering: .releasing) }

  /// Whether there are new pending deletions since the last call.
  func consume() -> Bool { hasNew.exchange(false, ordering: .acquiringAndReleasing) }
}
