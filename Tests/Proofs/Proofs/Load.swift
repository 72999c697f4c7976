internal import Foundation
internal import LiveDaemon

/// Threads that send a ledger's events, and threads that read meanwhile.
///
/// Each keeps its connection, and goes on through every failure.
final class Load: Sendable {
  private struct State {
    var mustStop = false
    var running: Int
    var clockOffset = 0
    /// Microseconds from each send to its 200.
    var latencies: [UInt32] = []
  }

  static let senders = 16
  static let readers = 3
  /// How many of the newest jobs are read while they may change.
  private static let recentJobs = 300

  private let ledger: Ledger
  private let targets: [Target]
  private let state: Guarded<State>

  /// A receiver. A thread whose connection fails goes on with the next one, as a balancer does.
  struct Target {
    let webhookPort: Int
    let apiPort: Int
  }

  init(on targets: [Target], ledger: Ledger, readers: Int = Load.readers, clockOffset: Int = 0) {
    self.ledger = ledger
    self.targets = targets
    state = Guarded(State(running: Self.senders + readers, clockOffset: clockOffset))
    for number in 0..<Self.senders { Thread.detachNewThread { self.work(from: number, self.send) } }
    for number in 0..<readers { Thread.detachNewThread { self.work(from: number, self.read) } }
  }

  convenience init(on daemon: Daemon, ledger: Ledger, readers: Int = Load.readers, clockOffset: Int = 0) {
    self.init(
      on: [Target(webhookPort: daemon.webhookPort, apiPort: daemon.apiPort)], ledger: ledger,
      readers: readers, clockOffset: clockOffset)
  }

  /// How many seconds the daemon's clock is ahead of ours.
  func setClockOffset(_ seconds: Int) { state.withLock { $0.clockOffset = seconds } }

  /// Microseconds from send to 200, of all sends since the last call.
  func takeLatencies() -> [UInt32] {
    state.withLock { state in
      defer { state.latencies.removeAll(keepingCapacity: true) }
      return state.latencies
    }
  }

  func stop() throws {
    state.withLock { $0.mustStop = true }
    // A thread waits no longer than its connection's timeout.
    try wait("the end of the load", seconds: 150) { state.withLock { $0.running == 0 } }
  }

  private var isOver: Bool { state.withLock(\.mustStop) }

  /// Repeats `round` until the end, also after an error.
  private func work(from first: Int, _ round: (inout HTTPConnection?, Target) throws -> Void) {
    var connection: HTTPConnection?
    var number = first
    while !isOver {
      do {
        try round(&connection, targets[number % targets.count])
      } catch {
        connection = nil
        number += 1
        poll(nil, 0, 5)
      }
    }
    state.withLock { $0.running -= 1 }
  }
}

// MARK: - One round

extension Load {
  private static let timeoutSeconds = 120

  private func send(_ kept: inout HTTPConnection?, to target: Target) throws {
    let connection =
      try kept
      ?? HTTPConnection(host: "127.0.0.1", port: target.webhookPort, timeoutSeconds: Self.timeoutSeconds)
    kept = connection
    let event = ledger.next()
    let delivery = try SignedDelivery(
      id: event.webhookID, body: event.body, age: -state.withLock(\.clockOffset))
    let start = ContinuousClock.now
    let answer: (status: Int, body: [UInt8])
    do {
      try connection.send(delivery.request)
      answer = try connection.receiveStatusAndBody()
    } catch {
      ledger.noteUnanswered(event)
      throw error
    }
    let microseconds = (ContinuousClock.now - start).milliseconds * 1000
    ledger.note(answer.status, isDuplicate: Self.isDuplicate(answer.body), to: event, sentAt: start)
    if answer.status == 200 {
      state.withLock { $0.latencies.append(UInt32(min(microseconds, 4e9))) }
    } else {
      // An error may close the connection. The next attempt comes sooner than Retry-After requests.
      kept = nil
      poll(nil, 0, 20)
    }
  }

  static func isDuplicate(_ body: [UInt8]) -> Bool {
    String(decoding: body, as: UTF8.self).contains(#""duplicate":true"#)
  }

  private func read(_ kept: inout HTTPConnection?, from target: Target) throws {
    let connection =
      try kept ?? HTTPConnection(host: "127.0.0.2", port: target.apiPort, timeoutSeconds: Self.timeoutSeconds)
    kept = connection
    if Int.random(in: 0..<4) == 0 {
      let bounds = ledger.lowerBounds(ofNewest: Self.recentJobs)
      let answer = try connection.get("/jobs?limit=50")
      guard answer.status == 200 else { throw Unusable("answered \(answer.status)") }
      for document in try JobPage.decode(answer.body).jobs {
        if let (job, bound) = bounds[document.id] { ledger.note(document, of: job, above: bound) }
      }
    } else if let job = ledger.recentJob(Int.random(in: 0..<Self.recentJobs)) {
      let bound = ledger.lowerBound(of: job)
      let answer = try connection.get("/jobs/\(Event.jobID(job))")
      guard answer.status == 200 || answer.status == 404 else { throw Unusable("answered \(answer.status)") }
      let document = answer.status == 200 ? try JobDocument.decode(answer.body) : nil
      ledger.note(document, of: job, above: bound)
    }
  }
}

extension HTTPConnection {
  /// Sends a GET to the jobs API.
  func get(_ path: String) throws -> (status: Int, body: [UInt8]) {
    try send("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)
    return try receiveStatusAndBody()
  }
}

extension Duration {
  var milliseconds: Double { self / .milliseconds(1) }
}
