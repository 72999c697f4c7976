internal import StoreSeam
internal import PostgreSQL
internal import PostgreSQLSchema
internal import System
internal import Time

/// What the feed knows, across connections.
struct FeedProgress {
  /// All changes up to this number were reported. Nil before the first poll.
  var reported: Int64?
  /// The newest change that was reported, although the feed was not complete up to it.
  var seen: Int64 = 0
  /// A change up to which the feed was not complete when it was first seen, and when that was.
  var waiting: (change: Int64, since: MonotonicTime)?
}

/// One connection of the feed, used by its thread.
final class FeedSession {
  private(set) var progress: FeedProgress
  private let connection: Connection
  private let timing: FeedTiming
  private let observer: FeedObserver
  private let isPooled: Bool
  private var nextPoll = MonotonicClock.now
  private var nextAnnouncement = MonotonicClock.now
  private var hasAnnouncement = true
  private var pause: Duration
  private var lastBound: Int64 = 0

  private static let channel = "replicate_webhookd_changes"
  private static let listen = Query("LISTEN \(channel)")
  private static let backend = Query("SELECT pg_backend_pid()")

  init(
    _ target: ConnectionTarget, _ timing: FeedTiming, _ observer: FeedObserver, _ progress: FeedProgress
  ) throws(PostgreSQLError) {
    let deadline = MonotonicClock.now + timing.timeout
    self.timing = timing
    pause = timing.pollInterval
    self.observer = observer
    self.progress = progress
    connection = try Connection(to: target, named: "replicate-webhookd feed", deadline: deadline)
    // A pooler answers with a number of its own when a client connects, and gives each transaction another
    // server connection. One that listens there is not ours later.
    let process = try connection.run(Self.backend, deadline: deadline).integer(0, 0)
    isPooled = process != Int64(connection.backendProcess)
    if !isPooled { _ = try connection.run(Self.listen, deadline: deadline) }
    observer.connected(isPooled)
  }

  /// Waits for what comes first: a notification, an announcement to send, or the time of a poll.
  func step(
    wakingOn wakeUp: EventDescriptor, _ takeOutbox: () -> [CommittedChange]
  ) throws(PostgreSQLError) {
    let deadline = hasAnnouncement ? min(nextPoll, nextAnnouncement) : nextPoll
    let notifications = try connection.notifications(until: deadline, wakingOn: wakeUp.number)
    receive(notifications)
    if wakeUp.drain() { hasAnnouncement = true }
    if hasAnnouncement, nextAnnouncement <= MonotonicClock.now {
      hasAnnouncement = false
      nextAnnouncement = MonotonicClock.now + timing.coalescing
      try announce(takeOutbox())
    }
    if nextPoll <= MonotonicClock.now { try poll() }
  }
}

// MARK: - Notifications

extension FeedSession {
  private static let begin = Query("BEGIN")
  /// An announcement may be lost, and must not wait for a standby while it holds the lock of all NOTIFY.
  private static let dontWait = Query("SELECT set_config('synchronous_commit', 'off', true)")
  private static let notify = Query(
    "SELECT pg_notify('\(channel)', payload) FROM unnest($1::text[]) AS payload")
  private static let commit = Query("COMMIT")

  private func announce(_ changes: [CommittedChange]) throws(PostgreSQLError) {
    guard !changes.isEmpty else { return }
    var pipeline = Pipeline()
    pipeline.add(Self.begin)
    pipeline.add(Self.dontWait)
    pipeline.add(Self.notify, [.texts(FeedMessage.payloads(of: changes))])
    pipeline.add(Self.commit)
    _ = try connection.run(pipeline, deadline: MonotonicClock.now + timing.timeout)
    pollSoon()
  }

  private func receive(_ notifications: [Notification]) {
    for notification in notifications
    where notification.channel == Self.channel && notification.sender != connection.backendProcess {
      switch FeedMessage(payload: notification.payload) {
      case .changes(let changes):
        observer.didChange(changes)
        pollSoon()
      case .many: pollSoon()
      case nil: break
      }
    }
  }

  /// Polls once the changes may be final. Until then a reader of the feed does not find them.
  private func pollSoon() {
    guard observer.isNeeded() else { return }
    nextPoll = min(nextPoll, MonotonicClock.now + timing.coalescing)
  }
}

// MARK: - Polling

extension FeedSession {
  /// The maximum number of changes that are read at once.
  private static let maxChanges = 1000

  private func poll() throws(PostgreSQLError) {
    let isNeeded = observer.isNeeded()
    let now = MonotonicClock.now
    let session = ReadSession(connection, deadline: now + timing.timeout, timeout: timing.timeout)
    let reported = progress.reported
    let results = try session.read { queries in
      queries.add(FeedQueries.state)
      if let reported, isNeeded {
        queries.add(FeedQueries.changed, [.integer(reported), .integer(Int64(Self.maxChanges))])
      }
    }
    let (bound, newest) = (results[0].integer(0, 0), results[0].integer(0, 1))
    noteBound(bound, newest, at: now)
    let last = results.count > 1 ? report(FeedQueries.changes(of: results[1]), upTo: bound) : nil
    // Without a reader, nothing is reported up to the end. A database that lost commits ends earlier.
    progress.reported = last ?? min(bound, newest)
    nextPoll = last == nil ? MonotonicClock.now + (isNeeded ? pause : longPause) : now
  }

  /// Reports changes up to the bound, and others if they are new.
  ///
  /// Readers of one job see its change at once. Those of the feed see it once the bound has passed it.
  ///
  /// - Returns: the last change where more may follow up to the bound.
  private func report(_ changes: [CommittedChange], upTo bound: Int64) -> Int64? {
    let new = changes.filter { $0.change <= bound || $0.change > progress.seen }
    if !new.isEmpty { observer.didChange(new) }
    guard let last = changes.last?.change else { return nil }
    progress.seen = max(progress.seen, last)
    return changes.count == Self.maxChanges && last <= bound ? last : nil
  }

  private var longPause: Duration { isPooled ? timing.pooledPollInterval : timing.pollInterval }

  /// Keeps the pause short while changes wait for the bound, and doubles it while the bound stands still.
  private func noteBound(_ bound: Int64, _ newest: Int64, at now: MonotonicTime) {
    if newest <= bound {
      pause = longPause
    } else {
      pause = bound > lastBound ? timing.coalescing : min(pause * 2, longPause)
    }
    lastBound = bound
    if let waiting = progress.waiting, waiting.change <= bound { progress.waiting = nil }
    if progress.waiting == nil, newest > bound { progress.waiting = (newest, now) }
    observer.isHeldBack(progress.waiting.map { now - $0.since } ?? .zero)
  }
}
