internal import Synchronization
internal import System

/// The scheduler's mailbox; repeated wake-ups are coalesced.
///
/// That keeps room for each caller's events. A caller whose `done` is lost would never get a call again.
package final class Mailbox: Sendable {
  private let events: BlockingQueue<Event>
  private let isWoken = Atomic(false)
  private let hasFailures = Atomic(false)
  /// Set by the dispatcher: when it creates next.
  package let pace = CreationPace()

  /// - Parameter maxCallers: each has at most two events that are not received yet.
  package init(maxCallers: Int) {
    events = BlockingQueue(capacity: 2 * maxCallers + 2)
  }

  package func wake() {
    if !isWoken.exchange(true, ordering: .acquiringAndReleasing) { _ = events.push(.wake) }
  }

  package func noteFailedVerification() {
    guard !hasFailures.exchange(true, ordering: .acquiringAndReleasing) else { return }
    _ = events.push(.verificationFailed)
  }

  func send(_ event: Event) {
    _ = events.push(event)
  }

  /// As ``BlockingQueue/popAll(timeout:batchWindow:)``. Later wake-ups are sent again.
  func receiveAll(timeout: Duration) -> [Event]? {
    guard let batch = events.popAll(timeout: timeout) else { return nil }
    if batch.contains(.wake) { isWoken.store(false, ordering: .releasing) }
    if batch.contains(.verificationFailed) { hasFailures.store(false, ordering: .releasing) }
    return batch
  }

  func close() { events.close() }
}

extension Mailbox {
  /// A message to the ``Dispatcher``.
  enum Event: Equatable, Sendable {
    /// Something may be due.
    case wake
    /// A delivery's signature is wrong. After many of these, the secret may have changed.
    case verificationFailed
    /// A caller has finished its call.
    case done(caller: Int, pause: ProviderPause?)
    case secretNotFetched
    /// A search has made that many calls.
    case called(Int)
  }
}
