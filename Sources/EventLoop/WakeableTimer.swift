internal import Synchronization
package import Time

/// A sleep of one task on a loop, which any thread may end.
///
/// Wake-ups are coalesced. One that comes before the sleep ends it at once.
///
/// `@unchecked Sendable`: the handle is used on the loop only.
package final class WakeableTimer: @unchecked Sendable {
  package let loop: EventLoop
  private let handle = WaitHandle(descriptor: nil)
  private let isWoken = Atomic(false)

  package init(loop: EventLoop) {
    self.loop = loop
  }

  /// Ends the sleep, or the next one. Callable from any thread.
  package func wake() {
    guard !isWoken.exchange(true, ordering: .acquiringAndReleasing) else { return }
    loop.post { [self] in handle.end(.interrupted) }
  }

  /// Sleeps until `deadline`, or until ``wake()``. One task at a time, on the loop.
  package func sleep(until deadline: MonotonicTime) async {
    if !isWoken.load(ordering: .acquiring) { _ = await loop.sleep(handle, until: deadline) }
    // Cleared before the caller looks at what the wake-up announced.
    _ = isWoken.exchange(false, ordering: .acquiringAndReleasing)
  }
}

extension EventLoop {
  /// Sleeps for `duration`, or until the task is canceled.
  ///
  /// - Returns: false if the task is canceled.
  package func pause(for duration: Duration) async -> Bool {
    let timer = WakeableTimer(loop: self)
    let deadline = kernel.monotonicTime + duration
    await withTaskCancellationHandler {
      await timer.sleep(until: deadline)
    } onCancel: {
      timer.wake()
    }
    return !Task.isCancelled
  }
}
