internal import Foundation
internal import LiveDaemon

extension Run {
  /// Checks every job from `first` on against the running daemon.
  ///
  /// A lost delivery stays lost: the row has the highest count of any one check.
  func examine(from first: Int = 0) throws {
    let port = try requireDaemon().apiPort
    let count = ledger.jobCount
    let checker = Checker(ledger, jobs: first..<count, apiPort: port)
    let violations = try checker.result()
    row.lost = max(row.lost, violations.lost)
    row.appliedTwice = max(row.appliedTwice, violations.appliedTwice)
    row.problems += violations.problems
  }

  /// The row, once everything has been checked.
  func finished(_ note: String = "") -> Row {
    row.acknowledged = ledger.acknowledged
    row.problems += ledger.problems
    row.note = note
    return row
  }
}

/// Reads many jobs on several connections at once, and checks each.
final class Checker: Sendable {
  struct Violations {
    var lost = 0
    var appliedTwice = 0
    var problems: [String] = []
  }

  private struct State {
    var violations = Violations()
    var next: Int
    var running = Checker.threads
  }

  private static let threads = 8
  private static let maxProblems = 20

  private let ledger: Ledger
  private let jobs: Range<Int>
  private let apiPort: Int
  private let state: Guarded<State>

  init(_ ledger: Ledger, jobs: Range<Int>, apiPort: Int) {
    self.ledger = ledger
    self.jobs = jobs
    self.apiPort = apiPort
    state = Guarded(State(next: jobs.lowerBound))
    for _ in 0..<Self.threads { Thread.detachNewThread { self.work() } }
  }

  func result() throws -> Violations {
    // A thread ends after its job, or when its connection times out.
    while state.withLock({ $0.running > 0 }) { poll(nil, 0, 5) }
    return state.withLock(\.violations)
  }

  private func work() {
    var connection: HTTPConnection?
    var failures = 0
    while let job = takeJob() {
      // The daemon closes a connection now and then; one retry is enough.
      do {
        try examine(job, &connection)
      } catch {
        do {
          connection = nil
          try examine(job, &connection)
        } catch {
          failures += 1
          recordProblem("\(Event.jobID(job)) cannot be read: \(error)")
          if failures > Self.maxProblems { break }
        }
      }
    }
    state.withLock { $0.running -= 1 }
  }

  private func takeJob() -> Int? {
    state.withLock { state in
      guard state.next < jobs.upperBound else { return nil }
      defer { state.next += 1 }
      return state.next
    }
  }

  private func examine(_ job: Int, _ kept: inout HTTPConnection?) throws {
    let connection = try kept ?? HTTPConnection(host: "127.0.0.2", port: apiPort)
    kept = connection
    let bound = ledger.lowerBound(of: job)
    let answer = try connection.get("/jobs/\(Event.jobID(job))")
    let history = try connection.get("/jobs/\(Event.jobID(job))/history?limit=1000")
    guard answer.status == history.status, answer.status == 200 || answer.status == 404 else {
      throw Unusable("answered \(answer.status) and \(history.status)")
    }
    let document = answer.status == 200 ? try JobDocument.decode(answer.body) : nil
    ledger.note(document, of: job, above: bound)
    let examination = Examination(
      of: job, ledger.sends(of: job), document,
      history.status == 200 ? try HistoryDocument.decode(history.body) : nil)
    state.withLock { state in
      state.violations.lost += examination.lost
      state.violations.appliedTwice += examination.appliedTwice
    }
    if let problem = examination.problem { recordProblem("\(Event.jobID(job)): \(problem)") }
  }

  private func recordProblem(_ problem: String) {
    state.withLock { state in
      if state.violations.problems.count < Self.maxProblems { state.violations.problems.append(problem) }
    }
  }
}
