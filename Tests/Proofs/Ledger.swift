internal import LiveDaemon

/// What was sent, what was answered, and what was seen: all that a daemon may be held to. Used by many threads.
final class Ledger: Sendable {
  /// The sends of one event. A count stops at 255; no event is sent as often.
  struct Sends {
    let word: Word
    var attempts: UInt8 = 0
    var acknowledged: UInt8 = 0
    /// Acknowledged as something new.
    var fresh: UInt8 = 0
    /// Answered with a 4xx: not stored, whatever happens.
    var refused: UInt8 = 0
  }

  /// How far a job has come at least, by what was acknowledged and by what was read.
  struct Floor: Equatable {
    var rank = -1
    var revision = 0
    /// The end that was read.
    var end: String?
  }

  fileprivate struct Record {
    let firstEvent: Int
    let eventCount: Int
    var floor = Floor()
  }

  fileprivate struct State {
    var schedule: Schedule
    var jobs: [Record] = []
    var events: [Sends] = []
    var unanswered: [Event] = []
    var urgent: [Event] = []
    var acknowledged = 0
    var statuses: [Int: Int] = [:]
    var problems: [String] = []
    var waitingSince = ContinuousClock.now
    var firstAcknowledgement: ContinuousClock.Instant?
  }

  private let state: Guarded<State>

  init(seed: UInt64) {
    state = Guarded(State(schedule: Schedule(seed: seed)))
  }

  var acknowledged: Int { state.withLock(\.acknowledged) }
  var jobCount: Int { state.withLock(\.jobs.count) }
  var problems: [String] { state.withLock(\.problems) }

  /// How many sends were answered with `status`.
  func count(of status: Int) -> Int { state.withLock { $0.statuses[status] ?? 0 } }
}

// MARK: - Sending

extension Ledger {
  /// What to send next; counted as sent.
  func next() -> Event {
    state.withLock { state in
      let event = state.urgent.popLast() ?? state.schedule.next()
      for words in state.schedule.takeBegun() {
        state.jobs.append(Record(firstEvent: state.events.count, eventCount: words.count))
        state.events += words.map { Sends(word: $0) }
      }
      state.change(event) { $0.attempts = min($0.attempts, 254) + 1 }
      return event
    }
  }

  /// The answer to one send.
  func note(_ status: Int, isDuplicate: Bool, to event: Event, sentAt: ContinuousClock.Instant) {
    state.withLock { state in
      state.statuses[status, default: 0] += 1
      if (400..<500).contains(status) { state.change(event) { $0.refused += 1 } }
      guard status == 200 else { return }
      state.acknowledged += 1
      if state.firstAcknowledgement == nil, sentAt >= state.waitingSince { state.firstAcknowledgement = .now }
      state.change(event) {
        $0.acknowledged = min($0.acknowledged, 254) + 1
        if !isDuplicate { $0.fresh = min($0.fresh, 254) + 1 }
      }
      let rank = max(state.jobs[event.job].floor.rank, event.word.rank)
      state.jobs[event.job].floor.rank = rank
    }
  }

  /// No answer came: it may have been stored or not.
  func noteSilence(after event: Event) {
    state.withLock { $0.unanswered.append(event) }
  }

  /// What has got no answer is sent again, as the provider does.
  func retryUnanswered() {
    state.withLock { state in
      state.urgent += state.unanswered
      state.unanswered.removeAll()
    }
  }

  /// From now on, something sent later has to be acknowledged.
  func awaitAcknowledgement() {
    state.withLock { state in
      state.waitingSince = .now
      state.firstAcknowledgement = nil
    }
  }

  /// When the first delivery was acknowledged that was sent since ``awaitAcknowledgement()``.
  var firstAcknowledgement: ContinuousClock.Instant? { state.withLock(\.firstAcknowledgement) }
}

// MARK: - Reading

extension Ledger {
  /// A job that is not among the oldest, if there is one: it may be changing.
  func recentJob(_ random: Int) -> Int? {
    state.withLock { $0.jobs.isEmpty ? nil : max(0, $0.jobs.count - 1 - random) }
  }

  /// Of the newest `limit` jobs, and of no others: ask before reading.
  func floors(ofNewest limit: Int) -> [String: (job: Int, floor: Floor)] {
    state.withLock { state in
      let jobs = max(0, state.jobs.count - limit)..<state.jobs.count
      return Dictionary(uniqueKeysWithValues: jobs.map { (Event.jobID($0), ($0, state.jobs[$0].floor)) })
    }
  }

  func floor(of job: Int) -> Floor { state.withLock { $0.jobs[job].floor } }

  /// What a reader has seen of a job that was at `floor` before it asked; nil where there is no such job.
  func note(_ seen: JobDocument?, of job: Int, above floor: Floor) {
    let problem = Self.problem(with: seen, above: floor)
    state.withLock { state in
      if let problem, state.problems.count < 20 { state.problems.append("\(Event.jobID(job)): \(problem)") }
      guard let seen else { return }
      state.jobs[job].floor.revision = max(state.jobs[job].floor.revision, seen.revision)
      if Word.ends.contains(where: { $0.state == seen.state }) { state.jobs[job].floor.end = seen.state }
    }
  }

  static func problem(with seen: JobDocument?, above floor: Floor) -> String? {
    guard let seen else { return floor == Floor() ? nil : "it was there, and is not" }
    // A job that had no news for too long has come no less far.
    let rank = seen.state == "stale" ? 1 : Word.allCases.first { $0.state == seen.state }?.rank ?? -1
    if rank < floor.rank { return "it was acknowledged to be further than \(seen.state)" }
    if seen.revision < floor.revision { return "revision \(seen.revision) after \(floor.revision)" }
    if let end = floor.end, end != seen.state { return "\(seen.state) after \(end)" }
    return nil
  }

  /// The sends of a job's events, by step.
  func sends(of job: Int) -> [Sends] {
    state.withLock { state in
      let record = state.jobs[job]
      return Array(state.events[record.firstEvent..<record.firstEvent + record.eventCount])
    }
  }
}

extension Ledger.State {
  fileprivate mutating func change(_ event: Event, _ body: (inout Ledger.Sends) -> Void) {
    body(&events[jobs[event.job].firstEvent + event.step])
  }
}
