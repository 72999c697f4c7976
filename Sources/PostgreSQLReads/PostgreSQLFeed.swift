package import StoreSeam
package import PostgreSQL
internal import PostgreSQLSchema
package import System
internal import Time

/// Announces the changes of this process to others, and receives theirs.
///
/// Changes are announced after their commit, by NOTIFY on a connection of its own. Inside the transaction a
/// NOTIFY would hold a lock of the whole server until the commit has reached the standby (async.c). A poll
/// finds what no notification has announced, and all changes once the feed is complete up to them.
package final class PostgreSQLFeed: Sendable {
  private let target: ConnectionTarget
  private let timing: FeedTiming
  private let observer: FeedObserver
  private let outbox = Lock<[Int64: CommittedChange]>([:])
  private let wakeUp: EventDescriptor
  private let stopSignal = StopSignal()

  package init(
    to target: ConnectionTarget, timing: FeedTiming = FeedTiming(), observer: FeedObserver
  ) throws(SystemError) {
    self.target = target
    self.timing = timing
    self.observer = observer
    wakeUp = try EventDescriptor()
  }

  /// Announces what a commit of this process has changed. Callable from any thread.
  package func note(_ changes: [CommittedChange]) {
    guard !changes.isEmpty else { return }
    let mustWake = outbox.withLock { outbox in
      defer { for change in changes { outbox[change.number] = change } }
      return outbox.isEmpty
    }
    if mustWake { wakeUp.signal() }
  }

  /// Makes ``run()`` return. Callable from any thread.
  package func stop() {
    stopSignal.raise()
    wakeUp.signal()
  }

  /// Sends and receives until ``stop()``. The calling thread is used for nothing else meanwhile.
  ///
  /// Where the connection breaks, another one is made. What has changed meanwhile is found by the first poll.
  package func run() {
    var position = FeedProgress()
    var pause = timing.minReconnectPause
    while !stopSignal.isRaised {
      do throws(PostgreSQLError) {
        let session = try FeedSession(target, timing, observer, position)
        pause = timing.minReconnectPause
        defer { position = session.progress }
        while !stopSignal.isRaised {
          try session.step(wakingOn: wakeUp) { self.takeOutbox() }
        }
      } catch {
        observer.failed(StorageError(error))
        _ = stopSignal.pause(for: pause)
        pause = min(pause * 2, timing.maxReconnectPause)
      }
    }
  }

  private func takeOutbox() -> [CommittedChange] {
    let changes = outbox.withLock { outbox in
      defer { outbox = [:] }
      return outbox
    }
    return changes.values.sorted { $0.change < $1.change }
  }
}

/// How often the feed sends and polls.
package struct FeedTiming: Sendable {
  /// The minimum interval between two announcements, and between two polls while changes are not final.
  package var coalescing = Duration.milliseconds(20)
  package var pollInterval = Duration.milliseconds(500)
  /// The interval where no notification can be received.
  package var pooledPollInterval = Duration.milliseconds(250)
  /// How long the server may take to answer.
  package var timeout = Duration.seconds(4)
  package var minReconnectPause = Duration.milliseconds(50)
  package var maxReconnectPause = Duration.seconds(1)

  package init() {}
}

/// What the feed reports, on its thread.
package struct FeedObserver: Sendable {
  /// Jobs that have changed. A change is reported again once the feed is complete up to it.
  package var didChange: @Sendable ([CommittedChange]) -> Void
  /// Whether anybody waits for changes. Only the position is read otherwise.
  package var isNeeded: @Sendable () -> Bool
  /// How long the oldest change has waited until all earlier transactions of the server have ended.
  package var isHeldBack: @Sendable (Duration) -> Void
  /// A connection was made. Behind a pooler, changes are found by polling alone.
  package var connected: @Sendable (_ isPooled: Bool) -> Void
  /// The connection broke, or was not made. Another attempt follows.
  package var failed: @Sendable (StorageError) -> Void

  package init(
    didChange: @escaping @Sendable ([CommittedChange]) -> Void,
    isNeeded: @escaping @Sendable () -> Bool = { true },
    isHeldBack: @escaping @Sendable (Duration) -> Void = { _ in },
    connected: @escaping @Sendable (_ isPooled: Bool) -> Void = { _ in },
    failed: @escaping @Sendable (StorageError) -> Void = { _ in }
  ) {
    self.didChange = didChange
    self.isNeeded = isNeeded
    self.isHeldBack = isHeldBack
    self.connected = connected
    self.failed = failed
  }
}
