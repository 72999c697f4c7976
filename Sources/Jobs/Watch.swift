package import Time

/// How an open job is looked after: when something was last heard of it, and when to look again.
package struct Watch: Hashable, Sendable {
  /// When the provider last said anything of the job, by whatever way.
  package private(set) var heardAt: Timestamp
  /// When to look after the job next; nil once it has ended. Only a lower bound: what is heard meanwhile does not move it,
  /// so that a delivery costs no place in an index.
  package internal(set) var dueAt: Timestamp?
  /// How often the provider was asked since something was heard last.
  package private(set) var polls: Int64
  /// Since when the job is overdue for news; nil while it is not.
  package internal(set) var staleAt: Timestamp?

  package init(heardAt: Timestamp, dueAt: Timestamp?, polls: Int64 = 0, staleAt: Timestamp? = nil) {
    self.heardAt = heardAt
    self.dueAt = dueAt
    self.polls = polls
    self.staleAt = staleAt
  }

  /// Something new was heard: questions begin anew, and nothing is overdue. Where nobody would have looked again, for there
  /// was nobody to ask, the next look is due at once: it finds out when the one after it is.
  mutating func hear(at now: Timestamp) {
    heardAt = max(heardAt, now)
    polls = 0
    staleAt = nil
    dueAt = dueAt ?? now
  }

  /// The provider says that nothing has changed: the job is not overdue, and the next question may wait longer.
  mutating func confirm(at now: Timestamp) {
    heardAt = max(heardAt, now)
  }

  /// The job was sent on its way: from now on its news can be waited for.
  mutating func begin(at now: Timestamp, firstLook: Timestamp) {
    heardAt = max(heardAt, now)
    polls = 0
    dueAt = firstLook
  }

  mutating func end() {
    dueAt = nil
    staleAt = nil
    polls = 0
  }

  fileprivate mutating func notePoll() { polls += 1 }
}

/// By which rules open jobs are looked after.
package struct WatchPolicy: Equatable, Sendable {
  /// No news for so long, in milliseconds: `stale`.
  package var timeout: Int64
  /// When the provider is first asked, in milliseconds after the last news; nil where it cannot be asked.
  package var firstPoll: Int64?
  /// The longest pause between two questions, in milliseconds.
  package var longestPause: Int64

  /// Replicate erases outputs an hour after the end: with pauses of ten minutes, several questions fall into it.
  package init(timeout: Int64, firstPoll: Int64?, longestPause: Int64 = 600_000) {
    self.timeout = timeout
    self.firstPoll = firstPoll
    self.longestPause = longestPause
  }

  /// When a job that was heard of at `moment` is first looked at.
  package func firstLook(after moment: Timestamp, timeout override: Int64?) -> Timestamp {
    let timeout = override ?? timeout
    return moment.advanced(byMilliseconds: min(timeout, pause(polls: 0, within: timeout) ?? timeout))
  }

  /// The pause before the question number `polls`, from 0: each is twice the last, and two of them fit into `window`.
  fileprivate func pause(polls: Int64, within window: Int64) -> Int64? {
    guard let firstPoll else { return nil }
    return min(longestPause, firstPoll << min(polls, 20), max(window / 2, 1000))
  }
}

extension Job {
  /// What a look at an open job found.
  package struct Look: Equatable, Sendable {
    package let becameStale: Bool
    /// Ask the provider now.
    package let asks: Bool
  }

  /// Decides what the time that has passed means for an open job, and when to look again.
  ///
  /// - Parameters:
  ///   - clockSetAt: when the wall clock was last seen to jump. What was heard by another reckoning counts as heard then, so
  ///     that a jump makes no job stale early.
  ///   - timeout: the job's own window in milliseconds, where it has one.
  ///   - jitter: from -1 to 1, at random: spreads the questions.
  package mutating func look(
    at now: Timestamp, policy: WatchPolicy, clockSetAt: Timestamp?, timeout override: Int64?, jitter: Double
  ) -> Look {
    guard !phase.isTerminal else {
      watch.end()
      return Look(becameStale: false, asks: false)
    }
    let timeout = override ?? policy.timeout
    let heardAt = clockSetAt.map { min(max(watch.heardAt, $0), now) } ?? min(watch.heardAt, now)
    let staleTime = heardAt.advanced(byMilliseconds: timeout)
    let becomesStale = watch.staleAt == nil && staleTime <= now
    if becomesStale {
      watch.staleAt = now
      revision += 1
      updatedAt = max(updatedAt, now)
    }
    var next = watch.staleAt == nil ? staleTime : nil
    var asks = false
    let window = watch.staleAt == nil ? timeout : .max
    if snapshot != nil, let pause = policy.pause(polls: watch.polls, within: window) {
      // The first question counts from the last news, each later one from the question before, which is now.
      let askTime = watch.polls == 0 ? heardAt.advanced(byMilliseconds: pause) : now
      if askTime <= now {
        asks = true
        watch.notePoll()
        let later = Double(policy.pause(polls: watch.polls, within: window) ?? pause) * (1 + jitter / 5)
        next = min(next ?? .distantFuture, now.advanced(byMilliseconds: Int64(later)))
      } else {
        next = min(next ?? .distantFuture, askTime)
      }
    }
    // A stale job of which nobody can be asked is not looked at again: only news can move it.
    watch.dueAt = next
    return Look(becameStale: becomesStale, asks: asks)
  }
}
