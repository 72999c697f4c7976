package import Time

/// The polling schedule of an open job.
package struct PollState: Hashable, Sendable {
  /// When the provider last reported on the job, from any source.
  package private(set) var lastActivityAt: Timestamp
  /// When the job is next checked. Nil once it has ended.
  ///
  /// Only a lower bound: activity does not move it, so that a delivery costs no write to an index.
  package internal(set) var dueAt: Timestamp?
  /// The number of polls since the last activity.
  package private(set) var polls: Int64
  /// When the job became stale. Nil while it is not.
  package internal(set) var staleAt: Timestamp?

  package init(lastActivityAt: Timestamp, dueAt: Timestamp?, polls: Int64 = 0, staleAt: Timestamp? = nil) {
    self.lastActivityAt = lastActivityAt
    self.dueAt = dueAt
    self.polls = polls
    self.staleAt = staleAt
  }

  /// Resets the backoff and the staleness, because the provider reported something new.
  ///
  /// Where no check was scheduled, because polling was impossible, one is due at once and schedules the next.
  mutating func noteActivity(at now: Timestamp) {
    lastActivityAt = max(lastActivityAt, now)
    polls = 0
    staleAt = nil
    dueAt = dueAt ?? now
  }

  /// Postpones staleness, because a poll found the prediction unchanged. The backoff goes on.
  mutating func confirm(at now: Timestamp) {
    lastActivityAt = max(lastActivityAt, now)
  }

  /// Starts the schedule when the create call is made.
  mutating func begin(at now: Timestamp, firstCheck: Timestamp) {
    lastActivityAt = max(lastActivityAt, now)
    polls = 0
    dueAt = firstCheck
  }

  /// Schedules one check for the end of a hold.
  mutating func hold(until deadline: Timestamp) {
    end()
    dueAt = deadline
  }

  mutating func end() {
    dueAt = nil
    staleAt = nil
    polls = 0
  }

  fileprivate mutating func notePoll() { polls += 1 }

  /// Moves activity in the future to `now`: the clock was set back since.
  ///
  /// Until the old time is reached again, every check would otherwise postpone the first poll.
  fileprivate mutating func noteClock(_ now: Timestamp) { lastActivityAt = min(lastActivityAt, now) }
}

/// When open jobs are polled, and when they become stale.
package struct PollPolicy: Equatable, Sendable {
  /// The time without activity after which a job is `stale`, in milliseconds.
  package var timeout: Int64
  /// The delay of the first poll after the last activity, in milliseconds.
  ///
  /// Nil where polling is off.
  package var firstPoll: Int64?
  /// The maximum interval between two polls, in milliseconds.
  package var maxInterval: Int64

  /// Creates a policy with intervals of at most ten minutes by default.
  ///
  /// Replicate erases outputs an hour after the end, so several polls fall into that hour.
  package init(timeout: Int64, firstPoll: Int64?, maxInterval: Int64 = 600_000) {
    self.timeout = timeout
    self.firstPoll = firstPoll
    self.maxInterval = maxInterval
  }

  /// When a job whose last activity was at `moment` is first checked.
  package func firstCheck(after moment: Timestamp, timeout override: Int64?) -> Timestamp {
    let timeout = override ?? timeout
    return moment.advanced(byMilliseconds: min(timeout, pause(polls: 0, within: timeout) ?? timeout))
  }

  /// The interval before poll number `polls`, from 0.
  ///
  /// Each interval is twice the last, and two of them fit into `window`.
  fileprivate func pause(polls: Int64, within window: Int64) -> Int64? {
    guard let firstPoll else { return nil }
    return min(maxInterval, firstPoll << min(polls, 20), max(window / 2, 1000))
  }
}

extension Job {
  /// The result of checking an open job.
  package struct Check: Equatable, Sendable {
    package let becameStale: Bool
    /// A poll is due now.
    package let needsPoll: Bool
  }

  /// Checks an open job, and schedules its next check.
  ///
  /// It may be stale, or due for a poll.
  ///
  /// - Parameters:
  ///   - clockSetAt: when the wall clock last jumped. Earlier activity counts from then, so that a jump makes
  ///     no job stale early.
  ///   - timeout: the job's own timeout in milliseconds, where it has one.
  ///   - jitter: a random number from -1 to 1 that spreads the polls.
  package mutating func check(
    at now: Timestamp, policy: PollPolicy, clockSetAt: Timestamp?, timeout override: Int64?, jitter: Double
  ) -> Check {
    guard !phase.isTerminal else {
      pollState.end()
      return Check(becameStale: false, needsPoll: false)
    }
    let timeout = override ?? policy.timeout
    pollState.noteClock(now)
    let lastActivityAt = min(
      clockSetAt.map { max(pollState.lastActivityAt, $0) } ?? pollState.lastActivityAt, now)
    let staleTime = lastActivityAt.advanced(byMilliseconds: timeout)
    let becomesStale = pollState.staleAt == nil && staleTime <= now
    if becomesStale {
      pollState.staleAt = now
      revision += 1
      updatedAt = max(updatedAt, now)
    }
    var next = pollState.staleAt == nil ? staleTime : nil
    var needsPoll = false
    let window = pollState.staleAt == nil ? timeout : .max
    if snapshot != nil, let pause = policy.pause(polls: pollState.polls, within: window) {
      // The first poll is timed from the last activity, each later one from the poll before it, which is now.
      let pollTime = pollState.polls == 0 ? lastActivityAt.advanced(byMilliseconds: pause) : now
      if pollTime <= now {
        needsPoll = true
        pollState.notePoll()
        let later = Double(policy.pause(polls: pollState.polls, within: window) ?? pause) * (1 + jitter / 5)
        next = min(next ?? .distantFuture, now.advanced(byMilliseconds: Int64(later)))
      } else {
        next = min(next ?? .distantFuture, pollTime)
      }
    } else if snapshot == nil, let due = next, let pause = policy.pause(polls: 0, within: window) {
      // The create call may be answered at any time, and a webhook may be lost: without another check before
      // the timeout, the prediction would not be polled until then.
      next = min(due, now.advanced(byMilliseconds: pause))
    }
    // A stale job that cannot be polled is not checked again: only activity can change it.
    pollState.dueAt = next
    return Check(becameStale: becomesStale, needsPoll: needsPoll)
  }
}
