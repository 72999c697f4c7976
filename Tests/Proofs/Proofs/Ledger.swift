internal import LiveDaemon

/// What was sent, answered and read.
///
/// Many threads use it.
final class Ledger: Sendable {
  /// The sends of one event. Counts saturate at 255; no event is sent as often.
  struct Sends {
    let report: Report
    var attempts: UInt8 = 0
    var acknowledged: UInt8 = 0
    /// Acknowledged as new.
    var fresh: UInt8 = 0
    /// Answered with a 4xx, which must never be stored.
    var refused: UInt8 = 0
  }

  /// The least progress of a job that acknowledgements and reads prove.
  struct LowerBound: Equatable {
    var rank = -1
    var revision = 0
    /// The end that was read.
    var end: String?
  }

  fileprivate struct Record {
    let firstEvent: Int
    let eventCount: Int
    var bound = LowerBound()
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
  /// The next event to send; it is counted as sent.
  func next() -> Event {
    state.withLock { state in
      let event = state.urgent.popLast() ?? state.schedule.next()
      for reports in state.schedule.takeBegun() {
        state.jobs.append(Record(firstEvent: state.events.count, eventCount: reports.count))
        state.events += reports.map { Sends(report: $0) }
      }
      state.change(event) { $0.attempts = min($0.attempts, 254) + 1 }
      return event
    }
  }

  /// Records the answer to one send.
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
      let rank = max(state.jobs[event.job].bound.rank, event.report.rank)
      state.jobs[event.job].bound.rank = rank
    }
  }

  /// Records a missing answer.
  ///
  /// The event may have been stored or not.
  func noteUnanswered(_ event: Event) {
    state.withLock { $0.unanswered.append(event) }
  }

  /// Sends unanswered events again, as the provider does.
  func retryUnanswered() {
    state.withLock { state in
      state.urgent += state.unanswered
      state.unanswered.removeAll()
    }
  }

  /// Starts waiting for the acknowledgement of a later send.
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
  /// A job among the newest, which may still change.
  ///
  /// Nil if there is none.
  func recentJob(_ random: Int) -> Int? {
    state.withLock { $0.jobs.isEmpty ? nil : max(0, $0.jobs.count - 1 - random) }
  }

  /// The bounds of the newest `limit` jobs. Take them before the read that they are compared with.
  func lowerBounds(ofNewest limit: Int) -> [String: (job: Int, bound: LowerBound)] {
    state.withLock { state in
      let jobs = max(0, state.jobs.count - limit)..<state.jobs.count
      return Dictionary(uniqueKeysWithValues: jobs.map { (Event.jobID($0), ($0, state.jobs[$0].bound)) })
    }
  }

  func lowerBound(of job: Int) -> LowerBound { state.withLock { $0.jobs[job].bound } }

  /// Records what a reader saw of a job; nil: no such job.
  ///
  /// - Parameter bound: the job's bound before the request.
  func note(_ seen: JobDocument?, of job: Int, above bound: LowerBound) {
    let problem = Self.problem(with: seen, above: bound)
    state.withLock { state in
      if let problem, state.problems.count < 20 { state.problems.append("\(Event.jobID(job)): \(problem)") }
      guard let seen else { return }
      state.jobs[job].bound.revision = max(state.jobs[job].bound.revision, seen.revision)
      if Report.ends.contains(where: { $0.state == seen.state }) { state.jobs[job].bound.end = seen.state }
    }
  }

  static func problem(with seen: JobDocument?, above bound: LowerBound) -> String? {
    guard let seen else { return bound == LowerBound() ? nil : "it was there, and is not" }
    // A job that had no updates for too long has come no less far.
    let rank = seen.state == "stale" ? 1 : Report.allCases.first { $0.state == seen.state }?.rank ?? -1
    if rank < bound.rank { return "it was acknowledged to be further than \(seen.state)" }
    if seen.revision < bound.revision { return "revision \(seen.revision) after \(bound.revision)" }
    if let end = bound.end, end != seen.state { return "\(seen.state) after \(end)" }
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
