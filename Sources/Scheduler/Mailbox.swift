package import EventLoop
internal import Synchronization

/// The scheduler's mailbox: how other threads wake it.
///
/// Repeated messages are coalesced.
package final class Mailbox: Sendable {
  let timer: WakeableTimer
  private let hasFailures = Atomic(false)
  private let turnCount = Atomic(0)
  /// Set by the scheduler: when it creates next.
  package let pace = CreationPace()

  /// - Parameter loop: the scheduler's.
  package init(loop: EventLoop) {
    timer = WakeableTimer(loop: loop)
  }

  package var loop: EventLoop { timer.loop }

  /// Notes that something may be due.
  package func wake() { timer.wake() }

  /// Notes that a delivery's signature is wrong. After many of these, the secret may have changed.
  package func noteFailedVerification() {
    if !hasFailures.exchange(true, ordering: .acquiringAndReleasing) { timer.wake() }
  }

  /// How often the scheduler has looked for due work.
  package var turns: Int { turnCount.load(ordering: .relaxed) }
  func noteTurn() { turnCount.add(1, ordering: .relaxed) }

  /// Whether a verification has failed since the last call.
  func consumeFailedVerification() -> Bool {
    hasFailures.exchange(false, ordering: .acquiringAndReleasing)
  }
}
