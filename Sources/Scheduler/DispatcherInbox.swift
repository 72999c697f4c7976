internal import Synchronization
internal import System

/// What the ``Dispatcher`` is told.
enum DispatcherEvent: Equatable, Sendable {
  /// There may be something to do.
  case wake
  /// A delivery's signature was not right. If many are not, the secret may have changed.
  case verificationFailed
  case done(caller: Int, pause: ProviderPause?)
  case secretNotFetched
  /// A search has made so many calls.
  case called(Int)
}

/// Where the ``Dispatcher`` is told. What many may say again and again waits in it once, so that there is always room for what
/// each caller says: a caller that is not heard to be done is never called again.
package final class DispatcherInbox: Sendable {
  private let events: BlockingQueue<DispatcherEvent>
  private let isWoken = Atomic(false)
  private let hasFailures = Atomic(false)
  /// Where the dispatcher notes when it creates next.
  package let pace = CreationPace()

  /// - Parameter callers: how many there are at most; each has told two things at most that are not heard yet.
  package init(callers: Int) {
    events = BlockingQueue(capacity: 2 * callers + 2)
  }

  package func wake() {
    if !isWoken.exchange(true, ordering: .acquiringAndReleasing) { _ = events.push(.wake) }
  }

  package func noteFailedVerification() {
    guard !hasFailures.exchange(true, ordering: .acquiringAndReleasing) else { return }
    _ = events.push(.verificationFailed)
  }

  func tell(_ event: DispatcherEvent) {
    _ = events.push(event)
  }

  /// As ``BlockingQueue/popAll(timeout:batchWindow:)``. What is said from now on is said anew.
  func popAll(timeout: Duration) -> [DispatcherEvent]? {
    guard let batch = events.popAll(timeout: timeout) else { return nil }
    if batch.contains(.wake) { isWoken.store(false, ordering: .releasing) }
    if batch.contains(.verificationFailed) { hasFailures.store(false, ordering: .releasing) }
    return batch
  }

  func close() { events.close() }
}
