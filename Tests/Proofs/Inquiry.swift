internal import Foundation
internal import LiveDaemon

extension Trial {
  /// Asks the daemon that runs for every job from `first` on. What is lost is lost for good: the row has the most that
  /// was found at once.
  func examine(from first: Int = 0) throws {
    let port = try requireDaemon().apiPort
    let count = ledger.jobCount
    let inquiry = Inquiry(ledger, jobs: first..<count, apiPort: port)
    let findings = try inquiry.result()
    row.lost = max(row.lost, findings.lost)
    row.appliedTwice = max(row.appliedTwice, findings.appliedTwice)
    row.problems += findings.problems
  }

  /// The row, when everything has been asked for.
  func finished(_ note: String = "") -> Row {
    row.acknowledged = ledger.acknowledged
    row.problems += ledger.problems
    row.note = note
    return row
  }
}

/// Asks for many jobs on several connections at once.
final class Inquiry: Sendable {
  struct Findings {
    var lost = 0
    var appliedTwice = 0
    var problems: [String] = []
  }

  private struct State {
    var findings = Findings()
    var next: Int
    var running = Inquiry.threads
  }

  private static let threads = 8
  private static let mostProblems = 20

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

  func result() throws -> Findings {
    // A thread ends after its job at the latest when its connection's patience does.
    while state.withLock({ $0.running > 0 }) { poll(nil, 0, 5) }
    return state.withLock(\.findings)
  }

  private func work() {
    var connection: HTTPConnection?
    var failures = 0
    while let job = takeJob() {
      // The daemon ends a connection now and then; once more is enough.
      do {
        try examine(job, &connection)
      } catch {
        do {
          connection = nil
          try examine(job, &connection)
        } catch {
          failures += 1
          complain("\(Event.jobID(job)) cannot be asked for: \(error)")
          if failures > Self.mostProblems { break }
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
    let floor = ledger.floor(of: job)
    let answer = try connection.get("/jobs/\(Event.jobID(job))")
    let history = try connection.get("/jobs/\(Event.jobID(job))/history?limit=1000")
    guard answer.status == history.status, answer.status == 200 || answer.status == 404 else {
      throw Unusable("answered \(answer.status) and \(history.status)")
    }
    let document = answer.status == 200 ? try JobDocument.decode(answer.body) : nil
    ledger.note(document, of: job, above: floor)
    let examination = Examination(
      of: job, ledger.sends(of: job), document,
      history.status == 200 ? try HistoryDocument.decode(history.body) : nil)
    state.withLock { state in
      state.findings.lost += examination.lost
      state.findings.appliedTwice += examination.appliedTwice
    }
    if let problem = examination.problem { complain("\(Event.jobID(job)): \(problem)") }
  }

  private func complain(_ problem: String) {
    state.withLock { state in
      if state.findings.problems.count < Self.mostProblems { state.findings.problems.append(problem) }
    }
  }
}
